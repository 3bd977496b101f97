//! What a request passes through on its way to a service, from the top to the bottom, and its answer on the way back.
//!
//! Each route has a stack of its own, so no layer has to find out which route it is working for. A layer that does not
//! let a request pass raises a [`Refusal`](crate::refusal::Refusal); the topmost one makes an answer of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use tower::{Service, ServiceBuilder};

use crate::headers::{self, Outside};
use crate::revocations::Revocations;
use crate::routes::Route;
use crate::settings::Scheme;
use crate::upstream::{AnswerBody, Upstream};
use crate::{guard, path, protocol, refusal};

/// The stack of one route.
pub(crate) fn stack(
    route: &Route,
    upstream: Arc<Upstream>,
    revocations: &Revocations,
    scheme: Scheme,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
    let access = route.access;
    let revocations = revocations.clone();
    ServiceBuilder::new()
        // Whatever is raised below becomes a problem here, and nowhere else.
        .layer(HandleErrorLayer::new(refusal::answer))
        // One host, and no protocol but HTTP.
        .filter(protocol::check)
        // A path that everybody reads in the same way.
        .filter(path::check)
        // A caller who may.
        .filter_async(move |request| guard::check(access, revocations.clone(), request))
        // The header fields that a service should see, and those that a client should.
        .map_request(move |request| to_service(request, scheme))
        .map_response(to_client)
        // An instance, and another one where that is safe; bodies stream through, both ways.
        .service_fn(move |request| {
            let upstream = Arc::clone(&upstream);
            async move { upstream.send(request).await }
        })
}

fn to_service(mut request: Request, scheme: Scheme) -> Request {
    let address =
        request.extensions().get::<ConnectInfo<SocketAddr>>().map(|client| client.0.ip().to_canonical());
    let outside = Outside { address, host: protocol::host(&request), scheme };
    headers::to_service(request.headers_mut(), &outside);
    request
}

fn to_client(answer: Response<AnswerBody>) -> Response {
    let mut answer = answer.map(Body::new);
    headers::to_client(answer.headers_mut());
    answer
}
