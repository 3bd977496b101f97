//! The layers of a route. A request passes them from top to bottom, and the answer passes them back.
//!
//! Each route has its own stack, so no layer has to find the route of a request. A layer that refuses a request returns a
//! [`Refusal`](crate::refusal::Refusal). The topmost layer turns it into an answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use tower::{Service, ServiceBuilder};

use crate::client_address::TrustedProxies;
use crate::headers::{self, ClientInfo};
use crate::revocations::Revocations;
use crate::routes::Route;
use crate::settings::{PublicSettings, Scheme};
use crate::upstream::{AnswerBody, Upstream};
use crate::{guard, path, protocol, refusal};

/// Returns the stack of one route.
pub(crate) fn stack(
    route: &Route,
    upstream: Arc<Upstream>,
    revocations: &Revocations,
    public: &PublicSettings,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
    let (access, repeats_by_key) = (route.access, route.repeats_by_key);
    let revocations = revocations.clone();
    let (scheme, proxies) = (public.scheme, TrustedProxies::new(&public.trusted_proxies));
    ServiceBuilder::new()
        // Turns the errors of the layers below into problems.
        .layer(HandleErrorLayer::new(refusal::into_problem))
        // Demands one host, and refuses protocols other than HTTP.
        .filter(protocol::check)
        // Refuses ambiguous paths.
        .filter(path::check)
        // Checks token, session and role.
        .filter_async(move |request| guard::check(access, revocations.clone(), request))
        // Cleans the header fields of the request and of the answer.
        .map_request(move |request| to_service(request, scheme, &proxies))
        .map_response(to_client)
        // Sends the request to an instance, and to another one if that is safe. Bodies are streamed.
        .service_fn(move |request| {
            let upstream = Arc::clone(&upstream);
            async move { upstream.send(request, repeats_by_key).await }
        })
}

fn to_service(mut request: Request, scheme: Scheme, proxies: &TrustedProxies) -> Request {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let address = peer.map(|peer| proxies.client(peer, request.headers()));
    let client = ClientInfo { address, host: protocol::host(&request), scheme };
    headers::to_service(request.headers_mut(), &client);
    request
}

fn to_client(answer: Response<AnswerBody>) -> Response {
    let mut answer = answer.map(Body::new);
    headers::to_client(answer.headers_mut());
    answer
}
