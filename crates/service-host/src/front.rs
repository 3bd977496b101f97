//! What answers requests in place of a router, and what surrounds it.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::time::Duration;

use access::Verifier;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http_body_util::Limited;
use problem::{Code, Problem};

use crate::connections::Arrival;
use crate::router::{end_of_time, is_error, too_slow};
use crate::settings::Server;

/// Answers requests in place of the router, and without its layers: each of them costs every request a few allocations. It is
/// for a service that has nothing else to do with a request than to pass it on.
pub trait Front: Send + Sync + 'static {
    /// Begins to answer a request, or gives it back for the router. Whatever the layers of the router do, [`Enclosure::run`]
    /// does for the front.
    #[expect(clippy::result_large_err, reason = "it is no error: the request goes on to the router")]
    fn answer(&self, request: Request, client: Client, enclosure: &Enclosure)
    -> Result<FrontAnswer, Request>;
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The peer of the connection.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}

/// The answer of a [`Front`].
pub type FrontAnswer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// What surrounds each request of a front: trace, log line and metrics; problems for all errors, also for panics; the limits
/// of time and of the body. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Enclosure {
    verifier: Verifier,
    timeout: Duration,
    max_body_bytes: usize,
}

impl Enclosure {
    pub(crate) fn new(verifier: Verifier, settings: &Server) -> Self {
        Self { verifier, timeout: settings.request_timeout(), max_body_bytes: settings.max_body_bytes }
    }

    /// The same with other limits, where there are any.
    #[must_use]
    pub fn with_limits(&self, timeout: Option<Duration>, max_body_bytes: Option<usize>) -> Self {
        Self {
            verifier: self.verifier.clone(),
            timeout: timeout.unwrap_or(self.timeout),
            max_body_bytes: max_body_bytes.unwrap_or(self.max_body_bytes),
        }
    }

    /// Verifies tokens.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Answers a request of a route by `work`, within the limits.
    pub async fn run<F>(
        &self,
        route: &telemetry::Route,
        request: Request,
        work: impl FnOnce(Request) -> F,
    ) -> Response
    where
        F: Future<Output = Result<Response, Problem>>,
    {
        let uri = request.uri().clone();
        let arrival = request.extensions().get::<Arrival>().cloned();
        // Each future stays where it is: one that is handed on by value needs its room twice.
        let answered = pin!(async {
            let response = match self.with_limited_body(request) {
                Ok(request) => self.in_time(arrival, pin!(work(request))).await,
                Err(refused) => refused.into_response(),
            };
            problem::complete(response, uri.path())
        });
        route.run(answered).await
    }

    /// Refuses a body that is declared too long, and ends one that gets too long.
    fn with_limited_body(&self, request: Request) -> Result<Request, Problem> {
        if request.extensions().get::<Arrival>().is_none() {
            return Ok(request);
        }
        let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if declared
            .and_then(|length| length.parse().ok())
            .is_some_and(|length: usize| length > self.max_body_bytes)
        {
            return Err(Problem::new(Code::BodyTooLarge));
        }
        Ok(request.map(|body| Body::new(Limited::new(body, self.max_body_bytes))))
    }

    async fn in_time(
        &self,
        arrival: Option<Arrival>,
        work: impl Future<Output = Result<Response, Problem>>,
    ) -> Response {
        let arrival = arrival.as_ref();
        match tokio::time::timeout(self.timeout, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(answer)) => {
                let response = answer.unwrap_or_else(IntoResponse::into_response);
                let is_stalled = is_error(&response) && arrival.is_some_and(Arrival::is_stalled);
                if is_stalled { too_slow() } else { response }
            }
            Ok(Err(_)) => Problem::internal(Panicked).into_response(),
            Err(_) => end_of_time(arrival),
        }
    }
}

/// The message of the panic is in the log already.
#[derive(Debug, thiserror::Error)]
#[error("the work on a request panicked")]
struct Panicked;
