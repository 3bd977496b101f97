//! Requests whose effect takes several steps. The key is claimed before the first step, and the answer is kept after the last.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::middleware::Next;
use axum::response::Response;
use database::Connection;
use http::request::Parts;
use problem::Problem;
use tracing::Instrument;
use uuid::Uuid;

use crate::answer::{Answer, Retention};
use crate::db;
use crate::idempotency_keys::{IdempotencyKeys, KEPT_FOR, in_use};
use crate::keyed::{Fingerprint, KeyOf, Keyed};
use crate::sender::Sender;

/// How long a request may run before a repetition runs it again. If both run for a moment, both have the same operation id, so
/// every step still takes effect once.
const LEASE: Duration = Duration::from_secs(30);

/// The operation of a request with an Idempotency-Key. It is extracted by the handlers behind
/// [`Guard::steps`](crate::Guard::steps).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The same for every try of the same request.
    pub id: Uuid,
    /// Whether an earlier try was begun. It may have had effects.
    pub begun_before: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the route is not guarded by idempotency::Guard::steps")]
struct NotGuarded;

impl<S: Send + Sync> FromRequestParts<S> for Operation {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Problem::internal(NotGuarded))
    }
}

/// `None` for a request without a key.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Operation {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().copied())
    }
}

/// What to do with a request.
enum Claimed {
    /// Run it.
    Run(Operation),
    /// Give the answer that was kept for the operation with this id.
    Answered(Answer, Uuid),
}

impl IdempotencyKeys {
    pub(crate) async fn pass_steps(
        self,
        keyed: Keyed,
        sender: Sender,
        next: Next,
    ) -> Result<Response, Problem> {
        // When the client hangs up, this future is dropped, but not the task: the work runs to its end.
        let work = async move {
            let operation = match self.claim(&keyed).await? {
                Claimed::Run(operation) => operation,
                Claimed::Answered(answer, made) => {
                    if answer.is_success() {
                        sender.admit(|| keyed.request(), made).await?;
                    }
                    return answer.replay();
                }
            };
            let response = next.run(keyed.request_with(operation)).await;
            self.keep(&keyed, operation, response).await
        };
        let answered = tokio::spawn(work.in_current_span()).await;
        answered.unwrap_or_else(|stopped| Err(Problem::internal(stopped)))
    }

    /// Claims the key for this request, or finds the answer that was kept.
    async fn claim(&self, keyed: &Keyed) -> Result<Claimed, Problem> {
        let (idempotency_keys, of, fingerprint) = (self.clone(), keyed.of.clone(), keyed.fingerprint);
        let claim = self.database.run_autocommit("idempotency_claim", move |connection| {
            Box::pin(async move { idempotency_keys.claim_on(connection, &of, &fingerprint).await })
        });
        claim.await
    }

    async fn claim_on(
        &self,
        connection: &mut Connection,
        of: &KeyOf,
        fingerprint: &Fingerprint,
    ) -> Result<Claimed, Problem> {
        // Twice, because another request may delete or take over the key after it was found.
        for _ in 0..2 {
            let now = self.clock.now();
            let operation = Operation { id: self.clock.new_id(), begun_before: false };
            match db::insert(connection, of, operation.id, fingerprint, now, now + LEASE).await {
                Ok(()) => return Ok(Claimed::Run(operation)),
                Err(error) if database::duplicate_key(&error).is_some() => {}
                Err(error) => return Err(error.into()),
            }
            let Some(row) = db::find(connection, of).await? else { continue };
            if row.created_at + KEPT_FOR <= now {
                db::delete_expired(connection, of, now - KEPT_FOR).await?;
                continue;
            }
            row.check_fingerprint(fingerprint)?;
            if row.is_answered() {
                let id = row.operation_id;
                return row.answer().map(|answer| Claimed::Answered(answer, id)).ok_or_else(in_use);
            }
            if row.leased_until > now {
                return Err(in_use());
            }
            if db::take_over(connection, of, &row, now + LEASE).await? {
                return Ok(Claimed::Run(Operation { id: row.operation_id, begun_before: true }));
            }
        }
        Err(in_use())
    }

    /// Keeps the answer, or allows the request to be sent again.
    async fn keep(
        &self,
        keyed: &Keyed,
        operation: Operation,
        response: Response,
    ) -> Result<Response, Problem> {
        let retention = Retention::after(&response);
        let read = Answer::read(problem::complete(response, &keyed.path)).await;
        let (answer, response) = read.map_err(Problem::internal)?;
        if let Err(error) = self.write(keyed, operation, retention, &answer).await {
            // The work is done, and a repetition would do it again with the same result. So the client gets its answer.
            tracing::warn!(%error, "can't keep the answer to a request with an idempotency key");
        }
        Ok(response)
    }

    async fn write(
        &self,
        keyed: &Keyed,
        operation: Operation,
        retention: Retention,
        answer: &Answer,
    ) -> sqlx::Result<()> {
        let (of, id, answer, now) = (keyed.of.clone(), operation.id, answer.clone(), self.clock.now());
        let write = self.database.run_autocommit("idempotency_answer", move |connection| {
            Box::pin(async move {
                match retention {
                    Retention::Nothing => db::delete(connection, &of, id).await,
                    Retention::OperationId => db::end_lease(connection, &of, id, now).await,
                    Retention::Answer => db::answer(connection, &of, id, &answer).await,
                }
            })
        });
        write.await
    }
}
