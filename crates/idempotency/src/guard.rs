use std::time::Duration;

use access::Principal;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, OriginalUri, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use clock::Clock;
use database::Database;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use problem::{Code, Problem};
use sha2::{Digest, Sha256};
use tracing::Instrument;
use uuid::Uuid;

use crate::db::{self, KeptAnswer, KeyOf};
use crate::key;

/// How long a key is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a request may run before a repetition may take it over. The operation's id makes it safe to be wrong.
const LEASE: Duration = Duration::from_secs(30);
/// No body of ours is larger.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// So many keys are forgotten in one statement, which holds its locks for a moment only.
const PURGED_AT_ONCE: u32 = 500;
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// What a request with an Idempotency-Key is about to do. Extracted by the handlers of guarded routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The same for every try of the same request.
    pub id: Uuid,
}

#[derive(Debug, thiserror::Error)]
#[error("the route is not guarded by an idempotency::Keeper")]
struct NotGuarded;

impl<S: Send + Sync> FromRequestParts<S> for Operation {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Problem::internal(NotGuarded))
    }
}

/// Keeps keys and answers in a service's own schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keeper {
    database: Database,
    clock: Clock,
}

/// What the table says of a key.
enum Claim {
    /// Run it.
    Run(Operation),
    /// It has been answered.
    Answered(KeptAnswer),
}

impl Keeper {
    /// Keeps them in the table of `schema.sql`.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }

    /// Guards every route of `router`. The routes demand a signed-in member, who is asked for first.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        let keeper = self.clone();
        router.route_layer(from_fn(move |request: Request, next: Next| {
            let keeper = keeper.clone();
            async move { keeper.answer(request, next).await.unwrap_or_else(IntoResponse::into_response) }
        }))
    }

    /// Forgets keys that are older than 24 hours, for ever; a worker of each service that has a keeper.
    pub async fn purge_expired(self) {
        loop {
            match self.purge_once().await {
                Ok(forgotten) if forgotten == u64::from(PURGED_AT_ONCE) => {}
                Ok(_) => tokio::time::sleep(PURGE_EVERY).await,
                Err(error) => {
                    tracing::warn!(%error, "can't forget old idempotency keys");
                    tokio::time::sleep(PURGE_EVERY).await;
                }
            }
        }
    }

    async fn purge_once(&self) -> sqlx::Result<u64> {
        db::purge(&mut *self.database.acquire().await?, self.clock.now() - KEPT_FOR, PURGED_AT_ONCE).await
    }

    async fn answer(self, request: Request, next: Next) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, &()).await?;
        let key = key::of(&parts.headers)?;
        let body =
            axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Problem::new(Code::BodyTooLarge))?;
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri).clone();
        let route = parts.extensions.get::<MatchedPath>().map_or(uri.path(), MatchedPath::as_str);
        let of = KeyOf { member_id: principal.member_id.0, route: format!("{} {route}", parts.method), key };
        let fingerprint =
            Sha256::new_with_prefix(uri.to_string()).chain_update([0]).chain_update(&body).finalize();

        let operation = match self.claim(&of, &fingerprint).await? {
            Claim::Answered(answer) => return replay(answer),
            Claim::Run(operation) => operation,
        };
        parts.extensions.insert(operation);
        let request = Request::from_parts(parts, Body::from(body));
        // A client that hangs up drops this future, but not the task.
        let work = async move {
            let response = problem::complete(next.run(request).await, uri.path());
            self.keep(&of, operation, response).await
        };
        let answered = tokio::spawn(work.in_current_span()).await;
        answered.unwrap_or_else(|stopped| Err(Problem::internal(stopped)))
    }

    /// Claims the key for this request, or finds what has become of it.
    async fn claim(&self, of: &KeyOf, fingerprint: &[u8]) -> Result<Claim, Problem> {
        let mut connection = self.database.acquire().await.map_err(database::problem)?;
        // Twice, because a key that was found may be forgotten or taken over by somebody else meanwhile.
        for _ in 0..2 {
            let now = self.clock.now();
            let operation = Operation { id: self.clock.new_id() };
            match db::insert(&mut connection, of, operation.id, fingerprint, now, now + LEASE).await {
                Ok(()) => return Ok(Claim::Run(operation)),
                Err(error) if database::duplicate_key(&error).is_some() => {}
                Err(error) => return Err(database::problem(error)),
            }
            let Some(row) = db::find(&mut connection, of).await.map_err(database::problem)? else { continue };
            if row.created_at + KEPT_FOR <= now {
                db::forget_expired(&mut connection, of, now - KEPT_FOR).await.map_err(database::problem)?;
                continue;
            }
            if row.fingerprint != fingerprint {
                return Err(Problem::new(Code::IdempotencyKeyReused));
            }
            if row.is_answered() {
                return row.answer().map(Claim::Answered).ok_or_else(in_use);
            }
            if row.leased_until > now {
                return Err(in_use());
            }
            let taken =
                db::take_over(&mut connection, of, &row, now + LEASE).await.map_err(database::problem)?;
            if taken {
                return Ok(Claim::Run(Operation { id: row.operation_id }));
            }
        }
        Err(in_use())
    }

    /// Keeps the answer, or says that the request may be sent again.
    async fn keep(&self, of: &KeyOf, operation: Operation, response: Response) -> Result<Response, Problem> {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(Problem::internal)?;
        let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let answer = KeptAnswer {
            status: parts.status.as_u16(),
            content_type: text(header::CONTENT_TYPE).map(str::to_owned),
            location: text(header::LOCATION).map(str::to_owned),
            body: body.to_vec(),
        };
        if let Err(error) = self.write(of, operation, &answer).await {
            // The work is done, and a repetition would do it again to the same end: the client gets its answer.
            tracing::warn!(%error, "can't keep the answer to a request with an idempotency key");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn write(&self, of: &KeyOf, operation: Operation, answer: &KeptAnswer) -> sqlx::Result<()> {
        let mut connection = self.database.acquire().await?;
        match answer.status {
            400 | 422 => db::forget(&mut connection, of, operation.id).await,
            408 | 429 | 500.. => db::end_lease(&mut connection, of, operation.id, self.clock.now()).await,
            _ => db::answer(&mut connection, of, operation.id, answer).await,
        }
    }
}

fn in_use() -> Problem {
    Problem::new(Code::IdempotencyKeyInUse).retry_after(Duration::from_secs(1))
}

fn replay(answer: KeptAnswer) -> Result<Response, Problem> {
    metrics::counter!("idempotency_replays_total").increment(1);
    let status = StatusCode::from_u16(answer.status).map_err(Problem::internal)?;
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in [(header::CONTENT_TYPE, answer.content_type), (header::LOCATION, answer.location)] {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
        }
    }
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}
