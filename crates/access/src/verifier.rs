use std::sync::Arc;

use axum::{Extension, Router};
use http::{Extensions, HeaderMap};
use problem::Problem;

use crate::authorization::{bearer, refused};
use crate::{Principal, ServiceKeys, UserKeys};

/// Verifies both kinds of token. It is an extension of every request.
#[derive(Clone, Debug)]
pub struct Verifier(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    users: UserKeys,
    services: ServiceKeys,
}

#[derive(Debug, thiserror::Error)]
#[error("the router has no access::Verifier")]
struct NoVerifier;

impl Verifier {
    /// Verifies user tokens with `users`, and service tokens with `services`.
    pub fn new(users: UserKeys, services: ServiceKeys) -> Self {
        Self(Arc::new(Inner { users, services }))
    }

    /// Gives every request of `router` this verifier. Without it, every extractor of a caller answers 500: a router that was
    /// put together wrongly lets nobody in.
    pub fn wrap<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        router.layer(Extension(self))
    }

    pub(crate) fn of(extensions: &Extensions) -> Result<&Self, Problem> {
        extensions.get().ok_or_else(|| Problem::internal(NoVerifier))
    }

    /// The member whose token is in these headers; for one who has no extractors. Otherwise the refusal.
    pub async fn member(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        self.user_keys().verify(bearer(headers)?).await.map_err(refused)
    }

    /// The keys of user tokens.
    pub fn user_keys(&self) -> &UserKeys {
        &self.0.users
    }

    /// The keys of service tokens.
    pub fn service_keys(&self) -> &ServiceKeys {
        &self.0.services
    }
}
