//! Who may run a job.

use std::time::Duration;

use clock::Clock;
use database::Database;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::db::{executions, jobs};
use super::{Batch, FencingToken, RunError, db};

/// How many heartbeats fit into a lease: so many may be lost before it is.
const BEATS: u32 = 3;

/// The right to run a job, renewed until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) token: FencingToken,
    /// Is cancelled when somebody else has it.
    pub(super) lost: CancellationToken,
    _heartbeat: AbortOnDropHandle<()>,
}

impl Batch {
    /// Takes the lease of a job that nobody runs. Executions whose process was not heard of until their lease ran out are
    /// recorded as failed.
    pub(super) async fn take_lease(&self, job: &'static str) -> Result<Lease, RunError> {
        let (now, lease_until, holder) = (self.clock.now(), self.lease_until(), self.holder.clone());
        let outcome = self
            .database
            .run_tx("batch_take_lease", move |tx| {
                let holder = holder.clone();
                Box::pin(async move {
                    let taken = jobs::take_lease(tx, job, &holder, now, lease_until).await?;
                    if let Ok(token) = taken {
                        executions::bury(tx, job, token, now).await?;
                    }
                    Ok::<_, sqlx::Error>(taken)
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

    /// Gives the lease back, so that nobody has to wait until it has run out.
    pub(super) async fn give_back(&self, job: &'static str, lease: Lease) {
        let (token, now) = (lease.token, self.clock.now());
        let given = self.database.run_autocommit("batch_give_lease_back", move |db| {
            Box::pin(jobs::renew_lease(db, job, token, now))
        });
        if let Err(error) = given.await {
            tracing::warn!(job, %error, "could not give the lease of a job back; it runs out");
        }
    }

    pub(super) fn lease_until(&self) -> OffsetDateTime {
        self.clock.now() + self.lease
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
            tokio::time::sleep(self.lease / BEATS).await;
            match self.renew().await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(job = self.job, "the lease of a running job was lost");
                    lost.cancel();
                    return;
                }
                Err(error) => tracing::warn!(job = self.job, %error, "a heartbeat was lost"),
            }
        }
    }

    async fn renew(&self) -> sqlx::Result<bool> {
        let (job, token, now) = (self.job, self.token, self.clock.now());
        let lease_until = now + self.lease;
        self.database
            .run_tx("batch_heartbeat", move |tx| {
                Box::pin(async move {
                    let renewed = jobs::renew_lease(tx, job, token, lease_until).await?;
                    if renewed {
                        executions::touch(tx, job, token, now).await?;
                    }
                    Ok(renewed)
                })
            })
            .await
    }
}
