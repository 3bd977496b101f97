//! The front of the gateway: finds the route of a request.
//!
//! What it does not know goes to the router: the gateway's own pages, methods that a path does not have, and paths that do not
//! exist.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service_host::{Client, Enclosure, Front, FrontAnswer};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::security_headers;
use crate::table::{CurrentTable, Found};

/// Passes on what the table knows.
pub(crate) struct Entrance {
    table: CurrentTable,
}

/// The `Allow` of a path that has other methods only.
#[derive(Clone)]
struct Allowed(HeaderValue);

impl Entrance {
    pub(crate) fn new(table: CurrentTable) -> Self {
        Self { table }
    }
}

impl Front for Entrance {
    fn answer(
        &self,
        mut request: Request,
        client: Client,
        enclosure: &Enclosure,
    ) -> Result<FrontAnswer, Request> {
        let table = self.table.load();
        let endpoint = match table.find(&request) {
            Found::Endpoint(endpoint) => Arc::clone(endpoint),
            Found::OtherMethod(allowed) => {
                request.extensions_mut().insert(Allowed(allowed.clone()));
                return Err(request);
            }
            Found::Nothing => return Err(request),
        };
        let enclosure = endpoint.enclosed(enclosure);
        let Some(cors) = table.cors() else {
            return Ok(Box::pin(async move { endpoint.answer(request, client, &enclosure).await }));
        };
        let mut allowed = cors.layer(service_fn(move |request| {
            let (endpoint, enclosure) = (Arc::clone(&endpoint), enclosure.clone());
            async move { Ok::<Response, Infallible>(endpoint.answer(request, client, &enclosure).await) }
        }));
        let answer = allowed.call(request);
        Ok(Box::pin(async move { answer.await.unwrap_or_else(|never| match never {}) }))
    }
}

/// Surrounds the router: with the origins of the table, so that a browser can read all answers, also 404, 413 and 504; with the
/// refusal of methods; with what every answer tells browsers.
pub(crate) async fn surround(State(table): State<CurrentTable>, request: Request, next: Next) -> Response {
    let is_tls = request.extensions().get::<Client>().is_some_and(|client| client.is_tls);
    let inner = service_fn(move |request: Request| {
        let next = next.clone();
        async move {
            Ok::<Response, Infallible>(match request.extensions().get::<Allowed>().cloned() {
                Some(allowed) => other_method(allowed, request).await,
                None => next.run(request).await,
            })
        }
    });
    let cors = table.load().cors().cloned();
    let answered = match cors {
        Some(cors) => cors.layer(inner).oneshot(request).await,
        None => inner.oneshot(request).await,
    };
    let mut response = answered.unwrap_or_else(|never| match never {});
    security_headers::add(response.headers_mut(), is_tls);
    response
}

/// Refuses a method that the route table does not list for a path.
async fn other_method(Allowed(allowed): Allowed, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let refusal = ([(header::ALLOW, allowed)], problem::method_not_allowed(request).await);
    problem::complete(refusal.into_response(), &path)
}
