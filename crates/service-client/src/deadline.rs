//! The deadline of the work on a request. It is passed on with each call, as the time that is left, and so shrinks on the way: no
//! service works for a caller that waits no more.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use tokio::time::Instant;

/// How many milliseconds the caller still waits for the answer. It can only shorten the time that a service takes by itself.
pub const DEADLINE_LEFT: HeaderName = HeaderName::from_static("x-deadline-left-ms");

tokio::task_local! {
    static DEADLINE: Instant;
}

/// How long the caller of a request still waits for the answer, if the request says it.
pub fn left(headers: &HeaderMap) -> Option<Duration> {
    headers.get(DEADLINE_LEFT)?.to_str().ok()?.parse().ok().map(Duration::from_millis)
}

/// Does work with this deadline. The calls that it makes end at the deadline, too. A task that it spawns outlives it, and has
/// none.
pub async fn within<T>(deadline: Instant, work: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, work).await
}

/// The deadline of the current work.
pub fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}
