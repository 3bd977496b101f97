//! Which requests are guarded, and how.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::Method;
use problem::Problem;

use crate::idempotency_keys::IdempotencyKeys;
use crate::key::HEADER;
use crate::keyed::Keyed;
use crate::sender::{Anonymous, Sender};

/// How the writes (POST and PATCH) of some routes are guarded.
#[derive(Clone)]
pub struct Guard {
    effect: Effect,
    is_needed: bool,
    sender: Sender,
}

#[derive(Clone, Copy)]
enum Effect {
    Transaction,
    Steps,
}

impl Guard {
    /// The effect is one transaction, which also writes the key and the answer. The handlers extract a [`Claim`](crate::Claim).
    pub const fn transaction() -> Self {
        Self { effect: Effect::Transaction, is_needed: true, sender: Sender::Member }
    }

    /// The effect takes several steps. The handlers extract an [`Operation`](crate::Operation).
    pub const fn steps() -> Self {
        Self { effect: Effect::Steps, is_needed: true, sender: Sender::Member }
    }

    /// A request needs no key. Without one it is served as if there was no guard. The handlers extract an `Option`.
    #[must_use]
    pub fn if_sent(self) -> Self {
        Self { is_needed: false, ..self }
    }

    /// The requests come from clients who are not signed in.
    #[must_use]
    pub fn from_anonymous(self, anonymous: impl Anonymous) -> Self {
        Self { sender: Sender::Anonymous(Arc::new(anonymous)), ..self }
    }
}

impl IdempotencyKeys {
    /// Guards every POST and PATCH of `router`; other requests pass. Where members send them, a request without a signed-in member
    /// is refused before its key is looked at.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>, guard: Guard) -> Router<S> {
        let idempotency_keys = self.clone();
        router.route_layer(from_fn(move |request: Request, next: Next| {
            let (idempotency_keys, guard) = (idempotency_keys.clone(), guard.clone());
            async move {
                idempotency_keys.pass(guard, request, next).await.unwrap_or_else(IntoResponse::into_response)
            }
        }))
    }

    async fn pass(self, guard: Guard, request: Request, next: Next) -> Result<Response, Problem> {
        let Guard { effect, is_needed, sender } = guard;
        let is_write = [Method::POST, Method::PATCH].contains(request.method());
        if !is_write || (!is_needed && !request.headers().contains_key(HEADER)) {
            return Ok(next.run(request).await);
        }
        let keyed = Keyed::read(request, &sender, self.clock.new_id()).await?;
        match effect {
            Effect::Transaction => self.pass_transaction(keyed, sender, next).await,
            Effect::Steps => self.pass_steps(keyed, sender, next).await,
        }
    }
}
