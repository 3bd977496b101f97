use std::time::Duration;

use clock::Clock;
use database::Database;
use jobs::{Next, Progress};
use problem::{Code, Problem};
use tokio_util::sync::CancellationToken;

use crate::db;
use crate::running::Running;

/// How long a key is kept.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How many keys are deleted in one statement. It is a small number, so that the statement holds its locks for a moment only.
const PURGED_AT_ONCE: u32 = 500;
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// Keeps keys and answers in the schema of a service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IdempotencyKeys {
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    /// The requests of this process whose effect and answer are one transaction.
    pub(crate) running: Running,
}

impl IdempotencyKeys {
    /// How long [`keep_purging`](Self::keep_purging) may report nothing. It is longer than its pause and a statement.
    pub const MAX_SILENCE: Duration = Duration::from_secs(3 * 60);

    /// Keeps them in the table of `schema.sql`.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, running: Running::default() }
    }

    /// Deletes keys that are older than 24 hours, until `shutdown` is cancelled; a watched worker of each service
    /// that uses it.
    pub async fn keep_purging(self, progress: Progress, shutdown: CancellationToken) {
        let purge = || async {
            let deleted = self.purge_once().await?;
            Ok::<_, sqlx::Error>(Next::at_once_if(deleted == u64::from(PURGED_AT_ONCE)))
        };
        jobs::repeat(&progress, &shutdown, PURGE_EVERY, purge).await;
    }

    async fn purge_once(&self) -> sqlx::Result<u64> {
        let created_before = self.clock.now() - KEPT_FOR;
        let purge = self.database.run_autocommit("idempotency_purge", move |connection| {
            Box::pin(db::purge(connection, created_before, PURGED_AT_ONCE))
        });
        purge.await
    }
}

/// The answer to a repetition that arrives while the first request still runs.
pub(crate) fn in_use() -> Problem {
    Problem::new(Code::IdempotencyKeyInUse).retry_after(Duration::from_secs(1))
}
