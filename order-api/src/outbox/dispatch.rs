//! Making deliveries, and recording the results.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use database::Database;
use futures::future::join_all;
use jobs::Backoff;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::db;
use super::delivery::{ClaimedDelivery, Delivery, Kind};
use super::handler::{Handler, HandlerError};

/// The outbox of a service with the state `S`. Cheap to clone.
pub struct Outbox<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    database: Database,
    clock: Clock,
    /// How long a claimed delivery belongs to the process that has claimed it.
    lease: Duration,
    /// Deliveries that go on when nobody waits for them any more.
    background: TaskTracker,
    handlers: Vec<Box<dyn Handler<S>>>,
}

/// Why a delivery failed, if its handler has not said it.
#[derive(Debug, thiserror::Error)]
enum DispatchError {
    #[error("the delivery did not end within its lease")]
    OutOfTime,
    #[error("no handler is registered for this kind")]
    NoHandler,
}

impl<S> Outbox<S> {
    /// The outbox in `database`, with a handler for each kind of delivery.
    pub fn new(
        database: Database,
        clock: Clock,
        lease: Duration,
        background: TaskTracker,
        handlers: Vec<Box<dyn Handler<S>>>,
    ) -> Self {
        Self { shared: Arc::new(Shared { database, clock, lease, background, handlers }) }
    }

    /// The kinds that have a handler.
    pub fn kinds(&self) -> Vec<Kind> {
        self.shared.handlers.iter().map(|handler| handler.kind()).collect()
    }

    /// Records the results of deliveries: deletes those that were made, and reschedules the others.
    pub async fn record(&self, results: Vec<(ClaimedDelivery, Result<(), HandlerError>)>) {
        let mut done = Vec::new();
        let mut failed = Vec::new();
        for (claimed, result) in results {
            let kind = claimed.delivery.kind.as_str();
            match result {
                Ok(()) => {
                    metrics::counter!("outbox_delivered_total", "kind" => kind).increment(1);
                    done.push(claimed.delivery);
                }
                Err(error) => {
                    let (subject_id, attempt) = (claimed.delivery.subject_id, claimed.attempt);
                    let error = telemetry::chain(&*error);
                    tracing::warn!(kind, %subject_id, attempt, error, "a delivery failed; it is tried again");
                    metrics::counter!("outbox_rescheduled_total", "kind" => kind).increment(1);
                    failed.push(claimed);
                }
            }
        }
        if let Err(error) = self.write(done, failed).await {
            // The leases expire, and the deliveries are made again, without effect.
            tracing::warn!(%error, "could not record the results of deliveries");
        }
    }

    async fn write(&self, done: Vec<Delivery>, failed: Vec<ClaimedDelivery>) -> sqlx::Result<()> {
        let now = self.shared.clock.now();
        let write = self.shared.database.run_autocommit("outbox_write", move |connection| {
            Box::pin(async move {
                db::delete(connection, &done).await?;
                for claimed in failed {
                    let pause = Backoff::FOR_CALLS.after(claimed.attempt);
                    db::reschedule(connection, claimed, now + pause).await?;
                }
                Ok(())
            })
        });
        write.await
    }

    /// Claims at most `limit` deliveries whose lease has expired.
    pub(super) async fn claim_due(&self, limit: u32) -> sqlx::Result<Vec<ClaimedDelivery>> {
        let now = self.shared.clock.now();
        let (lease_until, kinds) = (now + self.shared.lease, self.kinds());
        self.shared
            .database
            .run_tx("outbox_claim_due", move |connection| {
                let kinds = kinds.clone();
                Box::pin(async move { db::claim_due(connection, &kinds, now, lease_until, limit).await })
            })
            .await
    }
}

impl<S: Clone + Send + Sync + 'static> Outbox<S> {
    /// Makes a claimed delivery, within its lease, and records the result.
    pub async fn deliver(&self, state: &S, claimed: ClaimedDelivery) {
        let Delivery { kind, subject_id } = claimed.delivery;
        let handler = self.shared.handlers.iter().find(|handler| handler.kind() == kind);
        let result = match handler {
            Some(handler) => timeout(self.shared.lease, handler.deliver(state, subject_id))
                .await
                .unwrap_or_else(|_| Err(DispatchError::OutOfTime.into())),
            None => Err(DispatchError::NoHandler.into()),
        };
        self.record(vec![(claimed, result)]).await;
    }

    /// Makes deliveries that were just written, and waits for them, at most for `limit`. What is not finished by then goes
    /// on in the background; if this process ends before, the worker delivers it later.
    pub async fn deliver_now(
        &self,
        state: &S,
        deliveries: impl IntoIterator<Item = Delivery>,
        limit: Duration,
    ) {
        let claimed: Vec<ClaimedDelivery> = deliveries.into_iter().map(Delivery::first_attempt).collect();
        let (outbox, state) = (self.clone(), state.clone());
        let work = async move {
            join_all(claimed.into_iter().map(|claimed| outbox.deliver(&state, claimed))).await;
        };
        let task = self.shared.background.spawn(work.in_current_span());
        let _ = timeout(limit, task).await;
    }
}

impl<S> Clone for Outbox<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S> fmt::Debug for Outbox<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("kinds", &self.kinds()).finish_non_exhaustive()
    }
}
