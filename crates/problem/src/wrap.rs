//! The layer around every router: every error becomes a problem and is logged once.

use std::any::Any;

use axum::Router;
use axum::extract::{OriginalUri, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Code, Problem};

/// Makes every error of `router` a problem: errors of handlers, plain-text answers of libraries, unknown routes and methods, and
/// panics. It fills in `instance` and `traceId`, and logs each 5xx once.
pub fn wrap<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(finish))
}

/// The answer to a path that no route has.
pub async fn not_found(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(Code::NotFound).detail(format!("no route leads to {}", uri.path()))
}

/// The answer to a method that the path does not have. axum adds the `Allow` header.
pub async fn method_not_allowed(request: Request) -> Problem {
    Problem::new(Code::MethodNotAllowed).detail(format!("{} is not a method of this path", request.method()))
}

async fn finish(request: Request, next: Next) -> Response {
    let path = request
        .extensions()
        .get::<OriginalUri>()
        .map_or_else(|| request.uri().path().to_owned(), |OriginalUri(uri)| uri.path().to_owned());
    complete(next.run(request).await, &path)
}

/// Fills in the members of a problem that come from the request, and logs a 5xx. [`wrap`] does this with every answer. A layer
/// that stores answers does it earlier, so that it stores complete ones. An answer that is complete or no error is not changed.
pub fn complete(mut response: Response, path: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_foreign(&response) => Problem::new(Code::from_status(status)),
        // It is complete already, or it was passed on from another service.
        None => return response,
    };
    let trace_id = telemetry::TraceContext::current().map(|context| context.trace_id.to_string());
    let problem = problem.at(path, trace_id);
    log(&problem, path);
    let mut completed = problem.into_response();
    completed.extensions_mut().clear();
    // The headers and extensions of other layers stay: `Allow`, `Retry-After`, cookies, marks for metrics.
    for (name, value) in response.headers() {
        let ours = [header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name);
        if !ours && !completed.headers().contains_key(name) {
            completed.headers_mut().append(name, value.clone());
        }
    }
    completed.extensions_mut().extend(std::mem::take(response.extensions_mut()));
    completed
}

fn is_foreign(response: &Response) -> bool {
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    !media_type.is_some_and(|media_type| media_type.contains("json"))
}

fn log(problem: &Problem, path: &str) {
    let (code, status) = (&*problem.body().code, problem.body().status);
    if problem.status().is_server_error() {
        let causes = problem.cause().map_or_else(|| "-".to_owned(), telemetry::chain);
        let detail = problem.body().detail.as_deref();
        // A 503 is no bug of this process: the dependency that is down is in readiness and in its own log.
        if problem.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(code, status, path, detail, causes, "answered a server error");
        } else {
            tracing::warn!(code, status, path, detail, causes, "answered a server error");
        }
    } else {
        tracing::debug!(code, status, path, detail = problem.body().detail.as_deref(), "refused");
    }
}

/// A panic is a bug: the client gets a 500, and the log has the message.
fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    #[derive(Debug, thiserror::Error)]
    #[error("a handler panicked: {0}")]
    struct Panicked(String);

    let message = payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "no message".to_owned());
    Problem::internal(Panicked(message)).into_response()
}
