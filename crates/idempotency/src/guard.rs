//! Which requests are guarded, and how.

use std::sync::Arc;

use access::Principal;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::Method;
use http::request::Parts;
use problem::Problem;
use uuid::Uuid;

use crate::idempotency_keys::IdempotencyKeys;
use crate::key::HEADER;
use crate::keyed::Keyed;

/// How the POSTs and PATCHes of some routes are guarded.
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

/// Who sends requests.
#[derive(Clone)]
pub(crate) enum Sender {
    /// Members who are signed in.
    Member,
    /// Clients who are not.
    Anonymous(Arc<dyn Anonymous>),
}

/// What is to be known of requests without a signed-in member.
pub trait Anonymous: Send + Sync + 'static {
    /// An id of the client, which is no id of a member. A key belongs to it.
    fn id(&self, parts: &Parts) -> Uuid;

    /// What of a body may be hashed into its fingerprint: all but its secrets. `None` if it can't be read.
    fn without_secrets(&self, body: &Bytes) -> Option<Bytes>;

    /// Admits the repetition of a request that took effect: by its secrets, which the fingerprint does not have. `made` is the id
    /// of the first request's [`Claim`](crate::Claim).
    fn admit(&self, repetition: Request, made: Uuid) -> BoxFuture<'_, Result<(), Problem>>;
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

impl Sender {
    pub(crate) async fn id(&self, parts: &mut Parts) -> Result<Uuid, Problem> {
        match self {
            Self::Member => Ok(Principal::authenticate(parts).await?.member_id.0),
            Self::Anonymous(anonymous) => Ok(anonymous.id(parts)),
        }
    }

    pub(crate) fn without_secrets(&self, body: &Bytes) -> Option<Bytes> {
        match self {
            Self::Member => Some(body.clone()),
            Self::Anonymous(anonymous) => anonymous.without_secrets(body),
        }
    }

    /// Admits the repetition of a request that took effect.
    pub(crate) async fn admit(&self, repetition: &Keyed, made: Uuid) -> Result<(), Problem> {
        match self {
            Self::Member => Ok(()),
            Self::Anonymous(anonymous) => anonymous.admit(repetition.request(), made).await,
        }
    }

    /// Whether a key is looked up before its request runs: running it would be much dearer than the look.
    pub(crate) const fn looks_first(&self) -> bool {
        matches!(self, Self::Anonymous(_))
    }
}
