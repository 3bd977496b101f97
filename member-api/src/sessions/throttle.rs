//! The brake on guessing passwords: so many attempts by account and by address in a window of time.
//!
//! An attempt is counted before the password is looked at, so that a hundred at once count as a hundred, and taken
//! back when it was right. Accounts are counted whether they exist or not: a refusal tells nobody which do.

use std::net::IpAddr;
use std::time::Duration;

use database::Connection;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::members::Email;
use crate::sessions::db::sign_in_attempts::{self, Subject};
use crate::settings::SignIn;

/// Who tries to sign in, and from where.
#[derive(Clone, Copy)]
pub struct Attempt {
    account: Subject,
    address: Option<Subject>,
}

/// Whether an attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may, and is counted.
    Admitted,
    /// Too many were made. After this long it is worth trying again.
    Refused {
        /// Until the window ends.
        wait: Duration,
    },
}

impl Attempt {
    /// An attempt on the account with this email. An address that is not known is not counted.
    pub fn new(email: &Email, address: Option<IpAddr>) -> Self {
        Self {
            account: subject("account", email.as_str().as_bytes()),
            address: address.map(|address| subject("address", &network(address))),
        }
    }

    /// Counts it, and says whether it may be made. Inside the caller's transaction.
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
        for (subject, most) in subjects {
            let Some(subject) = subject else { continue };
            let count = sign_in_attempts::count(connection, subject, now, window_ends_at).await?;
            if i64::from(count.attempts) > i64::from(most) {
                wait = wait.max((count.window_ends_at - now).unsigned_abs());
            }
        }
        Ok(if wait.is_zero() { Admission::Admitted } else { Admission::Refused { wait } })
    }

    /// Takes it back, because it was right: the account starts anew, and the address has one attempt less.
    pub async fn forgive(&self, connection: &mut Connection) -> sqlx::Result<()> {
        sign_in_attempts::forget(connection, self.account).await?;
        if let Some(address) = self.address {
            sign_in_attempts::take_back(connection, address).await?;
        }
        Ok(())
    }
}

/// Only a hash is stored: the table is no list of who tried to sign in from where.
fn subject(kind: &str, value: &[u8]) -> Subject {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(value).finalize().into()
}

/// What one subscriber holds: an IPv4 address, or an IPv6 network of 64 bits.
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
