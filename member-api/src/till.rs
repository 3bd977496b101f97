//! Where charges wait for one another.
//!
//! A charge that comes while others are being written would wait for the database's disk, or for the row of its wallet.
//! Here it waits for those that come after it, and is then made together with them, in one transaction: one commit for
//! all, and one change of each wallet. A charge that finds nobody there is made at once.
//!
//! Each is all that it would be alone. Where one of them can't be made, or was made before, none is, and each is made in a
//! transaction of its own; so one member's charge never fails another's.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::Clock;
use database::Database;
use futures::FutureExt;
use idempotency::Kept;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use crate::charge::{Charge, ChargeError, charge};

/// So many transactions at once: while one waits for the disk, another one can be written.
const AT_ONCE: usize = 2;
/// So many charges in one transaction: a wallet is locked for the time that they take.
const MOST_TOGETHER: usize = 16;

/// Makes charges. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Till {
    database: Database,
    clock: Clock,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many are at work.
    workers: usize,
}

#[derive(Debug)]
struct Waiting {
    charge: Charge,
    made: oneshot::Sender<Result<Kept, ChargeError>>,
    span: Span,
}

impl Till {
    /// One for each process.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, queue: Arc::default() }
    }

    /// Makes a charge. It goes on to its end where the caller is dropped.
    pub async fn charge(&self, charge: Charge) -> Result<Kept, ChargeError> {
        let (made, outcome) = oneshot::channel();
        if self.join(Waiting { charge, made, span: Span::current() }) {
            tokio::spawn(self.clone().work());
        }
        // It is dropped unanswered by a panic, and by a runtime that is shutting down.
        outcome.await.unwrap_or(Err(ChargeError::Database(sqlx::Error::WorkerCrashed)))
    }

    /// How many charges wait.
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// True where a worker is wanted.
    fn join(&self, waiting: Waiting) -> bool {
        let mut queue = self.lock();
        queue.waiting.push_back(waiting);
        metrics::gauge!("charges_waiting").increment(1);
        let is_wanted = queue.workers < AT_ONCE;
        queue.workers += usize::from(is_wanted);
        is_wanted
    }

    /// Makes charges until none waits.
    async fn work(self) {
        while let Some(batch) = self.next_batch() {
            // A panic has been reported by then, and those who asked hear of it; the others are still to be served.
            let _ = AssertUnwindSafe(self.make(batch)).catch_unwind().await;
        }
    }

    /// Those who have waited longest, by a power of two: so that there are few different statements, which stay prepared.
    fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.lock();
        let Some(power) = queue.waiting.len().min(MOST_TOGETHER).checked_ilog2() else {
            queue.workers -= 1;
            return None;
        };
        metrics::gauge!("charges_waiting").decrement(1_u32 << power);
        Some(queue.waiting.drain(..1 << power).collect())
    }

    async fn make(&self, batch: Vec<Waiting>) {
        let charges: Vec<_> = batch.iter().map(|waiting| waiting.charge.clone()).collect();
        // Which stands for all: a span has one parent.
        let span = batch.first().map_or_else(Span::none, |waiting| waiting.span.clone());
        match charge(&self.database, &self.clock, &charges).instrument(span).await {
            Ok(kept) => batch.into_iter().zip(kept).for_each(|(waiting, kept)| waiting.hear(Ok(kept))),
            Err(error) => match <[Waiting; 1]>::try_from(batch) {
                Ok([waiting]) => waiting.hear(Err(error)),
                Err(batch) if error.is_of_the_database() => {
                    let error = Arc::new(error);
                    for waiting in batch {
                        waiting.hear(Err(ChargeError::Shared(Arc::clone(&error))));
                    }
                }
                Err(batch) => {
                    for waiting in batch {
                        Box::pin(self.make(vec![waiting])).await;
                    }
                }
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn hear(self, outcome: Result<Kept, ChargeError>) {
        // Who has gone meanwhile asks again, and gets the answer that was kept.
        drop(self.made.send(outcome));
    }
}
