//! Deletes expired sessions and the expired windows of sign-in attempts.

use std::time::Duration;

use clock::Clock;
use database::Database;

use crate::sessions::db::{sessions, sign_in_attempts};

/// The number of rows in one statement. It is small, so that the locks are held only for a moment.
const ROWS_PER_STATEMENT: u32 = 500;
const PAUSE: Duration = Duration::from_secs(60);

/// Deletes expired rows again and again. This is a background task of the service.
pub async fn delete_expired_periodically(database: Database, clock: Clock) {
    loop {
        match delete_expired(&database, &clock).await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                tracing::warn!(%error, "can't delete expired sessions");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Deletes some expired rows. Returns true if there may be more.
pub async fn delete_expired(database: &Database, clock: &Clock) -> sqlx::Result<bool> {
    let now = clock.now();
    let delete = database.run_autocommit("sweep", move |connection| {
        Box::pin(async move {
            let sessions = sessions::delete_expired(connection, now, ROWS_PER_STATEMENT).await?;
            let windows = sign_in_attempts::delete_expired(connection, now, ROWS_PER_STATEMENT).await?;
            Ok::<_, sqlx::Error>(sessions.max(windows) == u64::from(ROWS_PER_STATEMENT))
        })
    });
    delete.await
}
