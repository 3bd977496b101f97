//! The requests of one route: what `request_layer` does, with everything looked up once.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::{Response, StatusCode};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::TraceContext;
use crate::access_line::Common;
use crate::request::{DURATION, IN_FLIGHT, REQUESTS, log_answer};
use crate::scope::{Label, RequestScope};

/// A route with a method. It opens a trace for each request, and logs and counts its answer, as [`crate::request_layer`] does.
#[derive(Debug)]
pub struct Route {
    label: Arc<Label>,
    handles: OnceLock<Handles>,
}

/// The metrics of a route. They are looked up with its first request, when the recorder has been installed.
struct Handles {
    in_flight: Gauge,
    duration: Histogram,
    ok: Counter,
}

impl std::fmt::Debug for Handles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handles").finish_non_exhaustive()
    }
}

impl Route {
    /// The route with this pattern.
    pub fn new(method: &'static str, pattern: &str) -> Self {
        let label = Label { method, route: Arc::from(pattern), common: Common::new(method, pattern) };
        Self { label: Arc::new(label), handles: OnceLock::new() }
    }

    /// Runs a request in a trace of its own. It ends with the head of its answer, or when its client is gone.
    pub async fn run<B>(&self, request: impl Future<Output = Response<B>>) -> Response<B> {
        let running = Running::begin(self);
        let scope = RequestScope { trace: TraceContext::root(), label: Arc::clone(&self.label) };
        let answered = async {
            let response = request.await;
            running.answered(&response);
            response
        };
        scope.run(answered).await
    }

    fn handles(&self) -> &Handles {
        let Label { method, route, .. } = &*self.label;
        self.handles.get_or_init(|| Handles {
            in_flight: gauge!(IN_FLIGHT),
            duration: histogram!(DURATION, "method" => *method, "route" => Arc::clone(route)),
            ok: self.counter(StatusCode::OK),
        })
    }

    fn counter(&self, status: StatusCode) -> Counter {
        let Label { method, route, .. } = &*self.label;
        counter!(REQUESTS, "method" => *method, "route" => Arc::clone(route), "status" => status.as_str().to_owned())
    }
}

/// A request, from its arrival until it is answered or its client is gone.
struct Running<'a> {
    route: &'a Route,
    began: Instant,
}

impl<'a> Running<'a> {
    fn begin(route: &'a Route) -> Self {
        route.handles().in_flight.increment(1);
        Self { route, began: Instant::now() }
    }

    fn answered<B>(&self, response: &Response<B>) {
        let (status, took) = (response.status(), self.began.elapsed());
        let handles = self.route.handles();
        handles.duration.record(took);
        if status == StatusCode::OK {
            handles.ok.increment(1);
        } else {
            self.route.counter(status).increment(1);
        }
        log_answer(response, took);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.route.handles().in_flight.decrement(1);
    }
}
