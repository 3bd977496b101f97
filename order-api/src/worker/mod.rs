//! Taking up unfinished work, in every instance: checkouts and deliveries whose lease has run out, because their process
//! died or because they were put off.
//!
//! Each kind of work has a worker of its own, with `worker.at-once` places. A piece of work is claimed only when a place
//! is free for it, runs in a task of its own, and is finished for itself. So a piece that waits for a slow callee takes
//! one place, and all others go on.
//!
//! A piece works within its lease ([`crate::checkout::saga`] renews it, [`crate::outbox::deliver`] ends with it). What a piece
//! leaves undone, because it came to the end of its time, panicked, or was dropped with its worker, is taken up again when
//! its lease has run out. Two instances that are at the same piece for a moment do no harm: what they ask of others has
//! the same ids, and what they write names the attempt that it belongs to.
//!
//! | file | owns |
//! |---|---|
//! | `lease_worker` | claiming work and doing it |
//! | `slots` | the tasks that are under way, and how many there may be |
//! | `count` | what the metrics say of unfinished work |

mod lease_worker;
mod repeat;
mod slots;

use std::time::Duration;

use service_host::Progress;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use repeat::repeat;
use crate::state::AppState;

pub use crate::backlog::count_unfinished;
pub(crate) use repeat::repeat;
pub use lease_worker::{Pieces, Work};

/// How often the unfinished work is counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Takes up work until the process ends, and then waits for what is under way.
pub async fn take_up(app: AppState, work: Work, progress: Progress, ending: CancellationToken) {
    let (poll, background) = (app.rules.worker.poll(), app.background.clone());
    let worker = async move {
        let mut pieces = Pieces::new(app, work, progress.clone());
        while !ending.is_cancelled() {
            let has_more = pieces.take_up().await.unwrap_or_else(|error| {
                tracing::warn!(worker = progress.worker(), %error, "could not take up work");
                progress.failed(&error);
                false
            });
            let pause = if has_more { Duration::ZERO } else { poll };
            let _ = ending.run_until_cancelled(pieces.wait(pause)).await;
        }
        pieces.finish().await;
    };
    // Whoever waits for the background waits for this, too: until it has ended, it may begin something there.
    background.track_future(worker).await;
}

/// Counts the unfinished work until the process ends.
pub(crate) async fn count(app: AppState, progress: Progress, ending: CancellationToken) {
    repeat(&progress, &ending, COUNT_EVERY, || count_unfinished(&app)).await;
}

/// Waits until the process ends, and then for all that goes on behind answers.
pub(crate) async fn finish_background(background: TaskTracker, ending: CancellationToken) {
    ending.cancelled().await;
    background.close();
    background.wait().await;
}
