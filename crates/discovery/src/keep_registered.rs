//! Keeping a process in Consul's list for as long as it serves.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::consul::{Consul, ConsulError};
use crate::registration::Registration;

/// The shortest time between two checks of the record, if Consul answers without waiting.
const MIN_PAUSE: Duration = Duration::from_millis(100);
/// How long a process that is about to end waits for Consul's answer.
const DEREGISTER_TIMEOUT: Duration = Duration::from_secs(2);

impl Consul {
    /// Registers a process that is ready, registers it again whenever Consul has lost the record, and removes it when `until` is
    /// cancelled. While Consul does not answer, this tries again.
    pub async fn keep_registered(&self, service: &Registration, until: CancellationToken) {
        let mut backoff = Backoff::new();
        let mut is_lost = false;
        let mut step = Step::Register { passing: true };
        loop {
            // Registering is never cancelled: if it were, the request could arrive after the deregistration below.
            let next = match step {
                Step::Register { passing } => self.register_once(service, passing).await,
                Step::Watch { ref hash } => tokio::select! {
                    next = self.watch_once(service, hash) => next,
                    () = until.cancelled() => break,
                },
            };
            let pause = match next {
                Ok(next) => {
                    (step, is_lost) = (next, false);
                    backoff.reset();
                    MIN_PAUSE
                }
                Err(error) => {
                    metrics::counter!("discovery_consul_errors_total").increment(1);
                    // One warning when Consul stops answering; the failures that follow are not logged.
                    if !std::mem::replace(&mut is_lost, true) {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(
                            error,
                            "Consul does not answer about this process; trying until it does"
                        );
                    }
                    backoff.next_pause()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = until.cancelled() => break,
            }
        }
        self.leave(&service.id).await;
    }

    async fn leave(&self, id: &str) {
        match tokio::time::timeout(DEREGISTER_TIMEOUT, self.deregister(id)).await {
            Ok(Ok(())) => tracing::info!(id, "taken off Consul's list"),
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(id, error, "could not be taken off Consul's list");
            }
            Err(_) => tracing::warn!(id, "Consul did not answer the deregistration in time"),
        }
    }

    async fn register_once(&self, service: &Registration, passing: bool) -> Result<Step, ConsulError> {
        self.register(service, passing).await?;
        tracing::info!(id = service.id, address = %service.address, "registered in Consul");
        Ok(Step::Watch { hash: String::new() })
    }

    async fn watch_once(&self, service: &Registration, hash: &str) -> Result<Step, ConsulError> {
        let Some(hash) = self.record_after(&service.id, hash).await? else {
            tracing::warn!(id = service.id, "Consul has lost the record of this process");
            // The process is known to be ready only at its first registration. Later Consul's own check has to find that out.
            return Ok(Step::Register { passing: false });
        };
        Ok(Step::Watch { hash })
    }
}

/// What is to be done next.
enum Step {
    Register { passing: bool },
    Watch { hash: String },
}
