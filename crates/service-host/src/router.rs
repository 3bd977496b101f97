//! The layers around every router.

use std::time::Duration;

use access::Verifier;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use problem::{Code, Problem};
use service_client::deadline;
use tokio::time::Instant;
use tower_http::limit::RequestBodyLimitLayer;

use crate::connections::Arrival;
use crate::content_encoding::refuse_coded_bodies;
use crate::settings::Server;

/// A layer, as a function of the router inside of it.
pub(crate) type Around = Box<dyn FnOnce(Router) -> Router + Send>;

/// Adds these layers, the outermost first: trace, log line and metrics of each request; the app's own layer around all answers;
/// problems for all errors; the refusal of coded bodies, unless the app forwards bodies; the request timeout; the body limit; the
/// verifier of tokens.
pub(crate) fn assemble(
    router: Router,
    is_public: bool,
    forwards_bodies: bool,
    around: Option<Around>,
    verifier: Verifier,
    settings: &Server,
) -> Router {
    let requests = telemetry::request_layer();
    let requests = if is_public { requests.for_public_callers() } else { requests };
    let router = verifier
        .wrap(router)
        // The limit below is for every body; axum's own is only for bodies that its extractors read.
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(settings.max_body_bytes))
        .layer(from_fn_with_state(settings.request_timeout(), in_time));
    let router = if forwards_bodies { router } else { router.layer(from_fn(refuse_coded_bodies)) };
    let router = problem::wrap(router);
    let router = match around {
        Some(around) => around(router),
        None => router,
    };
    router.layer(requests)
}

/// Ends a request that takes too long, or for which its caller waits no more. If it is the client that is too slow, the answer says so.
async fn in_time(State(timeout): State<Duration>, request: Request, next: Next) -> Response {
    let arrival = request.extensions().get::<Arrival>().cloned();
    let arrival = arrival.as_ref();
    let left = deadline::left(request.headers()).unwrap_or(timeout);
    let end = Instant::now() + timeout.min(left);
    match tokio::time::timeout_at(end, deadline::within(end, next.run(request))).await {
        Ok(response) if is_error(&response) && arrival.is_some_and(Arrival::is_stalled) => too_slow(),
        Ok(response) => response,
        Err(_) => end_of_time(arrival),
    }
}

/// The answer to a request whose time is over.
pub(crate) fn end_of_time(arrival: Option<&Arrival>) -> Response {
    if arrival.is_some_and(Arrival::is_late) {
        return too_slow();
    }
    Problem::new(Code::GatewayTimeout)
        .detail("the request took longer than it may; what it began may still take effect")
        .into_response()
}

/// The answer to a request whose body did not arrive in time.
pub(crate) fn too_slow() -> Response {
    Problem::new(Code::RequestTimeout).detail("the rest of the body did not arrive in time").into_response()
}

pub(crate) fn is_error(response: &Response) -> bool {
    response.status().is_client_error() || response.status().is_server_error()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use access::{ServiceKeys, UserKeys};
    use axum::body::{Body, Bytes};
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::{get, post};
    use clock::Clock;
    use tower::ServiceExt;

    use super::*;

    const LIMIT: usize = 16;

    async fn answer(request: Request) -> (StatusCode, serde_json::Value) {
        let (status, _, body) = whole_answer(request, false).await;
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn whole_answer(request: Request, forwards_bodies: bool) -> (StatusCode, HeaderMap, Bytes) {
        let router = Router::new()
            .route("/length", post(async |body: Bytes| body.len().to_string()))
            .route("/left", get(async || left().as_millis().to_string()))
            .route("/never", get(std::future::pending::<()>));
        let clock = Clock::system();
        let services = ServiceKeys::new("test-api", &BTreeMap::new(), clock.clone()).unwrap();
        let verifier = Verifier::new(UserKeys::new("issuer", "audience", clock), services);
        let settings = serde_json::json!({
            "address": "127.0.0.1:0", "max-body-bytes": LIMIT, "request-timeout-ms": 50,
        });
        let settings = serde_json::from_value(settings).unwrap();
        let router = assemble(router, false, forwards_bodies, None, verifier, &settings);
        let response = router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, axum::body::to_bytes(response.into_body(), 4096).await.unwrap())
    }

    /// The time that is left of the request.
    fn left() -> Duration {
        deadline::current().unwrap() - Instant::now()
    }

    fn of_length(length: usize, declared: bool) -> Request {
        let request = Request::post("/length");
        let request = if declared { request.header("content-length", length) } else { request };
        let chunks = futures::stream::iter(vec![std::io::Result::Ok(Bytes::from(vec![b'x'; length]))]);
        request.body(Body::from_stream(chunks)).unwrap()
    }

    #[tokio::test]
    async fn a_body_of_the_maximum_size_is_read() {
        assert_eq!(answer(of_length(LIMIT, true)).await, (StatusCode::OK, LIMIT.into()));
        assert_eq!(answer(of_length(LIMIT, false)).await, (StatusCode::OK, LIMIT.into()));
    }

    #[tokio::test]
    async fn a_larger_body_is_refused_as_a_problem_whether_declared_or_not() {
        for declared in [true, false] {
            let (status, problem) = answer(of_length(LIMIT + 1, declared)).await;
            assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
            assert_eq!(problem["code"], "BODY_TOO_LARGE");
        }
    }

    #[tokio::test]
    async fn a_coded_body_is_refused_on_every_route_unless_it_is_passed_on() {
        let coded = |request: axum::http::request::Builder| {
            request.header("content-encoding", "gzip").body(Body::from("abc")).unwrap()
        };
        for request in [Request::post("/length"), Request::get("/never")] {
            let (status, headers, body) = whole_answer(coded(request), false).await;
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
            assert_eq!(
                (&headers["accept-encoding"], &problem["code"]),
                (&"identity".parse().unwrap(), &"UNSUPPORTED_MEDIA_TYPE".into())
            );
            assert!(problem["instance"].is_string());
        }
        let (status, _, body) = whole_answer(coded(Request::post("/length")), true).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"3"[..]));
        let identity =
            Request::post("/length").header("content-encoding", "identity").body(Body::from("abc"));
        assert_eq!(answer(identity.unwrap()).await, (StatusCode::OK, 3.into()));
    }

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_answered_with_a_problem() {
        let (status, problem) = answer(Request::get("/never").body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(problem["code"], "GATEWAY_TIMEOUT");
    }

    #[tokio::test]
    async fn a_request_ends_when_its_caller_waits_no_more_but_not_later_than_others() {
        for (said, most) in [("20", 20), ("3600000", 50), ("nonsense", 50), ("-1", 50)] {
            let request =
                Request::get("/left").header("x-deadline-left-ms", said).body(Body::empty()).unwrap();
            let (_, _, left) = whole_answer(request, false).await;
            let left: u128 = std::str::from_utf8(&left).unwrap().parse().unwrap();
            assert!(left <= most, "{said}: {left}");
        }
        let over = Request::get("/never").header("x-deadline-left-ms", "0").body(Body::empty()).unwrap();
        assert_eq!(answer(over).await.0, StatusCode::GATEWAY_TIMEOUT);
    }

    #[tokio::test]
    async fn a_path_without_a_route_is_answered_with_a_problem() {
        let (status, problem) = answer(Request::get("/nowhere").body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(problem["code"], "NOT_FOUND");
    }
}
