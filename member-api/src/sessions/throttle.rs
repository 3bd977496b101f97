//! Slows down clients that guess passwords, or that ask which emails are taken.
//!
//! Only failures count. An attempt that succeeds does not count, and neither does one that its client cancels before the
//! password was checked. A failure counts for the account, for the address, and for the account at this address. Unknown
//! accounts count too, so that a delay does not tell which accounts exist.
//!
//! An attempt from a known place, where the member has signed in before, is delayed only by failures on the account from that
//! place. So nobody can lock the member out there. An attempt from any other place is delayed by all failures on the account and
//! by all failures of the address.
//!
//! The counts are in the same database as the passwords. So both are available, or neither is.

use std::net::IpAddr;
use std::time::Duration;

use access::MemberId;
use anyhow::Context as _;
use database::Connection;
use secrecy::SecretString;
use service_host::{Live, live};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::members::Email;
use crate::sessions::attempt::{ACCOUNT, ADDRESS, AfterSuccess, Attempt, Bucket};
use crate::sessions::db::{known_places, sign_in_failures};
use crate::sessions::delay::Limit;
use crate::sessions::subjects::{Subject, SubjectKey, Subjects};
use crate::settings::{SignIn, Tokens};

/// The limits, and the key under which failures are stored. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Throttle {
    sign_in: Live<SignIn>,
    /// Their first key is the key of the hashes, if `sign_in` has none.
    tokens: Live<Tokens>,
}

impl Throttle {
    /// The limits of the settings, also of later ones.
    pub fn new(sign_in: Live<SignIn>, tokens: Live<Tokens>) -> anyhow::Result<Self> {
        let throttle = Self { sign_in, tokens };
        throttle.secret().context("there is no key for the hashes of emails and addresses")?;
        Ok(throttle)
    }

    fn secret(&self) -> Option<SecretString> {
        live::together(|| {
            let own = self.sign_in.get().hash_key.clone();
            own.or_else(|| self.tokens.get().signing_keys.first().cloned())
        })
    }

    fn key(&self) -> SubjectKey {
        // `new` has seen a secret, and the rules of `tokens` demand one.
        SubjectKey::new(&self.secret().unwrap_or_default())
    }

    fn account(&self) -> Limit {
        let settings = self.sign_in.get();
        Limit {
            attempts: settings.account_attempts,
            refill: seconds(settings.account_refill_s),
            longest_wait: seconds(settings.account_longest_wait_s),
        }
    }

    fn address(&self) -> Limit {
        let settings = self.sign_in.get();
        Limit {
            attempts: settings.address_attempts,
            refill: seconds(settings.address_refill_s),
            longest_wait: seconds(settings.address_longest_wait_s),
        }
    }

    /// The subjects of an attempt on the account with this email.
    pub fn subjects(&self, email: &Email, address: Option<IpAddr>) -> Subjects {
        self.key().of_sign_in(email, address)
    }

    /// Whose Idempotency-Keys a client's are, before there is a member. It is no member's id.
    pub fn key_owner(&self, address: Option<IpAddr>) -> Uuid {
        self.key().owner_of_keys(address)
    }

    /// A place is known if the member has signed in there at this time or later.
    pub fn known_since(&self, now: OffsetDateTime) -> OffsetDateTime {
        now - Duration::from_hours(24) * self.sign_in.get().known_place_days
    }

    /// Reads the failures before an attempt on an account. For an email that nobody has, it does the same work.
    pub async fn look_at_account(
        &self,
        connection: &mut Connection,
        subjects: Subjects,
        member_id: Option<MemberId>,
        now: OffsetDateTime,
    ) -> sqlx::Result<Attempt> {
        let mut buckets = vec![bucket(ACCOUNT, subjects.account, self.account())];
        let Some(origin) = subjects.origin else {
            find(connection, &mut buckets).await?;
            return Ok(Attempt::new(buckets, None));
        };
        let member_id = member_id.unwrap_or(MemberId(Uuid::nil()));
        let since = self.known_since(now);
        let is_known = known_places::is_known(connection, member_id, origin.place, since).await?;
        let after_success = if is_known { AfterSuccess::Kept } else { AfterSuccess::LessThoseFromHere };
        buckets[0] = Bucket { decides: !is_known, is_told: !is_known, after_success, ..buckets[0] };
        let here = bucket(ACCOUNT, origin.account_here, self.account());
        buckets.push(Bucket { decides: is_known, is_told: is_known, ..here });
        let address = bucket(ADDRESS, origin.address, self.address());
        buckets.push(Bucket { decides: !is_known, ..address });
        find(connection, &mut buckets).await?;
        Ok(Attempt::new(buckets, Some(origin.place)))
    }

    /// Reads the failures before a sign-up. Without an address there is no limit.
    pub async fn look_at_sign_up(
        &self,
        connection: &mut Connection,
        address: Option<IpAddr>,
    ) -> sqlx::Result<Attempt> {
        let Some(address) = address else { return Ok(Attempt::unlimited()) };
        let mut buckets = vec![bucket(ADDRESS, self.key().of_sign_up(address), self.address())];
        find(connection, &mut buckets).await?;
        Ok(Attempt::new(buckets, Some(self.key().place(address))))
    }

    /// Deletes the failures on an account that is closed. The worker `sweep` deletes its failures at single addresses later.
    pub async fn forget(&self, connection: &mut Connection, email: &Email) -> sqlx::Result<()> {
        sign_in_failures::delete(connection, self.subjects(email, None).account).await
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// A bucket that decides.
fn bucket(name: &'static str, subject: Subject, limit: Limit) -> Bucket {
    Bucket {
        name,
        subject,
        limit,
        decides: true,
        is_told: true,
        after_success: if name == ACCOUNT { AfterSuccess::Deleted } else { AfterSuccess::Kept },
        found: None,
    }
}

async fn find(connection: &mut Connection, buckets: &mut [Bucket]) -> sqlx::Result<()> {
    let subjects: Vec<_> = buckets.iter().map(|bucket| bucket.subject).collect();
    let found = sign_in_failures::find(connection, &subjects).await?;
    for (bucket, found) in buckets.iter_mut().zip(found) {
        bucket.found = found;
    }
    Ok(())
}
