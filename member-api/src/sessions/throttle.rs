//! The limit on sign-in attempts, for each account and each address in a window of time. It stops password guessing.
//!
//! An attempt is counted before the password is verified, so that concurrent attempts are all counted. After a success, its
//! count is removed. Attempts on unknown accounts are counted too, so that a refusal does not tell which accounts exist.

use std::net::IpAddr;
use std::time::Duration;

use database::Connection;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::members::Email;
use crate::sessions::db::sign_in_attempts::{self, Subject};
use crate::settings::SignIn;

/// A sign-in attempt on an account, from an address.
#[derive(Clone, Copy)]
pub struct Attempt {
    account: Subject,
    address: Option<Subject>,
}

/// Whether an attempt is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is allowed, and was counted.
    Admitted,
    /// There were too many attempts.
    Refused {
        /// How long it takes until the window ends.
        wait: Duration,
    },
}

impl Attempt {
    /// An attempt on the account with this email. Without an address, only the account is counted.
    pub fn new(email: &Email, address: Option<IpAddr>) -> Self {
        Self {
            account: subject("account", email.as_str().as_bytes()),
            address: address.map(|address| subject("address", &network(address))),
        }
    }

    /// Counts the attempt and returns whether it is allowed. Runs in the caller's transaction.
    pub async fn count(
        &self,
        connection: &mut Connection,
        limits: &SignIn,
        now: OffsetDateTime,
    ) -> sqlx::Result<Admission> {
        let window_ends_at = now + Duration::from_secs(limits.window_s);
        let mut wait = Duration::ZERO;
        let subjects =
            [(Some(self.account), limits.account_attempts), (self.address, limits.address_attempts)];
        for (subject, limit) in subjects {
            let Some(subject) = subject else { continue };
            let count = sign_in_attempts::count(connection, subject, now, window_ends_at).await?;
            if i64::from(count.attempts) > i64::from(limit) {
                wait = wait.max((count.window_ends_at - now).unsigned_abs());
            }
        }
        Ok(if wait.is_zero() { Admission::Admitted } else { Admission::Refused { wait } })
    }

    /// Records that the password was right: the count of the account is reset, that of the address reduced by one.
    pub async fn record_success(&self, connection: &mut Connection) -> sqlx::Result<()> {
        sign_in_attempts::delete(connection, self.account).await?;
        if let Some(address) = self.address {
            sign_in_attempts::decrement(connection, address).await?;
        }
        Ok(())
    }
}

/// Deletes what is counted of an account that is closed.
pub async fn forget(connection: &mut Connection, email: &Email) -> sqlx::Result<()> {
    sign_in_attempts::delete(connection, Attempt::new(email, None).account).await
}

/// Returns the hash that is stored, so that the table does not show who tried to sign in from where.
fn subject(kind: &str, value: &[u8]) -> Subject {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(value).finalize().into()
}

/// Returns what one subscriber has: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network_of(address: &str) -> Vec<u8> {
        network(address.parse().unwrap())
    }

    #[test]
    fn the_addresses_of_one_subscriber_are_one_subject() {
        assert_eq!(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:2:ffff::9"));
        assert_ne!(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"));
        assert_eq!(network_of("::ffff:192.0.2.1"), network_of("192.0.2.1"));
        assert_ne!(network_of("192.0.2.1"), network_of("192.0.2.2"));
    }

    #[test]
    fn an_account_and_an_address_are_never_the_same_subject() {
        assert_ne!(subject("account", b"x"), subject("address", b"x"));
    }
}
