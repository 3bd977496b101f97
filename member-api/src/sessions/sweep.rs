//! Removing what has had its time: sessions that have ended, and windows of sign-in attempts.

use std::time::Duration;

use clock::Clock;
use database::Database;

use crate::sessions::db::{sessions, sign_in_attempts};

/// So many rows go in one statement, which holds its locks for a moment only.
const ROWS_AT_ONCE: u32 = 500;
const PAUSE: Duration = Duration::from_secs(60);

/// Sweeps again and again; a worker of the service.
pub async fn keep_sweeping(database: Database, clock: Clock) {
    loop {
        match sweep(&database, &clock).await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                tracing::warn!(%error, "can't remove old sessions");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Removes some rows. True where there may be more.
pub async fn sweep(database: &Database, clock: &Clock) -> sqlx::Result<bool> {
    let now = clock.now();
    let sweep = database.run_autocommit("sweep", move |db| {
        Box::pin(async move {
            let sessions = sessions::sweep(db, now, ROWS_AT_ONCE).await?;
            let windows = sign_in_attempts::sweep(db, now, ROWS_AT_ONCE).await?;
            Ok::<_, sqlx::Error>(sessions.max(windows) == u64::from(ROWS_AT_ONCE))
        })
    });
    sweep.await
}
