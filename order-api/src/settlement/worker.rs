//! Settling when it is due. Every instance tries it; the first one to acquire the lease does it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jobs::Progress;
use tokio_util::sync::CancellationToken;

use super::settler::{SettleError, Settler};
use crate::batch::{Listener, RunError, StepExecution};

/// How often the order lines of the day are summed up ahead of the settlement.
const READ_AHEAD_EVERY: Duration = Duration::from_secs(60);

/// How long a worker of the settlement may report nothing before it is restarted. While customers buy, the proof of a big
/// day can take ten minutes and more without a report.
pub(crate) const MAX_SILENCE: Duration = Duration::from_secs(30 * 60);

impl Settler {
    /// Settles what is due until the process shuts down. A run stops between two chunks.
    pub(crate) async fn settle_when_due(self, progress: Progress, shutdown: CancellationToken) {
        let poll = self.resources.settings.poll();
        jobs::repeat(&progress, &shutdown, poll, || self.settle_unless_busy(&progress)).await;
    }

    /// Sums up the order lines of the day until the process shuts down.
    pub(crate) async fn keep_reading_ahead(self, progress: Progress, shutdown: CancellationToken) {
        jobs::repeat(&progress, &shutdown, READ_AHEAD_EVERY, || self.read_ahead()).await;
    }

    async fn settle_unless_busy(&self, progress: &Progress) -> Result<(), SettleError> {
        match self.settle_due(progress).await {
            // Another process does it.
            Err(SettleError::Run(RunError::Busy { .. })) => Ok(()),
            result => result,
        }
    }
}

/// A run over many sellers takes longer than a worker may be silent, so it reports each chunk.
impl Listener for Progress {
    fn progress<'a>(&'a self, _: &'a str, _: &'a StepExecution) -> BoxFuture<'a, ()> {
        self.succeeded();
        futures::future::ready(()).boxed()
    }
}
