//! Background work on closings: finishing those that were interrupted, and adding accounts that an older build has closed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jobs::{BacklogGauges, Progress, Queue, QueueWorker};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::closing::{Closing, Phase};
use super::{db, end_closing};
use crate::state::AppState;

const BACKLOGS: BacklogGauges = BacklogGauges {
    jobs: "account_closings_unfinished",
    oldest_seconds: "account_closings_unfinished_oldest_seconds",
    label: "phase",
};
/// The phases that are shown as backlog. In the others there is nothing to do, or tokens must expire first.
const UNFINISHED: [Phase; 3] = [Phase::Deciding, Phase::Undoing, Phase::Forgetting];

/// The pause between two searches for accounts that an older build has closed.
const ADOPT_EVERY: Duration = Duration::from_secs(60);
/// After the first search, each search goes back this far.
const ADOPT_SINCE: Duration = Duration::from_hours(1);

/// How long each of the workers may report nothing. It is longer than their pauses, a lease and a transaction.
pub const MAX_SILENCE: Duration = Duration::from_secs(3 * 60);

/// The closings that are due, as the queue of a worker.
#[derive(Clone, Debug)]
pub struct DueClosings {
    state: AppState,
}

impl DueClosings {
    /// The due closings of the service.
    pub fn new(state: AppState) -> Self {
        Self { state }
    }

    /// Claims and runs closings until `shutdown` is cancelled. This is a worker of the service.
    pub async fn keep_running(self, progress: Progress, shutdown: CancellationToken) {
        let (settings, background) = (self.state.closing_settings.clone(), self.state.background.clone());
        let worker = QueueWorker::new(self, settings.at_once, progress).run(settings.poll(), shutdown);
        background.track_future(worker).await;
    }
}

impl Queue for DueClosings {
    type Job = Closing;
    type Error = sqlx::Error;

    async fn claim_due(&self, limit: u32) -> sqlx::Result<Vec<Closing>> {
        let now = self.state.clock.now();
        let lease_until = now + self.state.closing_settings.lease();
        self.state
            .database
            .run_tx("account_closings_claim_due", move |connection| {
                Box::pin(async move { db::claim_due(connection, now, lease_until, limit).await })
            })
            .await
    }

    async fn run(self, closing: Closing) {
        match closing.phase {
            // A claimed closing is never in this phase: claiming turns DECIDING into UNDOING.
            Phase::Deciding | Phase::Undoing => end_closing::undo(&self.state, closing).await,
            Phase::Forgetting => end_closing::forget(&self.state, closing).await,
            Phase::ForgettingAgain => end_closing::forget_again(&self.state, closing).await,
            // They have no lease, and so are never claimed.
            Phase::Open | Phase::Forgotten => {}
        }
    }
}

/// Adds accounts that an older build has closed, and shows the backlog, until `shutdown` is cancelled. This is a worker of the
/// service.
pub async fn keep_adopting(state: AppState, progress: Progress, shutdown: CancellationToken) {
    let is_first = AtomicBool::new(true);
    jobs::repeat(&progress, &shutdown, ADOPT_EVERY, || async {
        let recently = state.clock.now() - ADOPT_SINCE;
        let since = if is_first.load(Ordering::Relaxed) { OffsetDateTime::UNIX_EPOCH } else { recently };
        adopt(&state, since).await?;
        is_first.store(false, Ordering::Relaxed);
        Ok::<_, sqlx::Error>(())
    })
    .await;
}

/// Adds accounts that were closed at `since` or later without a closing, and shows the backlog.
pub async fn adopt(state: &AppState, since: OffsetDateTime) -> sqlx::Result<()> {
    let now = state.clock.now();
    let adopt = state.database.run_autocommit("account_closings_adopt", move |connection| {
        Box::pin(async move {
            let adopted = db::adopt_closed(connection, since, now).await?;
            if adopted > 0 {
                tracing::info!(adopted, "accounts that an older build has closed are forgotten everywhere");
            }
            db::backlogs(connection).await
        })
    });
    let backlogs = adopt.await?;
    BACKLOGS.show(UNFINISHED.map(Phase::as_str), &backlogs, now);
    Ok(())
}
