//! The queue as a layer of routes.

use std::fmt::Display;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

use crate::HotKeyQueue;

impl HotKeyQueue {
    /// Puts the queue before every route of `router`: requests with the same key run one at a time. `key` makes the key of what
    /// an extractor gives, for example a path parameter or the member who is calling. A request that the extractor refuses is
    /// refused. Handlers know nothing of the queue.
    ///
    /// The lock is held until the work is done, or until the client is gone. If an outer layer goes on without its client, as
    /// `idempotency::IdempotencyKeys::guard` does, the lock is held until the work is done.
    pub fn guard<S, E, K>(&self, router: Router<S>, key: fn(E) -> K) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
        E: FromRequestParts<()> + 'static,
        K: Display + 'static,
    {
        if !self.is_on() {
            return router;
        }
        let queue = self.clone();
        router.route_layer(from_fn(move |request: Request, next: Next| {
            let queue = queue.clone();
            async move { queue.pass(request, next, key).await }
        }))
    }

    async fn pass<E, K>(&self, request: Request, next: Next, key: fn(E) -> K) -> Response
    where
        E: FromRequestParts<()>,
        K: Display,
    {
        let (mut parts, body) = request.into_parts();
        let key = match E::from_request_parts(&mut parts, &()).await {
            Ok(of) => key(of).to_string(),
            Err(refusal) => return refusal.into_response(),
        };
        self.run(key, next.run(Request::from_parts(parts, body))).await
    }
}
