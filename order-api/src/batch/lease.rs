//! Who may run a job.

use ::jobs::Heartbeat;
use database::Connection;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

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
    heartbeat: Heartbeat,
}

impl Lease {
    /// Is cancelled when another process has acquired the lease.
    pub(super) fn lost(&self) -> &CancellationToken {
        self.heartbeat.lost()
    }
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
        let batch = self.clone();
        let heartbeat = Heartbeat::start(job, self.lease / RENEWALS, move || {
            let batch = batch.clone();
            async move { batch.beat(job, token).await }
        });
        Ok(Lease { token, heartbeat })
    }

    /// Renews the lease of a running job. False if another process has acquired it.
    async fn beat(&self, job: &'static str, token: FencingToken) -> sqlx::Result<bool> {
        let (now, lease_until) = (self.clock.now(), self.lease_until());
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
