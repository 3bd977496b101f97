use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use database::Connection;

use crate::transaction::{Claim, KeepError, KeptAnswer, keep_one};

/// How a request whose effect is one transaction is answered: what is said of a `T` that was made or changed, and the key by which
/// the answer is kept, if the request has one.
pub struct Reply<T> {
    claim: Option<Claim>,
    answer: Arc<dyn Fn(T) -> Response + Send + Sync>,
}

impl<T> Reply<T> {
    /// Answers a request with `answer`.
    pub fn new<R: IntoResponse>(
        claim: Option<Claim>,
        answer: impl Fn(T) -> R + Send + Sync + 'static,
    ) -> Self {
        Self { claim, answer: Arc::new(move |done| answer(done).into_response()) }
    }

    /// The answer to a request that has done this. With a key, both are written in the transaction of the effect: as one of its last
    /// statements, because an equal request in another instance waits here until the commit.
    pub async fn keep(&self, connection: &mut Connection, done: T) -> Result<KeptAnswer, KeepError> {
        let response = (self.answer)(done);
        let Some(claim) = &self.claim else { return Ok(KeptAnswer::without_key(response)) };
        let answer = claim.answer(response).await?;
        keep_one(connection, answer).await
    }
}

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Self { claim: self.claim.clone(), answer: Arc::clone(&self.answer) }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("claim", &self.claim).finish_non_exhaustive()
    }
}
