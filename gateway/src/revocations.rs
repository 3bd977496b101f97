//! Sessions that have ended before their time, by signing out, another password, a stolen refresh token or a closed
//! account. Their access tokens are refused here although they have not expired.
//!
//! The gateway asks member-api twice a second what is new and keeps the answers in memory, so that a request costs a look
//! into a map and no call. Each gateway asks for itself, any instance of member-api answers from the database, and
//! none of them knows of the others: there may be any number of both.
//!
//! What happens when member-api does not answer is chosen so that a failure signs nobody out and nobody in again:
//!
//! - A gateway that has heard nothing yet believes no token: it answers 503. It could not verify many anyway, for the
//!   keys come from member-api as well. Public routes are served, so it is ready all the same.
//! - A gateway that has heard something keeps it and goes on. Everything that ended until then stays refused. While
//!   member-api is down nothing can end; where this gateway alone can't reach it, what ends is refused here when it can
//!   again, or when the access token expires. How old the knowledge is, the metric `gateway_revocations_age_seconds` and
//!   `/readyz` say.

mod inquiry;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::refusal::Refusal;

/// How old the knowledge may become before it is reported as too old: what Dalkom promises.
const FRESH: Duration = Duration::from_secs(2);
/// How long a request waits for a gateway that is just starting to hear the first news.
const PATIENCE: Duration = Duration::from_secs(1);

const REFUSED: &str = "gateway_revoked_sessions_refused_total";
const AGE: &str = "gateway_revocations_age_seconds";
const COUNT: &str = "gateway_revoked_sessions";

/// The sessions that have ended before their time, as far as this gateway knows. Cheap to clone; clones know the same.
#[derive(Clone, Debug)]
pub struct Revocations {
    clock: Clock,
    /// `None` until the first answer.
    known: Arc<watch::Sender<Option<Known>>>,
}

#[derive(Debug)]
struct Known {
    /// Until when each session is to be refused: then the last of its access tokens has expired.
    refused_until: HashMap<Uuid, OffsetDateTime>,
    /// Everything is known that had happened by then.
    as_of: OffsetDateTime,
}

/// Why the knowledge is reported as missing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stale {
    #[error("nothing has been heard")]
    Nothing,
    #[error("the last was heard {0:?} ago")]
    Old(Duration),
}

impl Revocations {
    /// Knows nothing, and so lets nobody pass, until it is told what there is.
    pub fn new(clock: Clock) -> Self {
        metrics::describe_counter!(
            REFUSED,
            "Requests refused because their session had ended before its time"
        );
        metrics::describe_gauge!(AGE, "How old the knowledge of ended sessions is");
        metrics::describe_gauge!(COUNT, "Sessions whose access tokens are refused");
        Self { clock, known: Arc::new(watch::Sender::new(None)) }
    }

    /// Takes in what member-api has answered to a question asked at `asked_at`, and forgets what has had its time.
    pub fn learn(&self, news: &member_client::Revocations, asked_at: OffsetDateTime) {
        let now = self.clock.now();
        let until = now + Duration::from_secs(news.refuse_for_seconds.into());
        self.known.send_modify(|known| {
            let known = known.get_or_insert_with(|| Known { refused_until: HashMap::new(), as_of: asked_at });
            known.refused_until.extend(news.sessions.iter().map(|session| (*session, until)));
            known.refused_until.retain(|_, until| *until > now);
            known.as_of = asked_at;
            metrics::gauge!(COUNT).set(u32::try_from(known.refused_until.len()).unwrap_or(u32::MAX));
        });
        self.show_age();
    }

    /// Refuses a session that has ended, and any while nothing is known.
    pub(crate) async fn check(&self, session_id: Uuid) -> Result<(), Refusal> {
        self.wait_for_first_news().await?;
        let known = self.known.borrow();
        let until = known.as_ref().and_then(|known| known.refused_until.get(&session_id));
        if until.is_some_and(|until| *until > self.clock.now()) {
            metrics::counter!(REFUSED).increment(1);
            return Err(Refusal::SessionEnded);
        }
        Ok(())
    }

    /// Whether the knowledge is as fresh as promised.
    pub(crate) fn is_fresh(&self) -> Result<(), Stale> {
        match self.age() {
            None => Err(Stale::Nothing),
            Some(age) if age > FRESH => Err(Stale::Old(age)),
            Some(_) => Ok(()),
        }
    }

    /// How old the knowledge is; `None` where there is none.
    fn age(&self) -> Option<Duration> {
        let as_of = self.known.borrow().as_ref()?.as_of;
        // A clock that was set back makes it look younger than new.
        Some(Duration::try_from(self.clock.now() - as_of).unwrap_or_default())
    }

    fn show_age(&self) {
        metrics::gauge!(AGE).set(self.age().map_or(f64::INFINITY, |age| age.as_secs_f64()));
    }

    async fn wait_for_first_news(&self) -> Result<(), Refusal> {
        if self.known.borrow().is_some() {
            return Ok(());
        }
        let mut known = self.known.subscribe();
        match tokio::time::timeout(PATIENCE, known.wait_for(Option::is_some)).await {
            // The sender lives in `self`, so that the wait ends by the condition alone.
            Ok(_) => Ok(()),
            Err(_) => Err(Refusal::RevocationsUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use clock::Hand;
    use time::macros::datetime;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn ignorant() -> (Revocations, Hand) {
        let (clock, hand) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
        (Revocations::new(clock), hand)
    }

    fn hear(revocations: &Revocations, sessions: &[Uuid]) {
        let now = revocations.clock.now();
        let news =
            member_client::Revocations { sessions: sessions.to_vec(), refuse_for_seconds: 60, as_of: now };
        revocations.learn(&news, now);
    }

    fn remembered(revocations: &Revocations) -> usize {
        revocations.known.borrow().as_ref().unwrap().refused_until.len()
    }

    #[tokio::test]
    async fn a_session_is_refused_for_as_long_as_it_was_told() {
        let (revocations, hand) = ignorant();
        let [ended, other] = [revocations.clock.new_id(), revocations.clock.new_id()];
        hear(&revocations, &[ended]);
        assert!(matches!(revocations.check(ended).await, Err(Refusal::SessionEnded)));
        assert!(revocations.check(other).await.is_ok());
        hand.advance(MINUTE);
        assert!(revocations.check(ended).await.is_ok(), "its tokens have expired");
    }

    #[tokio::test]
    async fn what_is_told_again_is_kept_longer_and_what_has_had_its_time_is_forgotten() {
        let (revocations, hand) = ignorant();
        let [twice, once] = [revocations.clock.new_id(), revocations.clock.new_id()];
        hear(&revocations, &[twice, once]);
        hand.advance(MINUTE / 2);
        hear(&revocations, &[twice]);
        assert_eq!(remembered(&revocations), 2);
        hand.advance(MINUTE / 2);
        hear(&revocations, &[]);
        assert_eq!(remembered(&revocations), 1);
        assert!(matches!(revocations.check(twice).await, Err(Refusal::SessionEnded)));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_passes_before_the_first_news() {
        let (revocations, _hand) = ignorant();
        let session = revocations.clock.new_id();
        assert!(matches!(revocations.check(session).await, Err(Refusal::RevocationsUnknown)));
        // One who came a moment too early waits for it.
        let early = revocations.check(session);
        let (passed, ()) = tokio::join!(early, async { hear(&revocations, &[]) });
        assert!(passed.is_ok());
    }

    #[test]
    fn knowledge_gets_old() {
        let (revocations, hand) = ignorant();
        assert!(matches!(revocations.is_fresh(), Err(Stale::Nothing)));
        hear(&revocations, &[]);
        hand.advance(FRESH);
        assert!(revocations.is_fresh().is_ok());
        hand.advance(Duration::from_millis(1));
        assert!(matches!(revocations.is_fresh(), Err(Stale::Old(_))));
        hand.set(datetime!(2020-01-01 00:00 UTC));
        assert_eq!(revocations.age(), Some(Duration::ZERO), "whoever sets the clock back");
    }
}
