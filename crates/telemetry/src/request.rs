//! The layer around every request: its span, its log line, its metrics.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::MatchedPath;
use http::{Method, Request, Response};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use crate::TraceContext;
use crate::context::SPAN_TARGET;

const REQUESTS: &str = "http_requests_total";
const DURATION: &str = "http_request_duration_seconds";
const IN_FLIGHT: &str = "http_requests_in_flight";

/// What a request is counted under where no route of the router matched it: a path made up by a client must not
/// become a label of its own.
const UNMATCHED: &str = "(none)";

/// Opens the span of each request, in the caller's trace or a new one, and logs and counts its answer.
///
/// It belongs outermost on the finished router (by `Router::layer`), so that the line and the figures have the final
/// status, and the route's pattern is known.
pub fn request_layer() -> RequestLayer {
    RequestLayer { callers: Callers::Ours }
}

/// Put into the extensions of an answer, says that it is one of many that all look alike, asked for by a machine without
/// end. Where it is a success, its line is written at the level `debug`; it is counted as any other.
#[derive(Clone, Copy, Debug)]
pub struct Routine;

/// See [`request_layer`].
#[derive(Clone, Copy, Debug)]
pub struct RequestLayer {
    callers: Callers,
}

impl RequestLayer {
    /// Begins a new trace with each request, whatever its `traceparent` says: who sends strangers' requests into our
    /// traces could make them say anything.
    #[must_use]
    pub fn of_strangers(self) -> Self {
        Self { callers: Callers::Strangers }
    }
}

/// Whether a request may go on with a trace that its caller began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Callers {
    Ours,
    Strangers,
}

/// See [`request_layer`].
#[derive(Clone, Debug)]
pub struct RequestService<S> {
    callers: Callers,
    inner: S,
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService { callers: self.callers, inner }
    }
}

impl<S, B, R> Service<Request<B>> for RequestService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let callers_trace = match self.callers {
            Callers::Ours => TraceContext::from_headers(request.headers()),
            Callers::Strangers => None,
        };
        let trace = callers_trace.map_or_else(TraceContext::root, TraceContext::child);
        let method = method_label(request.method());
        let matched = request.extensions().get::<MatchedPath>().cloned();
        let span = request_span(trace, method, matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str));
        request.extensions_mut().insert(trace);

        let running = Running::begin(method, matched);
        let answer = span.in_scope(|| self.inner.call(request));
        Box::pin(
            async move {
                let response = answer.await?;
                running.answered(&response);
                Ok(response)
            }
            .instrument(span),
        )
    }
}

fn request_span(trace: TraceContext, method: &'static str, route: &str) -> Span {
    let span = tracing::error_span!(target: SPAN_TARGET, parent: None, "request", method, route);
    trace.attach_to(&span);
    span
}

/// A request from its arrival to its answer, or to the moment when the client went away.
struct Running {
    method: &'static str,
    matched: Option<MatchedPath>,
    began: Instant,
}

impl Running {
    fn begin(method: &'static str, matched: Option<MatchedPath>) -> Self {
        gauge!(IN_FLIGHT).increment(1);
        Self { method, matched, began: Instant::now() }
    }

    fn answered<R>(&self, response: &Response<R>) {
        let route = self.matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let route: Arc<str> = Arc::from(route);
        let status = response.status();
        let took = self.began.elapsed();
        histogram!(DURATION, "method" => self.method, "route" => Arc::clone(&route)).record(took);
        counter!(REQUESTS, "method" => self.method, "route" => route, "status" => status.as_str().to_owned())
            .increment(1);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if status.is_success() && response.extensions().get::<Routine>().is_some() {
            tracing::debug!(status = status.as_u16(), duration_ms, "answered");
        } else {
            tracing::info!(status = status.as_u16(), duration_ms, "answered");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// Methods are made up by clients as well; only those that HTTP knows become labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// Tells the metrics recorder what the figures mean; called once, when it is installed.
pub fn describe_metrics() {
    describe_counter!(REQUESTS, "Requests answered, by route and status");
    describe_histogram!(DURATION, Unit::Seconds, "Time from a request's arrival to the head of its answer");
    describe_gauge!(IN_FLIGHT, "Requests that wait for their answer");
}
