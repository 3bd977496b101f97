use std::time::Duration;

use clock::Clock;
use database::Database;
use problem::{Code, Problem};

use crate::db;
use crate::running::Running;

/// How long a key is kept.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// So many keys are forgotten in one statement, which holds its locks for a moment only.
const PURGED_AT_ONCE: u32 = 500;
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// Keeps keys and answers in a service's own schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keeper {
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    /// The requests of this process whose effect and answer are one transaction.
    pub(crate) running: Running,
}

impl Keeper {
    /// Keeps them in the table of `schema.sql`.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, running: Running::default() }
    }

    /// Forgets keys that are older than 24 hours, for ever; a worker of each service that has a keeper.
    pub async fn purge_expired(self) {
        loop {
            match self.purge_once().await {
                Ok(forgotten) if forgotten == u64::from(PURGED_AT_ONCE) => {}
                Ok(_) => tokio::time::sleep(PURGE_EVERY).await,
                Err(error) => {
                    tracing::warn!(%error, "can't forget old idempotency keys");
                    tokio::time::sleep(PURGE_EVERY).await;
                }
            }
        }
    }

    async fn purge_once(&self) -> sqlx::Result<u64> {
        let created_before = self.clock.now() - KEPT_FOR;
        let purge = self.database.run_autocommit("idempotency_purge", move |db| {
            Box::pin(db::purge(db, created_before, PURGED_AT_ONCE))
        });
        purge.await
    }
}

/// The answer to a repetition that comes while the first try still runs.
pub(crate) fn in_use() -> Problem {
    Problem::new(Code::IdempotencyKeyInUse).retry_after(Duration::from_secs(1))
}
