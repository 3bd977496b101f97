//! Asking member-api which sessions have ended, again and again.

use std::time::Duration;

use member_client::{MemberClient, RevocationsQuery};
use peer::Peer;
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use tracing::Instrument;

use super::Revocations;

/// How long an instance of member-api may take to answer. The next question goes to another one, so that one that stands
/// still delays the news by this much at most.
const DEADLINE: Duration = Duration::from_secs(1);

struct Inquiry {
    revocations: Revocations,
    member_api: MemberClient,
    /// Up to when everything has been told.
    since: Option<OffsetDateTime>,
    /// Whether the last question was answered: a change is logged, and not every failure.
    is_answered: bool,
}

impl Revocations {
    /// Asks `member_api` now and then every `interval`, and takes in what it answers. Runs for ever, and keeps what it
    /// knows while nobody answers.
    pub async fn keep_informed(self, member_api: Peer, interval: Duration) {
        // Apart, for an instance that is too slow for this is not too slow for those who wait for it.
        let member_api = member_api.apart().with_deadline(DEADLINE);
        member_api.instances().wait_ready(DEADLINE).await;
        let member_api = MemberClient::new(member_api);
        let mut inquiry = Inquiry { revocations: self, member_api, since: None, is_answered: true };
        let mut turns = tokio::time::interval(interval);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            inquiry.ask().instrument(telemetry::work_span("revocations")).await;
        }
    }
}

impl Inquiry {
    async fn ask(&mut self) {
        let asked_at = self.revocations.clock.now();
        let answer = self.member_api.revocations(RevocationsQuery { since: self.since }).await;
        let was_answered = std::mem::replace(&mut self.is_answered, answer.is_ok());
        match answer {
            Ok(news) => {
                self.since = Some(news.as_of);
                self.revocations.learn(&news, asked_at);
                if !was_answered {
                    tracing::info!("hears again which sessions end");
                }
            }
            Err(error) => {
                self.revocations.show_age();
                if was_answered {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "does not hear which sessions end; keeps what it knows");
                }
            }
        }
    }
}
