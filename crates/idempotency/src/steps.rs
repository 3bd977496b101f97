//! Requests whose effect takes several steps: the key is claimed before the first, and the answer kept after the last.

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

use crate::answer::{Answer, Fate};
use crate::db::{self, KeyOf};
use crate::keeper::{KEPT_FOR, Keeper, in_use};
use crate::keyed::{Fingerprint, Keyed};

/// How long a request may run before a repetition may take it over. The operation's id makes it safe to be wrong.
const LEASE: Duration = Duration::from_secs(30);

/// What a request with an Idempotency-Key is about to do. Extracted by the handlers behind [`Keeper::guard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The same for every try of the same request.
    pub id: Uuid,
    /// Whether an earlier try was begun, and may have come to anything.
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

/// What the table says of a key.
enum Found {
    /// Run it.
    Run(Operation),
    /// It has been answered.
    Answered(Answer),
}

impl Keeper {
    /// Guards every route of `router`, whose handlers extract an [`Operation`]. The routes demand a signed-in member, who
    /// is asked for first.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        let keeper = self.clone();
        router.route_layer(from_fn(move |request: Request, next: Next| {
            let keeper = keeper.clone();
            async move { keeper.pass_steps(request, next).await.unwrap_or_else(IntoResponse::into_response) }
        }))
    }

    async fn pass_steps(self, request: Request, next: Next) -> Result<Response, Problem> {
        let keyed = Keyed::read(request).await?;
        // A client that hangs up drops this future, but not the task: what was begun under a key is finished.
        let work = async move {
            let operation = match self.claim(&keyed).await? {
                Found::Answered(answer) => return answer.replay(),
                Found::Run(operation) => operation,
            };
            let response = next.run(keyed.request(operation)).await;
            self.keep(&keyed, operation, response).await
        };
        let answered = tokio::spawn(work.in_current_span()).await;
        answered.unwrap_or_else(|stopped| Err(Problem::internal(stopped)))
    }

    /// Claims the key for this request, or finds what has become of it.
    async fn claim(&self, keyed: &Keyed) -> Result<Found, Problem> {
        let (keeper, of, fingerprint) = (self.clone(), keyed.of.clone(), keyed.fingerprint);
        let claim = self.database.run_autocommit("idempotency_claim", move |db| {
            Box::pin(async move { Ok::<_, sqlx::Error>(keeper.claim_over(db, &of, &fingerprint).await) })
        });
        claim.await.map_err(database::problem)?
    }

    async fn claim_over(
        &self,
        connection: &mut Connection,
        of: &KeyOf,
        fingerprint: &Fingerprint,
    ) -> Result<Found, Problem> {
        // Twice, because a key that was found may be forgotten or taken over by somebody else meanwhile.
        for _ in 0..2 {
            let now = self.clock.now();
            let operation = Operation { id: self.clock.new_id(), begun_before: false };
            match db::insert(connection, of, operation.id, fingerprint, now, now + LEASE).await {
                Ok(()) => return Ok(Found::Run(operation)),
                Err(error) if database::duplicate_key(&error).is_some() => {}
                Err(error) => return Err(database::problem(error)),
            }
            let Some(row) = db::find(connection, of).await.map_err(database::problem)? else { continue };
            if row.created_at + KEPT_FOR <= now {
                db::forget_expired(connection, of, now - KEPT_FOR).await.map_err(database::problem)?;
                continue;
            }
            row.demand(fingerprint)?;
            if row.is_answered() {
                return row.answer().map(Found::Answered).ok_or_else(in_use);
            }
            if row.leased_until > now {
                return Err(in_use());
            }
            let taken = db::take_over(connection, of, &row, now + LEASE).await.map_err(database::problem)?;
            if taken {
                return Ok(Found::Run(Operation { id: row.operation_id, begun_before: true }));
            }
        }
        Err(in_use())
    }

    /// Keeps the answer, or says that the request may be sent again.
    async fn keep(
        &self,
        keyed: &Keyed,
        operation: Operation,
        response: Response,
    ) -> Result<Response, Problem> {
        let (answer, response) = Answer::read(problem::complete(response, &keyed.path)).await?;
        if let Err(error) = self.write(keyed, operation, &answer).await {
            // The work is done, and a repetition would do it again to the same end: the client gets its answer.
            tracing::warn!(%error, "can't keep the answer to a request with an idempotency key");
        }
        Ok(response)
    }

    async fn write(&self, keyed: &Keyed, operation: Operation, answer: &Answer) -> sqlx::Result<()> {
        let (of, id, answer, now) = (keyed.of.clone(), operation.id, answer.clone(), self.clock.now());
        let write = self.database.run_autocommit("idempotency_answer", move |db| {
            Box::pin(async move {
                match answer.fate() {
                    Fate::Mended => db::forget(db, &of, id).await,
                    Fate::Repeated => db::end_lease(db, &of, id, now).await,
                    Fate::Kept => db::answer(db, &of, id, &answer).await,
                }
            })
        });
        write.await
    }
}
