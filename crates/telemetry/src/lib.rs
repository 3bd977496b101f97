//! Trace context, log lines and metric names: what every process says about itself while it works.
//!
//! - [`TraceContext`] is the W3C trace context of the work in hand. It lives in the tracing span that
//!   [`request_layer`] opens for a request and [`work_span`] for work that no request asked for, so whatever runs
//!   inside of the span finds it by [`TraceContext::current`] and hands it on by [`inject`].
//! - [`init`] sets the process's log up: one line an event, text or JSON, each with a trace id. Lines written outside
//!   of any span carry the trace of the process itself, so that a log can always be followed by trace.
//! - The metrics that every service has under the same name: `http_requests_total{method,route,status}`,
//!   `http_request_duration_seconds{method,route}` and `http_requests_in_flight`.

mod context;
mod format;
mod log;
mod request;

pub use context::{SpanId, TRACEPARENT, TraceContext, TraceId, inject, work_span};
pub use log::{LogError, LogFormat, chain, init, subscriber};
pub use request::{RequestLayer, RequestService, Routine, describe_metrics, request_layer};
