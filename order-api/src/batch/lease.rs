//! Who may run a job.

use std::time::Duration;

use clock::Clock;
use database::{Connection, Database};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::db::{executions, jobs};
use super::error::RunError;
use super::job::FencingToken;
use super::process::Batch;

/// How often a lease is renewed while it lasts.
const RENEWALS: u32 = 3;

/// The right to run a job. It is renewed until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) token: FencingToken,
    /// Is cancelled when another process has acquired the lease.
    pub(super) lost: CancellationToken,
    _heartbeat: AbortOnDropHandle<()>,
}

impl Batch {
    /// Acquires the lease of a job that no process runs. Executions whose lease has expired are recorded as failed.
    pub(super) async fn acquire_lease(&self, job: &'static str) -> Result<Lease, RunError> {
        let (now, lease_until, holder) = (self.clock.now(), self.lease_until(), self.holder.clone());
        let outcome = self
            .database
            .run_tx("batch_take_lease", move |connection| {
                let holder = holder.clone();
                Box::pin(async move {
                    let acquired = jobs::acquire_lease(connection, job, &holder, now, lease_until).await?;
                    if let Ok(token) = acquired {
                        executions::fail_abandoned(connection, job, token, now).await?;
                    }
                    Ok::<_, sqlx::Error>(acquired)
                })
            })
            .await?;
        let token = outcome.map_err(|holder| RunError::Busy { holder })?;
        let lost = CancellationToken::new();
        let heartbeat = Heartbeat {
            database: self.database.clone(),
            clock: self.clock.clone(),
            lease: self.lease,
            job,
            token,
        };
        let beating = tokio::spawn(heartbeat.beat(lost.clone()));
        Ok(Lease { token, lost, _heartbeat: AbortOnDropHandle::new(beating) })
    }

    /// Ends the lease now, so that no other process has to wait until it expires.
    pub(super) async fn release_lease(&self, job: &'static str, lease: Lease) {
        let (token, now) = (lease.token, self.clock.now());
        let release = self.database.run_autocommit("batch_give_lease_back", move |connection| {
            Box::pin(jobs::renew_lease(connection, job, token, now))
        });
        if let Err(error) = release.await {
            tracing::warn!(job, %error, "could not release the lease of a job; it expires");
        }
    }
}

/// Renews the lease, or fails with [`RunError::LeaseLost`]. It is the first statement of each transaction of a run: a run
/// without a lease writes nothing.
pub(super) async fn renew(
    connection: &mut Connection,
    job: &str,
    token: FencingToken,
    lease_until: OffsetDateTime,
) -> Result<(), RunError> {
    if jobs::renew_lease(connection, job, token, lease_until).await? {
        Ok(())
    } else {
        Err(RunError::LeaseLost)
    }
}

struct Heartbeat {
    database: Database,
    clock: Clock,
    lease: Duration,
    job: &'static str,
    token: FencingToken,
}

impl Heartbeat {
    async fn beat(self, lost: CancellationToken) {
        loop {
            tokio::time::sleep(self.lease / RENEWALS).await;
            match self.renew().await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(job = self.job, "the lease of a running job was lost");
                    lost.cancel();
                    return;
                }
                Err(error) => tracing::warn!(job = self.job, %error, "could not renew the lease of a job"),
            }
        }
    }

    async fn renew(&self) -> sqlx::Result<bool> {
        let (job, token, now) = (self.job, self.token, self.clock.now());
        let lease_until = now + self.lease;
        self.database
            .run_tx("batch_heartbeat", move |connection| {
                Box::pin(async move {
                    let renewed = jobs::renew_lease(connection, job, token, lease_until).await?;
                    if renewed {
                        executions::record_heartbeat(connection, job, token, now).await?;
                    }
                    Ok(renewed)
                })
            })
            .await
    }
}
