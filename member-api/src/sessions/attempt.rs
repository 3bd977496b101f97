//! An attempt to sign in or up, and the failures before it.

use std::time::Duration;

use access::MemberId;
use database::{Connection, Database};
use time::OffsetDateTime;

use crate::security_events::trail::Event;
use crate::sessions::db::{known_places, sign_in_failures};
use crate::sessions::delay::{Failures, Limit, Standing};
use crate::sessions::subjects::Subject;

/// How long an attempt after a delay excludes other attempts. It is longer than a hash takes. After that, an attempt whose
/// client has gone does not block the next one any more.
const CLAIM: Duration = Duration::from_secs(5);

/// An attempt, with the failures before it.
#[derive(Clone, Debug)]
pub struct Attempt {
    buckets: Vec<Bucket>,
    /// Where it comes from.
    place: Option<Subject>,
    /// Until when it is the only one.
    claimed_until: Option<OffsetDateTime>,
}

/// The failures of one subject.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// The name of its limit, for clients.
    pub(super) name: &'static str,
    pub(super) subject: Subject,
    pub(super) limit: Limit,
    /// Whether they delay this attempt. If not, they are only counted.
    pub(super) decides: bool,
    /// What a success does to them.
    pub(super) after_success: AfterSuccess,
    /// Whether the answer shows the client how many attempts are left.
    pub(super) is_told: bool,
    pub(super) found: Option<Failures>,
}

/// What a success does to the failures of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterSuccess {
    /// They stay.
    Kept,
    /// They are forgotten.
    Deleted,
    /// As many as there were from the place of the attempt are forgiven. Those of guessers elsewhere stay.
    LessThoseFromHere,
}

/// What is left of each limit, by its name.
pub type Standings = Vec<(&'static str, Standing)>;

/// Why an attempt was not allowed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Too many attempts have failed, or another one is being decided.
    #[error("too many attempts have failed")]
    Wait(Duration),
    /// The database failed.
    #[error("the attempt could not be claimed")]
    Database(#[from] sqlx::Error),
}

impl Attempt {
    /// An attempt that nothing limits, of an operator.
    pub fn unlimited() -> Self {
        Self::new(Vec::new(), None)
    }

    pub(super) fn new(buckets: Vec<Bucket>, place: Option<Subject>) -> Self {
        Self { buckets, place, claimed_until: None }
    }

    /// How long it must wait. Zero if it need not.
    pub fn wait(&self, now: OffsetDateTime) -> Duration {
        let waits = self.deciding().map(|bucket| bucket.limit.wait(bucket.failures(now), now));
        waits.max().unwrap_or_default()
    }

    /// What is left of the limits.
    pub fn standings(&self, now: OffsetDateTime) -> Standings {
        let told = self.buckets.iter().filter(|bucket| bucket.is_told);
        told.map(|bucket| (bucket.name, bucket.limit.standing(bucket.failures(now), now))).collect()
    }

    /// After a delay, allows only one attempt at a time on all instances. So there is one guess after each delay. An attempt
    /// without a delay needs no claim.
    pub async fn claim(&mut self, database: &Database, now: OffsetDateTime) -> Result<(), Refused> {
        let claimed: Vec<_> = self.used_up(now).collect();
        if claimed.is_empty() {
            return Ok(());
        }
        let until = now + CLAIM;
        let claim = database.run_tx("sign_in_claim", move |connection| {
            let claimed = claimed.clone();
            Box::pin(async move {
                for bucket in claimed {
                    let found = bucket.failures(now);
                    if !sign_in_failures::claim(connection, bucket.subject, found, until).await? {
                        return Err(Refused::Wait(CLAIM));
                    }
                }
                Ok(())
            })
        });
        claim.await?;
        self.claimed_until = Some(until);
        Ok(())
    }

    /// Counts its failure, and records it as an event of the account. Once begun, this is finished even if the caller is cancelled.
    pub async fn record_failure(
        &mut self,
        database: &Database,
        event: Option<Event>,
        now: OffsetDateTime,
    ) -> sqlx::Result<()> {
        let mut subjects = Vec::new();
        for bucket in &mut self.buckets {
            subjects.push((bucket.subject, now + bucket.limit.refill));
            bucket.found = Some(bucket.limit.add(bucket.failures(now), now));
        }
        // Always in the same order, so that two attempts do not deadlock.
        subjects.sort_unstable();
        if subjects.is_empty() {
            return Ok(());
        }
        let record = database.run_tx("sign_in_failed", move |connection| {
            let (subjects, event) = (subjects.clone(), event.clone());
            Box::pin(async move {
                sign_in_failures::add(connection, &subjects, now).await?;
                match &event {
                    Some(event) => event.record(connection).await,
                    None => Ok(()),
                }
            })
        });
        record.await
    }

    /// Ends it without a failure and without a success: another attempt need not wait for it. It is recorded as an event.
    pub async fn give_up(&self, database: &Database, event: Event, now: OffsetDateTime) -> sqlx::Result<()> {
        let attempt = self.clone();
        let give_up = database.run_tx("sign_in_given_up", move |connection| {
            let (attempt, event) = (attempt.clone(), event.clone());
            Box::pin(async move {
                attempt.end(connection, now).await?;
                event.record(connection).await
            })
        });
        give_up.await
    }

    /// Ends it without a failure and without forgiving one, in the caller's transaction.
    pub async fn end(&self, connection: &mut Connection, now: OffsetDateTime) -> sqlx::Result<()> {
        let Some(until) = self.claimed_until else { return Ok(()) };
        let mut claimed: Vec<_> = self.deciding().map(|bucket| bucket.subject).collect();
        claimed.sort_unstable();
        for subject in claimed {
            sign_in_failures::release(connection, subject, until, now).await?;
        }
        Ok(())
    }

    /// Records its success, in the caller's transaction: its place is known from now on, and the failures on the account from this
    /// place are forgotten. Those from other places stay: otherwise guessers would get new attempts whenever the member signs in.
    /// The failures of the address stay too: otherwise an attacker with an account could sign in to it to get more guesses.
    pub async fn record_success(
        &self,
        connection: &mut Connection,
        member_id: MemberId,
        now: OffsetDateTime,
    ) -> sqlx::Result<()> {
        if let Some(place) = self.place {
            known_places::record(connection, member_id, place, now).await?;
        }
        let mut found: Vec<_> = self.buckets.iter().filter(|bucket| bucket.found.is_some()).collect();
        found.sort_unstable_by_key(|bucket| bucket.subject);
        for bucket in found {
            if bucket.after_success == AfterSuccess::Deleted {
                sign_in_failures::delete(connection, bucket.subject).await?;
                continue;
            }
            if bucket.after_success == AfterSuccess::LessThoseFromHere {
                sign_in_failures::forgive(connection, bucket.subject, self.refill_of_here(now)).await?;
            }
            if let (true, Some(until)) = (bucket.decides, self.claimed_until) {
                sign_in_failures::release(connection, bucket.subject, until, now).await?;
            }
        }
        Ok(())
    }

    /// How long the failures that are forgotten would have taken to be forgiven.
    fn refill_of_here(&self, now: OffsetDateTime) -> Duration {
        let forgotten = self.buckets.iter().filter(|bucket| bucket.after_success == AfterSuccess::Deleted);
        let left = forgotten.map(|bucket| Duration::try_from(bucket.failures(now).clear_at - now));
        left.filter_map(Result::ok).max().unwrap_or_default()
    }

    fn deciding(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter().filter(|bucket| bucket.decides)
    }

    fn used_up(&self, now: OffsetDateTime) -> impl Iterator<Item = Bucket> {
        let mut used_up: Vec<_> = self
            .deciding()
            .filter(|bucket| bucket.limit.is_used_up(bucket.failures(now), now))
            .copied()
            .collect();
        used_up.sort_unstable_by_key(|bucket| bucket.subject);
        used_up.into_iter()
    }
}

/// The name of the limits of accounts.
pub(super) const ACCOUNT: &str = "account";
/// The name of the limits of addresses.
pub(super) const ADDRESS: &str = "address";

impl Bucket {
    fn failures(&self, now: OffsetDateTime) -> Failures {
        self.found.unwrap_or(Limit::none(now))
    }
}
