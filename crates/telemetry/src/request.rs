//! The layer around every request: its span, its log line, its metrics.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::MatchedPath;
use http::{Method, Request, Response, StatusCode};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use crate::TraceContext;
use crate::context::SPAN_TARGET;

pub(crate) const REQUESTS: &str = "http_requests_total";
pub(crate) const DURATION: &str = "http_request_duration_seconds";
pub(crate) const IN_FLIGHT: &str = "http_requests_in_flight";

/// The label of a request that no route has matched. The path itself is no label, because clients can make up paths.
const UNMATCHED: &str = "(none)";

/// Opens a span for each request, in the caller's trace or a new one, and logs and counts its answer.
///
/// It must be the outermost layer of the finished router (by `Router::layer`), so that the log line and the metrics have the
/// final status and the pattern of the route.
pub fn request_layer() -> RequestLayer {
    RequestLayer { callers: Callers::Services }
}

/// Marks an answer, by its extensions, as routine: one of many equal answers to a machine that asks all the time. If it is a
/// success, it is logged at the level `debug`. It is counted like any other.
#[derive(Clone, Copy, Debug)]
pub struct Routine;

/// See [`request_layer`].
#[derive(Clone, Copy, Debug)]
pub struct RequestLayer {
    callers: Callers,
}

impl RequestLayer {
    /// Begins a new trace with each request, and ignores its `traceparent`. It is for callers outside of the system, which could
    /// otherwise write into our traces.
    #[must_use]
    pub fn for_public_callers(self) -> Self {
        Self { callers: Callers::Public }
    }
}

/// Who calls: a service, whose trace is continued, or anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Callers {
    Services,
    Public,
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
            Callers::Services => TraceContext::from_headers(request.headers()),
            Callers::Public => None,
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

/// A request, from its arrival until it is answered or its client is gone.
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
        log_answer(response, took);
    }
}

/// The line of an answered request. Its target is [`ACCESS_TARGET`](crate::writer::ACCESS_TARGET).
pub(crate) fn log_answer<R>(response: &Response<R>, took: Duration) {
    let status = response.status();
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if status.is_success() && response.extensions().get::<Routine>().is_some() {
        tracing::debug!(status = status.as_u16(), duration_ms, "answered");
    } else {
        tracing::info!(status = status.as_u16(), duration_ms, "answered");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// Clients can make up methods, so only those of HTTP are labels.
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

/// Logs and counts a head that is no request of HTTP, and that the server has answered by itself with `status`.
pub fn refused_head(status: StatusCode, client: SocketAddr, error: &(dyn Error + 'static)) {
    counter!(REQUESTS, "method" => "OTHER", "route" => UNMATCHED, "status" => status.as_str().to_owned())
        .increment(1);
    tracing::info!(status = status.as_u16(), %client, error, "refused something that is no request");
}

/// Describes the metrics to the recorder. It is called once, when the recorder is installed.
pub fn describe_metrics() {
    describe_counter!(REQUESTS, "Requests answered, by route and status");
    describe_histogram!(DURATION, Unit::Seconds, "Time from a request's arrival to the head of its answer");
    describe_gauge!(IN_FLIGHT, "Requests that wait for their answer");
    crate::writer::describe_metrics();
}
