//! Internal routes, which only services may call.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use problem::{Code, Problem};

use crate::Verifier;
use crate::authorization::{bearer, refused};

/// Lets only these services call the routes of `router`. Internal routes are wrapped in it, so that no handler can forget the
/// check.
pub fn only_services<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    callers: &'static [&'static str],
) -> Router<S> {
    router.route_layer(from_fn(async move |request: Request, next: Next| -> Result<Response, Problem> {
        let verifier = Verifier::of(request.extensions())?;
        let token = bearer(request.headers())?;
        let caller = verifier.service_keys().verify(token).map_err(refused)?;
        if !callers.contains(&caller.as_str()) {
            return Err(Problem::new(Code::WrongRole).detail(format!("{caller} may not call this")));
        }
        Ok(next.run(request).await)
    }))
}
