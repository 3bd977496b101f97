//! Settling when it is due, in every instance: whoever comes first does it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use service_host::Progress;
use tokio_util::sync::CancellationToken;

use super::settler::{SettleError, Settler};
use crate::batch::{Listener, RunError, StepExecution};
use crate::worker::repeat::repeat;

/// How often the lines of the day are read ahead.
const READ_AHEAD_EVERY: Duration = Duration::from_secs(60);

/// How long a worker here may say nothing before it is started anew. The proof of a big day, which leaves the database to
/// those who buy, says nothing for ten minutes and more.
pub(crate) const SILENCE: Duration = Duration::from_secs(30 * 60);

impl Settler {
    /// Settles what is due until the process ends. A run stops between two chunks.
    pub(crate) async fn settle_when_due(self, progress: Progress, ending: CancellationToken) {
        repeat(&progress, &ending, self.settings.poll(), || self.settle_unless_busy(&progress)).await;
    }

    /// Reads the lines of the day until the process ends.
    pub(crate) async fn keep_reading_ahead(self, progress: Progress, ending: CancellationToken) {
        repeat(&progress, &ending, READ_AHEAD_EVERY, || self.read_ahead()).await;
    }

    async fn settle_unless_busy(&self, progress: &Progress) -> Result<(), SettleError> {
        match self.settle_due(progress).await {
            // It is being done.
            Err(SettleError::Run(RunError::Busy { .. })) => Ok(()),
            result => result,
        }
    }
}

/// A run over many sellers takes longer than a worker may say nothing.
impl Listener for Progress {
    fn progress<'a>(&'a self, _: &'a str, _: &'a StepExecution) -> BoxFuture<'a, ()> {
        self.succeeded();
        futures::future::ready(()).boxed()
    }
}
