//! Asks member-api for revoked sessions, again and again.

use std::time::Duration;

use member_client::{MemberClient, RevocationsQuery};
use service_client::ServiceClient;
use service_host::Live;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::Revocations;
use crate::settings::RevocationsSettings;

/// How long an instance of member-api may take to answer. The next request goes to another instance, so an instance that
/// hangs delays new revocations by this time at most.
const DEADLINE: Duration = Duration::from_secs(1);

struct Poller {
    revocations: Revocations,
    member_api: MemberClient,
    /// All revocations up to this time are known.
    since: Option<OffsetDateTime>,
    /// Whether the last request was answered. Only a change is logged, and not every failure.
    is_answered: bool,
}

impl Revocations {
    /// Asks `member_api` at once and then in the interval of the settings, and adds the answers. It never ends, and keeps the
    /// known revocations while there is no answer.
    pub async fn poll(self, member_api: ServiceClient, settings: Live<RevocationsSettings>) {
        // Apart, because an instance that is too slow for this deadline is not too slow for other requests.
        let member_api = member_api.separate().with_deadline(DEADLINE);
        member_api.instances().wait_ready(DEADLINE).await;
        let member_api = MemberClient::new(member_api);
        let mut poller = Poller { revocations: self, member_api, since: None, is_answered: true };
        loop {
            let began = Instant::now();
            poller.ask().instrument(telemetry::work_span("revocations")).await;
            sleep_until(began + settings.get().interval()).await;
        }
    }
}

impl Poller {
    async fn ask(&mut self) {
        let asked_at = self.revocations.clock.now();
        let answer = self.member_api.revocations(RevocationsQuery { since: self.since }).await;
        let was_answered = std::mem::replace(&mut self.is_answered, answer.is_ok());
        match answer {
            Ok(revocations) => {
                self.since = Some(revocations.as_of);
                self.revocations.update(&revocations, asked_at);
                if !was_answered {
                    tracing::info!("member-api answers again which sessions are revoked");
                }
            }
            Err(error) => {
                self.revocations.publish_age();
                if was_answered {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        "member-api does not answer which sessions are revoked; the known ones stay refused"
                    );
                }
            }
        }
    }
}
