//! Requests whose whole effect is one transaction. The key and the answer are written in the same transaction, so that either
//! all of it happens or nothing.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use database::Connection;
use http::request::Parts;
use problem::Problem;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::answer::{Answer, Retention};
use crate::db::{self, AnsweredRow, KeyRow};
use crate::idempotency_keys::{IdempotencyKeys, KEPT_FOR, in_use};
use crate::keyed::{Fingerprint, KeyOf, Keyed};
use crate::sender::Sender;

/// After this time it is worth a statement to see whether the request was answered before.
const LONG_WAIT: Duration = Duration::from_millis(50);

/// A key that is to be written in the transaction of the request. It is extracted by the handlers behind
/// [`Guard::transaction`](crate::Guard::transaction), and written with its answer by [`keep`].
#[derive(Clone, Debug)]
pub struct Claim(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: Uuid,
    of: Arc<KeyOf>,
    fingerprint: Fingerprint,
    now: OffsetDateTime,
}

/// A key and the answer that is to be kept.
#[derive(Debug)]
#[must_use = "it is not kept yet"]
pub struct AnswerToKeep {
    claim: Claim,
    answer: Answer,
}

/// The answer that was kept, to be given after the transaction has been committed.
#[derive(Debug)]
#[must_use = "it is the answer"]
pub struct KeptAnswer(Kept);

#[derive(Debug)]
enum Kept {
    Answer(Answer),
    /// The request had no key, so nothing was kept.
    Nothing(Response),
}

/// Why a key could not be written. The transaction must not be committed.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The request was answered before, or another request had its key. The layer finds out which, and answers in place of the
    /// handler.
    #[error("the idempotency key is known already")]
    KeyIsKnown,
    /// The answer can't be read.
    #[error("the answer can't be read")]
    Answer(#[from] axum::Error),
    /// The database failed.
    #[error("the idempotency key could not be written")]
    Database(#[from] sqlx::Error),
}

/// Marks the response that a committed transaction kept.
#[derive(Clone, Copy, Debug)]
struct Committed;

#[derive(Debug, thiserror::Error)]
#[error("the route is not guarded by idempotency::Guard::transaction")]
struct NotGuarded;

/// What the table says about the key of a request.
enum Known {
    /// The request itself was committed, with this answer.
    Committed(Response),
    /// An earlier request was answered with this.
    Replayed(Response),
    /// It had expired, and is deleted now.
    Expired,
}

impl Claim {
    /// The id of the operation. It is a new one for every try, because a try that was not committed leaves nothing behind.
    pub fn id(&self) -> Uuid {
        self.0.id
    }

    /// When the request began. Its key and its answer are forgotten a day after.
    pub fn now(&self) -> OffsetDateTime {
        self.0.now
    }

    /// The answer to the request.
    pub async fn answer(&self, answer: impl IntoResponse) -> Result<AnswerToKeep, KeepError> {
        let (answer, _) = Answer::read(answer.into_response()).await?;
        Ok(AnswerToKeep { claim: self.clone(), answer })
    }
}

/// Writes keys with their answers in the transaction that has the effects: all of them or none. It should be one of the last
/// statements, because an equal request in another instance waits here until the commit.
pub async fn keep(
    connection: &mut Connection,
    answered: Vec<AnswerToKeep>,
) -> Result<Vec<KeptAnswer>, KeepError> {
    written(db::insert_answered(connection, answered.iter().map(AnswerToKeep::row)).await)?;
    Ok(answered.into_iter().map(AnswerToKeep::kept).collect())
}

/// Writes one key with its answer.
pub(crate) async fn keep_one(
    connection: &mut Connection,
    answered: AnswerToKeep,
) -> Result<KeptAnswer, KeepError> {
    written(db::insert_answered(connection, [answered.row()]).await)?;
    Ok(answered.kept())
}

fn written(result: sqlx::Result<()>) -> Result<(), KeepError> {
    result.map_err(|error| match database::duplicate_key(&error) {
        Some(_) => KeepError::KeyIsKnown,
        None => error.into(),
    })
}

impl AnswerToKeep {
    fn row(&self) -> AnsweredRow<'_> {
        let Inner { id, of, fingerprint, now } = &*self.claim.0;
        AnsweredRow { of, operation_id: *id, fingerprint, now: *now, answer: &self.answer }
    }

    fn kept(self) -> KeptAnswer {
        KeptAnswer(Kept::Answer(self.answer))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Claim {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal(NotGuarded))
    }
}

/// `None` for a request without a key.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Claim {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

impl KeptAnswer {
    /// The answer to a request without a key.
    pub(crate) fn without_key(response: Response) -> Self {
        Self(Kept::Nothing(response))
    }
}

impl IntoResponse for KeptAnswer {
    fn into_response(self) -> Response {
        let answer = match self.0 {
            Kept::Answer(answer) => answer,
            Kept::Nothing(response) => return response,
        };
        match answer.respond() {
            Ok(mut response) => {
                response.extensions_mut().insert(Committed);
                response
            }
            Err(problem) => problem.into_response(),
        }
    }
}

impl From<KeepError> for Problem {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::KeyIsKnown => in_use(),
            KeepError::Answer(error) => Self::internal(error),
            KeepError::Database(error) => error.into(),
        }
    }
}

impl IdempotencyKeys {
    pub(crate) async fn pass_transaction(
        self,
        keyed: Keyed,
        sender: Sender,
        next: Next,
    ) -> Result<Response, Problem> {
        let _run = self.running.begin(&keyed.of).ok_or_else(in_use)?;
        let pass = Pass { idempotency_keys: &self, keyed: &keyed, sender: &sender };
        for _ in 0..2 {
            let claim = self.new_claim(&keyed);
            if sender.looks_first()
                && let Some(known) = pass.look_up(&claim).await?
            {
                match known? {
                    Known::Committed(response) | Known::Replayed(response) => return Ok(response),
                    Known::Expired => {}
                }
            }
            let run = next.clone().run(keyed.request_with(claim.clone()));
            let response = match pass.run_unless_answered(&claim, run).await? {
                ControlFlow::Continue(response) => response,
                ControlFlow::Break(replayed) => return Ok(replayed),
            };
            if response.extensions().get::<Committed>().is_some() {
                return Ok(response);
            }
            if let Some(response) = pass.refused(&claim, response).await? {
                return Ok(response);
            }
        }
        Err(in_use())
    }

    fn new_claim(&self, keyed: &Keyed) -> Claim {
        Claim(Arc::new(Inner {
            id: self.clock.new_id(),
            of: keyed.of.clone(),
            fingerprint: keyed.fingerprint,
            now: self.clock.now(),
        }))
    }
}

/// A request that passes the guard.
struct Pass<'a> {
    idempotency_keys: &'a IdempotencyKeys,
    keyed: &'a Keyed,
    sender: &'a Sender,
}

impl Pass<'_> {
    /// Runs the handler. A repetition finds its key only at the end of its transaction; so a first request needs no additional
    /// statement. If the handler takes long, for example because it waits for its wallet, the key is looked up meanwhile. If it
    /// was answered before, the handler is cancelled and the first answer is given.
    async fn run_unless_answered(
        &self,
        claim: &Claim,
        run: impl Future<Output = Response>,
    ) -> Result<ControlFlow<Response, Response>, Problem> {
        if self.sender.looks_first() {
            // It has been looked up. Admitting a repetition may need what the handler holds meanwhile.
            return Ok(ControlFlow::Continue(run.await));
        }
        let mut run = std::pin::pin!(run);
        if let Ok(response) = tokio::time::timeout(LONG_WAIT, &mut run).await {
            return Ok(ControlFlow::Continue(response));
        }
        match self.look_up(claim).await {
            Ok(Some(Ok(Known::Replayed(response)))) => Ok(ControlFlow::Break(response)),
            Ok(Some(Err(refusal))) => Err(refusal),
            // Also if it has just been committed: others may see the commit before the handler gets its answer.
            Ok(_) | Err(_) => Ok(ControlFlow::Continue(run.await)),
        }
    }

    /// Finds the answer if the handler has not committed. Either the key is known, and its kept answer is the answer; or the
    /// handler has refused the request. `None` if the request must be run again.
    async fn refused(&self, claim: &Claim, response: Response) -> Result<Option<Response>, Problem> {
        let retention = Retention::after(&response);
        match self.look_up(claim).await {
            Ok(Some(known)) => {
                return Ok(match known? {
                    Known::Committed(response) | Known::Replayed(response) => Some(response),
                    Known::Expired => None,
                });
            }
            Ok(None) => {}
            Err(error) => return retention.unkept(response, error).map(Some),
        }
        let response = problem::complete(response, &self.keyed.path);
        if retention != Retention::Answer {
            return Ok(Some(response));
        }
        let (answer, response) = Answer::read(response).await.map_err(Problem::internal)?;
        match self.keep_refusal(AnswerToKeep { claim: claim.clone(), answer }).await {
            Err(error) if database::duplicate_key(&error).is_some() => Err(in_use()),
            Err(error) => retention.unkept(response, error).map(Some),
            Ok(()) => Ok(Some(response)),
        }
    }

    async fn look_up(&self, claim: &Claim) -> sqlx::Result<Option<Result<Known, Problem>>> {
        let (of, expired_before) = (self.keyed.of.clone(), claim.0.now - KEPT_FOR);
        let find = self.idempotency_keys.database.run_autocommit("idempotency_look_up", move |connection| {
            Box::pin(async move {
                let row = db::find(connection, &of).await?;
                if row.as_ref().is_some_and(|row| row.created_at <= expired_before) {
                    db::delete_expired(connection, &of, expired_before).await?;
                }
                Ok::<_, sqlx::Error>(row)
            })
        });
        let Some(row) = find.await? else { return Ok(None) };
        if row.created_at <= expired_before {
            return Ok(Some(Ok(Known::Expired)));
        }
        Ok(Some(self.answered(claim, row).await))
    }

    async fn answered(&self, claim: &Claim, row: KeyRow) -> Result<Known, Problem> {
        row.check_fingerprint(&self.keyed.fingerprint)?;
        let id = row.operation_id;
        let answer = row.answer().ok_or_else(in_use)?;
        if id == claim.0.id {
            return Ok(Known::Committed(answer.respond()?));
        }
        if answer.is_success() {
            self.sender.admit(|| self.keyed.request(), id).await?;
        }
        Ok(Known::Replayed(answer.replay()?))
    }

    async fn keep_refusal(&self, answered: AnswerToKeep) -> sqlx::Result<()> {
        let keep =
            self.idempotency_keys.database.run_autocommit("idempotency_keep_refusal", move |connection| {
                Box::pin(async move { db::insert_answered(connection, [answered.row()]).await })
            });
        keep.await
    }
}
