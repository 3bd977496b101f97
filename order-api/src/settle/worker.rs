//! Settling when it is due, in every instance: whoever comes first does it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{SettleError, Settler};
use crate::batch::RunError;

/// How often the lines of the day are read ahead.
const READ_AHEAD_EVERY: Duration = Duration::from_secs(60);

impl Settler {
    /// Settles and reads ahead until the process ends. A run stops between two chunks.
    pub async fn work(self, ending: CancellationToken) {
        tokio::join!(
            repeat(&ending, self.settings.poll(), "settle what is due", || self.settle_unless_busy()),
            repeat(&ending, READ_AHEAD_EVERY, "read the lines of the day", || self.read_ahead()),
        );
    }

    async fn settle_unless_busy(&self) -> Result<(), SettleError> {
        match self.settle_due().await {
            // It is being done.
            Err(SettleError::Run(RunError::Busy { .. })) => Ok(()),
            result => result,
        }
    }
}

async fn repeat<F, E>(ending: &CancellationToken, pause: Duration, name: &'static str, work: impl Fn() -> F)
where
    F: Future<Output = Result<(), E>>,
    E: std::error::Error + 'static,
{
    while !ending.is_cancelled() {
        if let Err(error) = work().await {
            tracing::warn!(error = telemetry::chain(&error), "could not {name}");
        }
        tokio::select! {
            () = ending.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
