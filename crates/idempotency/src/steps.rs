//! Requests whose effect takes several steps. The key is claimed before the first step, and the answer is kept after the last.

use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use database::Connection;
use http::request::Parts;
use problem::Problem;
use tracing::Instrument;
use uuid::Uuid;

use crate::answer::{Answer, Retention};
use crate::db;
use crate::idempotency_keys::{IdempotencyKeys, KEPT_FOR, in_use};
use crate::key::HEADER;
use crate::keyed::{Fingerprint, KeyOf, Keyed};

/// How long a request may run before a repetition runs it again. If both run for a moment, both have the same operation id, so
/// every step still takes effect once.
const LEASE: Duration = Duration::from_secs(30);

/// The operation of a request with an Idempotency-Key. It is extracted by the handlers behind [`IdempotencyKeys::guard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The same for every try of the same request.
    pub id: Uuid,
    /// Whether an earlier try was begun. It may have had effects.
    pub begun_before: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the route is not guarded by idempotency::Keeper::guard")]
struct NotGuarded;

impl<S: Send + Sync> FromRequestParts<S> for Operation {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Problem::internal(NotGuarded))
    }
}

/// What to do with a request.
enum Claimed {
    /// Run it.
    Run(Operation),
    /// Give the answer that was kept.
    Answered(Answer),
}

impl IdempotencyKeys {
    /// Guards every route of `router`. Their handlers extract an [`Operation`]. A request without a signed-in member is refused
    /// before its key is looked at.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        let idempotency_keys = self.clone();
        router.route_layer(from_fn(move |request: Request, next: Next| {
            let idempotency_keys = idempotency_keys.clone();
            async move {
                idempotency_keys.pass_steps(request, next).await.unwrap_or_else(IntoResponse::into_response)
            }
        }))
    }

    /// Guards every route of `router` if a request has a key. Without one it is served as if there was no guard. The handlers
    /// extract an `Option<Extension<Operation>>`.
    pub fn guard_if_sent<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        let idempotency_keys = self.clone();
        router.route_layer(from_fn(move |request: Request, next: Next| {
            let idempotency_keys = idempotency_keys.clone();
            async move {
                if !request.headers().contains_key(HEADER) {
                    return next.run(request).await;
                }
                idempotency_keys.pass_steps(request, next).await.unwrap_or_else(IntoResponse::into_response)
            }
        }))
    }

    async fn pass_steps(self, request: Request, next: Next) -> Result<Response, Problem> {
        let keyed = Keyed::read(request).await?;
        // When the client hangs up, this future is dropped, but not the task: the work runs to its end.
        let work = async move {
            let operation = match self.claim(&keyed).await? {
                Claimed::Answered(answer) => return answer.replay(),
                Claimed::Run(operation) => operation,
            };
            let response = next.run(keyed.request(operation)).await;
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
                return row.answer().map(Claimed::Answered).ok_or_else(in_use);
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
        let (answer, response) = Answer::read(problem::complete(response, &keyed.path)).await?;
        if let Err(error) = self.write(keyed, operation, &answer).await {
            // The work is done, and a repetition would do it again with the same result. So the client gets its answer.
            tracing::warn!(%error, "can't keep the answer to a request with an idempotency key");
        }
        Ok(response)
    }

    async fn write(&self, keyed: &Keyed, operation: Operation, answer: &Answer) -> sqlx::Result<()> {
        let (of, id, answer, now) = (keyed.of.clone(), operation.id, answer.clone(), self.clock.now());
        let write = self.database.run_autocommit("idempotency_answer", move |connection| {
            Box::pin(async move {
                match answer.retention() {
                    Retention::Nothing => db::delete(connection, &of, id).await,
                    Retention::OperationId => db::end_lease(connection, &of, id, now).await,
                    Retention::Answer => db::answer(connection, &of, id, &answer).await,
                }
            })
        });
        write.await
    }
}
