//! Deletes expired sessions, failures that are forgiven, places that are not known any more, and old security events.

use std::time::Duration;

use clock::Clock;
use database::Database;
use jobs::{Next, Progress};
use tokio_util::sync::CancellationToken;

use crate::security_events;
use crate::security_events::trail::Trail;
use crate::sessions::db::{known_places, sessions, sign_in_attempts, sign_in_failures};
use crate::sessions::throttle::Throttle;

/// The number of rows in one statement. It is small, so that the locks are held only for a moment.
const ROWS_PER_STATEMENT: u32 = 500;
const PAUSE: Duration = Duration::from_secs(60);

/// How long [`keep_deleting_expired`] may report nothing. It is longer than its pause and four statements.
pub const MAX_SILENCE: Duration = Duration::from_secs(3 * 60);

/// Deletes expired rows until `shutdown` is cancelled. This is a worker of the service.
pub async fn keep_deleting_expired(
    database: Database,
    clock: Clock,
    throttle: Throttle,
    trail: Trail,
    progress: Progress,
    shutdown: CancellationToken,
) {
    let delete =
        || async { delete_expired(&database, &clock, &throttle, &trail).await.map(Next::at_once_if) };
    jobs::repeat(&progress, &shutdown, PAUSE, delete).await;
}

/// Deletes some expired rows. Returns true if there may be more.
pub async fn delete_expired(
    database: &Database,
    clock: &Clock,
    throttle: &Throttle,
    trail: &Trail,
) -> sqlx::Result<bool> {
    let now = clock.now();
    let (known_since, events_since) = (throttle.known_since(now), trail.kept_since(now));
    let delete = database.run_autocommit("sweep", move |connection| {
        Box::pin(async move {
            let deleted = [
                sessions::delete_expired(connection, now, ROWS_PER_STATEMENT).await?,
                sign_in_failures::delete_clear(connection, now, ROWS_PER_STATEMENT).await?,
                known_places::delete_unused(connection, known_since, ROWS_PER_STATEMENT).await?,
                sign_in_attempts::delete_expired(connection, now, ROWS_PER_STATEMENT).await?,
                security_events::db::delete_before(connection, events_since, ROWS_PER_STATEMENT).await?,
            ];
            Ok::<_, sqlx::Error>(deleted.contains(&u64::from(ROWS_PER_STATEMENT)))
        })
    });
    delete.await
}
