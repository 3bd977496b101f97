//! Requests whose effect takes several steps. The key is claimed before the first step, and the answer is kept after the last.

use std::convert::Infallible;
use std::sync::Arc;
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
use crate::keyed::{Fingerprint, KeyOf, Keyed, Lease};
use crate::sender::Sender;

/// How long a request may run before a repetition takes it over and runs it again. If both run for a moment, both have the same
/// operation id, so every step still takes effect once. The first one can't begin its effect any more ([`Operation::hold`]), nor
/// decide what is kept under the key.
const LEASED_FOR: Duration = Duration::from_secs(30);

/// The operation of a request with an Idempotency-Key. It is extracted by the handlers behind
/// [`Guard::steps`](crate::Guard::steps).
#[derive(Clone, Debug)]
pub struct Operation {
    /// The same for every try of the same request.
    pub id: Uuid,
    /// Whether an earlier try was begun. It may have had effects.
    pub begun_before: bool,
    lease: Lease,
}

impl Operation {
    /// Makes sure that no repetition has taken this try over, because it stood still for longer than its lease. Called in the first
    /// transaction of the effect, which [`TakenOver`] must roll back: the repetition may have been refused meanwhile, and its
    /// client relies on it. Locks the key, so that a repetition waits for the end of the transaction.
    pub async fn hold(&self, connection: &mut Connection) -> sqlx::Result<Result<(), TakenOver>> {
        Ok(if db::lock(connection, &self.lease).await? { Ok(()) } else { Err(TakenOver) })
    }
}

/// The request stood still, and a repetition has taken it over. It has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a repetition of the request has taken it over")]
pub struct TakenOver;

impl From<TakenOver> for Problem {
    fn from(TakenOver: TakenOver) -> Self {
        in_use()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the route is not guarded by idempotency::Guard::steps")]
struct NotGuarded;

impl<S: Send + Sync> FromRequestParts<S> for Operation {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal(NotGuarded))
    }
}

/// `None` for a request without a key.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Operation {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
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
            let lease = operation.lease.clone();
            let response = next.run(keyed.request_with(operation)).await;
            self.keep(&keyed.path, lease, response).await
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
        of: &Arc<KeyOf>,
        fingerprint: &Fingerprint,
    ) -> Result<Claimed, Problem> {
        // Twice, because another request may delete or take over the key after it was found.
        for _ in 0..2 {
            let now = self.clock.now();
            let lease =
                Lease { of: Arc::clone(of), operation_id: self.clock.new_id(), until: now + LEASED_FOR };
            match db::insert(connection, &lease, fingerprint, now).await {
                Ok(()) => {
                    return Ok(Claimed::Run(Operation {
                        id: lease.operation_id,
                        begun_before: false,
                        lease,
                    }));
                }
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
            let lease = Lease { operation_id: row.operation_id, ..lease };
            if db::take_over(connection, &lease, row.leased_until).await? {
                return Ok(Claimed::Run(Operation { id: lease.operation_id, begun_before: true, lease }));
            }
        }
        Err(in_use())
    }

    /// Keeps the answer, or allows the request to be sent again.
    async fn keep(&self, path: &str, lease: Lease, response: Response) -> Result<Response, Problem> {
        let retention = Retention::after(&response);
        let read = Answer::read(problem::complete(response, path)).await;
        let (answer, response) = read.map_err(Problem::internal)?;
        match self.write(lease, retention, answer).await {
            Ok(false) if !retention.is_told_unkept(&response) => Err(in_use()),
            Ok(true | false) => Ok(response),
            Err(error) => retention.unkept(response, error),
        }
    }

    /// False if another try has the lease by now.
    async fn write(&self, lease: Lease, retention: Retention, answer: Answer) -> sqlx::Result<bool> {
        let now = self.clock.now();
        let write = self.database.run_autocommit("idempotency_answer", move |connection| {
            let (lease, answer) = (lease.clone(), answer.clone());
            Box::pin(async move {
                match retention {
                    Retention::Nothing => db::delete(connection, &lease).await,
                    Retention::OperationId => db::end_lease(connection, &lease, now).await,
                    Retention::Answer => db::answer(connection, &lease, &answer).await,
                }
            })
        });
        write.await
    }
}
