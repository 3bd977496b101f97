//! Trace context, log lines and the metrics of requests, which are the same in every process.
//!
//! - [`TraceContext`] is the W3C trace context of the current work. It is kept in a tracing span: [`request_layer`] opens one for
//!   a request, and [`work_span`] for other work. Code inside of the span reads it by [`TraceContext::current`] and passes it on
//!   by [`inject`].
//! - [`init`] sets up the log of the process: one line for each event, as text or JSON, each with a trace id. A line outside of
//!   any span has the trace id of the process, so that a log can always be searched by trace.
//! - [`Route`] does what [`request_layer`] does, for a proxy that knows the route before it opens the trace, and is in a hurry.
//! - The metrics that every service has under the same name: `http_requests_total{method,route,status}`,
//!   `http_request_duration_seconds{method,route}` and `http_requests_in_flight`.

mod access_line;
mod context;
mod error;
mod format;
mod log;
mod request;
mod route;
mod scope;
mod writer;

pub use context::{SpanId, TRACEPARENT, TraceContext, TraceId, inject, work_span};
pub use error::chain;
pub use log::{LogError, LogFilter, LogFormat, flush, init, subscriber};
pub use request::{RequestLayer, RequestService, Routine, describe_metrics, refused_head, request_layer};
pub use route::Route;
