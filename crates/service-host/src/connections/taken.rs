//! Whether a client of HTTP/2 takes an answer. The socket does not show it: the client may read, and give one of its requests no
//! room for an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::counter;
use tokio::task_local;
use tokio::time::{Instant, sleep_until};

use super::port::DROPPED;

task_local! {
    static STREAM: Arc<Taken>;
}

/// How far the answer to one request is taken.
#[derive(Debug)]
pub(super) struct Taken {
    begin: Instant,
    /// Since when a piece of the answer waits for the client, in milliseconds from the begin, and one more. 0 if none does.
    waits_since: AtomicU64,
}

impl Taken {
    /// That of the request that this task answers.
    pub(super) fn of_this_stream() -> Option<Arc<Self>> {
        STREAM.try_with(Arc::clone).ok()
    }

    /// Notes that a piece of the answer is there, or that the client has taken all that there is.
    pub(super) fn note(&self, is_there: bool) {
        let now = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.waits_since.store(if is_there { now + 1 } else { 0 }, Ordering::Release);
    }

    /// Waits until a piece has waited for too long.
    async fn stalls(&self, limit: Duration) {
        let mut end = self.begin + limit;
        loop {
            sleep_until(end).await;
            let now = Instant::now();
            let since = match self.waits_since.load(Ordering::Acquire) {
                0 => now,
                since => self.begin + Duration::from_millis(since - 1),
            };
            end = since + limit;
            if end <= now {
                return;
            }
        }
    }
}

/// Runs each request as a task of its own, and resets one whose answer the client does not take.
#[derive(Clone, Debug)]
pub(super) struct StreamTasks {
    limit: Duration,
}

impl StreamTasks {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<F> hyper::rt::Executor<F> for StreamTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let limit = self.limit;
        tokio::spawn(async move {
            let taken = Arc::new(Taken { begin: Instant::now(), waits_since: AtomicU64::new(0) });
            tokio::select! {
                biased;
                () = STREAM.scope(Arc::clone(&taken), stream) => {}
                () = taken.stalls(limit) => counter!(DROPPED, "reason" => "stream_idle").increment(1),
            }
        });
    }
}
