//! Staying in Consul's list for as long as the process serves.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::consul::{Consul, ConsulError};

/// The least time between two looks at our own record, should Consul answer without waiting.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
/// How long a process that wants to end waits for Consul to take note.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// One process, as others find it.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The service that it is an instance of.
    pub name: String,
    /// Its own name among all instances of all services. The same process at the same address keeps the same id, so
    /// that one that was killed is replaced by its successor and not listed beside it.
    pub id: String,
    /// Where it serves.
    pub address: SocketAddr,
    /// What Consul asks whether it is ready.
    pub check_url: String,
    /// How often Consul asks.
    pub check_interval: Duration,
}

impl Consul {
    /// Registers a process that is ready, registers it again whenever Consul has lost it, and takes it off when
    /// `until` is cancelled. Consul being away is waited out.
    pub async fn keep_registered(&self, service: &Registration, until: CancellationToken) {
        let mut backoff = Backoff::new();
        let mut is_lost = false;
        let mut turn = Turn::Register { passing: true };
        loop {
            // Registering is never broken off: half-sent, it could arrive after the farewell below.
            let next = match turn {
                Turn::Register { passing } => self.register_once(service, passing).await,
                Turn::Watch { ref hash } => tokio::select! {
                    next = self.watch_once(service, hash) => next,
                    () = until.cancelled() => break,
                },
            };
            let pause = match next {
                Ok(next) => {
                    (turn, is_lost) = (next, false);
                    backoff.reset();
                    LEAST_PAUSE
                }
                Err(error) => {
                    metrics::counter!("discovery_consul_errors_total").increment(1);
                    // One warning as contact is lost; what follows until it is found again is no news.
                    if !std::mem::replace(&mut is_lost, true) {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "no word from Consul about our record; asking until there is");
                    }
                    backoff.step()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = until.cancelled() => break,
            }
        }
        self.say_goodbye(&service.id).await;
    }

    async fn say_goodbye(&self, id: &str) {
        match tokio::time::timeout(GOODBYE_TIMEOUT, self.deregister(id)).await {
            Ok(Ok(())) => tracing::info!(id, "taken off Consul's list"),
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(id, error, "could not be taken off Consul's list");
            }
            Err(_) => tracing::warn!(id, "Consul did not answer the farewell in time"),
        }
    }

    async fn register_once(&self, service: &Registration, passing: bool) -> Result<Turn, ConsulError> {
        self.register(service, passing).await?;
        tracing::info!(id = service.id, address = %service.address, "registered in Consul");
        Ok(Turn::Watch { hash: String::new() })
    }

    async fn watch_once(&self, service: &Registration, hash: &str) -> Result<Turn, ConsulError> {
        let Some(hash) = self.record_after(&service.id, hash).await? else {
            tracing::warn!(id = service.id, "Consul has lost us");
            // Only at first are we known to be ready; from now on Consul's own check has to say so.
            return Ok(Turn::Register { passing: false });
        };
        Ok(Turn::Watch { hash })
    }
}

/// What is to be done next.
enum Turn {
    Register { passing: bool },
    Watch { hash: String },
}
