//! Revoked sessions: they ended by sign-out, a password change, a reused refresh token or a closed account. The gateway
//! refuses their access tokens, although these have not expired.
//!
//! The gateway asks member-api twice a second for new revocations and keeps the answers in memory. So a request needs only
//! a look-up in a map. There may be any number of gateways and of instances of member-api: each gateway asks for itself,
//! and each instance answers from the database.
//!
//! If member-api does not answer, nobody is signed out and no revoked session becomes valid again:
//!
//! - A gateway that has not had an answer yet refuses every token with 503. It is ready nevertheless, because it serves
//!   public routes.
//! - A gateway that has had an answer keeps it, and goes on refusing the revoked sessions it knows. While all of member-api
//!   is down, no session can be revoked. If only this gateway can't reach member-api, it learns of new revocations when
//!   it can again; until then it accepts their access tokens until they expire. The metric
//!   `gateway_revocations_age_seconds` and `/readyz` show how old the last answer is.

mod poller;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::refusal::Refusal;

/// The largest age of the last answer before it is reported as too old. Dalkom promises that a revocation takes effect
/// within this time.
const MAX_AGE: Duration = Duration::from_secs(2);
/// How long a request waits for the first answer, right after the start of the gateway.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

const REFUSED: &str = "gateway_revoked_sessions_refused_total";
const AGE: &str = "gateway_revocations_age_seconds";
const COUNT: &str = "gateway_revoked_sessions";

/// The revoked sessions that this gateway knows. Cheap to clone; clones share them.
#[derive(Clone, Debug)]
pub struct Revocations {
    clock: Clock,
    /// `None` until the first answer.
    known: Arc<watch::Sender<Option<Known>>>,
}

#[derive(Debug)]
struct Known {
    /// Until when each session is refused. By then its access tokens have expired.
    refused_until: HashMap<Uuid, OffsetDateTime>,
    /// All revocations up to this time are known.
    as_of: OffsetDateTime,
}

/// Why the revocations are reported as not up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StaleError {
    #[error("member-api has not answered yet")]
    NoAnswer,
    #[error("the last answer of member-api is {0:?} old")]
    Old(Duration),
}

impl Revocations {
    /// Refuses every session until [`update`](Self::update) is called.
    pub fn new(clock: Clock) -> Self {
        metrics::describe_counter!(REFUSED, "Requests that were refused because their session is revoked");
        metrics::describe_gauge!(AGE, "The age of the last answer of member-api about revoked sessions");
        metrics::describe_gauge!(COUNT, "Revoked sessions whose access tokens are refused");
        Self { clock, known: Arc::new(watch::Sender::new(None)) }
    }

    /// Adds an answer of member-api to a request of `asked_at`, and removes sessions whose access tokens have expired.
    pub fn update(&self, answer: &member_client::Revocations, asked_at: OffsetDateTime) {
        let now = self.clock.now();
        let until = now + Duration::from_secs(answer.refuse_for_seconds.into());
        self.known.send_modify(|known| {
            let known = known.get_or_insert_with(|| Known { refused_until: HashMap::new(), as_of: asked_at });
            known.refused_until.extend(answer.sessions.iter().map(|session| (*session, until)));
            known.refused_until.retain(|_, until| *until > now);
            known.as_of = asked_at;
            metrics::gauge!(COUNT).set(u32::try_from(known.refused_until.len()).unwrap_or(u32::MAX));
        });
        self.publish_age();
    }

    /// Refuses a revoked session, and every session before the first answer.
    pub(crate) async fn check(&self, session_id: Uuid) -> Result<(), Refusal> {
        self.wait_for_first_answer().await?;
        let known = self.known.borrow();
        let until = known.as_ref().and_then(|known| known.refused_until.get(&session_id));
        if until.is_some_and(|until| *until > self.clock.now()) {
            metrics::counter!(REFUSED).increment(1);
            return Err(Refusal::SessionEnded);
        }
        Ok(())
    }

    /// Returns an error if the last answer is too old.
    pub(crate) fn check_age(&self) -> Result<(), StaleError> {
        match self.age() {
            None => Err(StaleError::NoAnswer),
            Some(age) if age > MAX_AGE => Err(StaleError::Old(age)),
            Some(_) => Ok(()),
        }
    }

    /// The age of the last answer; `None` if there is none.
    fn age(&self) -> Option<Duration> {
        let as_of = self.known.borrow().as_ref()?.as_of;
        // The age is negative if the clock was set back.
        Some(Duration::try_from(self.clock.now() - as_of).unwrap_or_default())
    }

    fn publish_age(&self) {
        metrics::gauge!(AGE).set(self.age().map_or(f64::INFINITY, |age| age.as_secs_f64()));
    }

    async fn wait_for_first_answer(&self) -> Result<(), Refusal> {
        if self.known.borrow().is_some() {
            return Ok(());
        }
        let mut known = self.known.subscribe();
        match tokio::time::timeout(FIRST_ANSWER_TIMEOUT, known.wait_for(Option::is_some)).await {
            // The sender is in `self`, so the wait can't end because it is dropped.
            Ok(_) => Ok(()),
            Err(_) => Err(Refusal::RevocationsUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use clock::ClockControl;
    use time::macros::datetime;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn without_answer() -> (Revocations, ClockControl) {
        let (clock, clock_control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
        (Revocations::new(clock), clock_control)
    }

    fn answer(revocations: &Revocations, sessions: &[Uuid]) {
        let now = revocations.clock.now();
        let answer =
            member_client::Revocations { sessions: sessions.to_vec(), refuse_for_seconds: 60, as_of: now };
        revocations.update(&answer, now);
    }

    fn count(revocations: &Revocations) -> usize {
        revocations.known.borrow().as_ref().unwrap().refused_until.len()
    }

    #[tokio::test]
    async fn a_session_is_refused_for_the_given_time() {
        let (revocations, clock_control) = without_answer();
        let [ended, other] = [revocations.clock.new_id(), revocations.clock.new_id()];
        answer(&revocations, &[ended]);
        assert!(matches!(revocations.check(ended).await, Err(Refusal::SessionEnded)));
        assert!(revocations.check(other).await.is_ok());
        clock_control.advance(MINUTE);
        assert!(revocations.check(ended).await.is_ok(), "its tokens have expired");
    }

    #[tokio::test]
    async fn a_repeated_revocation_is_kept_longer_and_an_expired_one_is_removed() {
        let (revocations, clock_control) = without_answer();
        let [twice, once] = [revocations.clock.new_id(), revocations.clock.new_id()];
        answer(&revocations, &[twice, once]);
        clock_control.advance(MINUTE / 2);
        answer(&revocations, &[twice]);
        assert_eq!(count(&revocations), 2);
        clock_control.advance(MINUTE / 2);
        answer(&revocations, &[]);
        assert_eq!(count(&revocations), 1);
        assert!(matches!(revocations.check(twice).await, Err(Refusal::SessionEnded)));
    }

    #[tokio::test(start_paused = true)]
    async fn every_session_is_refused_before_the_first_answer() {
        let (revocations, _clock_control) = without_answer();
        let session = revocations.clock.new_id();
        assert!(matches!(revocations.check(session).await, Err(Refusal::RevocationsUnknown)));
        // A request that comes shortly before the first answer waits for it.
        let early = revocations.check(session);
        let (passed, ()) = tokio::join!(early, async { answer(&revocations, &[]) });
        assert!(passed.is_ok());
    }

    #[test]
    fn an_old_answer_is_reported() {
        let (revocations, clock_control) = without_answer();
        assert!(matches!(revocations.check_age(), Err(StaleError::NoAnswer)));
        answer(&revocations, &[]);
        clock_control.advance(MAX_AGE);
        assert!(revocations.check_age().is_ok());
        clock_control.advance(Duration::from_millis(1));
        assert!(matches!(revocations.check_age(), Err(StaleError::Old(_))));
        clock_control.set(datetime!(2020-01-01 00:00 UTC));
        assert_eq!(revocations.age(), Some(Duration::ZERO), "the clock was set back");
    }
}
