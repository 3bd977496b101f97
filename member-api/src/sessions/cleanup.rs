//! Deletes expired sessions and the expired windows of sign-in attempts.

use std::time::Duration;

use clock::Clock;
use database::Database;
use jobs::{Next, Progress};
use tokio_util::sync::CancellationToken;

use crate::sessions::db::{sessions, sign_in_attempts};

/// The number of rows in one statement. It is small, so that the locks are held only for a moment.
const ROWS_PER_STATEMENT: u32 = 500;
const PAUSE: Duration = Duration::from_secs(60);

/// How long [`keep_deleting_expired`] may report nothing. It is longer than its pause and two statements.
pub const MAX_SILENCE: Duration = Duration::from_secs(3 * 60);

/// Deletes expired rows until `ending` is cancelled. This is a worker of the service.
pub async fn keep_deleting_expired(
    database: Database,
    clock: Clock,
    progress: Progress,
    ending: CancellationToken,
) {
    let delete = || async { delete_expired(&database, &clock).await.map(Next::at_once_if) };
    jobs::repeat(&progress, &ending, PAUSE, delete).await;
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
