//! Sends requests to the services behind the gateway: picks an instance, and retries on another one if that is safe.
//!
//! If an instance has not received the request, another instance is tried, up to `upstream.connect-tries` of them. If
//! the connection is lost before the head of the answer, the request is retried once, and only if repeating it is safe: GET
//! and HEAD without a body, and requests with an `Idempotency-Key` on routes that say `repeatable: by-key`. If the head of the
//! answer does not arrive in time, the request is not retried, because the service is probably still working on it.
//!
//! An answer is forwarded even if it arrives before the whole body was sent, and even if the rest can't be sent any more.

mod answer;
mod body;
mod connection;
mod failure;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{Method, Request, Response, StatusCode, Uri, Version, request};
use discovery::{Discovery, Instance, Instances};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use metrics::counter;
use tokio_util::sync::CancellationToken;

use crate::refusal::Refusal;
use crate::settings::{Settings, UpstreamSettings};
pub(crate) use answer::AnswerBody;
use body::{AttemptBody, BodySource};
use connection::Connector;
use failure::Failure;

/// The attempts, by service and outcome: `answered`, or the failure.
const ATTEMPTS: &str = "gateway_upstream_tries_total";

/// How long the gateway sends the rest of the body after the service has answered. Without a limit, a service that neither
/// reads the body nor closes the connection would block a client that sends its whole body before it reads the answer.
const REST_AFTER_ANSWER: Duration = Duration::from_secs(5);

/// All services behind the gateway. They share one pool of connections.
pub(crate) struct Upstreams {
    by_name: HashMap<String, Arc<Upstream>>,
}

/// One service behind the gateway.
pub(crate) struct Upstream {
    service: Arc<str>,
    instances: Instances,
    client: Client<Connector, AttemptBody>,
    settings: UpstreamSettings,
}

impl Upstreams {
    /// Starts to watch all services of the settings.
    pub(crate) fn new(settings: &Settings, discovery: &Discovery) -> Self {
        metrics::describe_counter!(ATTEMPTS, "Requests sent to an instance of a service, by outcome");
        metrics::describe_counter!(
            answer::IDLE_TIMEOUTS,
            "Answers that were cut off because their service sent nothing for too long"
        );
        let client = http_client(&settings.upstream);
        let upstream = |service: &String| Upstream {
            service: Arc::from(service.as_str()),
            instances: discovery.instances(service),
            client: client.clone(),
            settings: settings.upstream.clone(),
        };
        let by_name = settings.services.iter().map(|name| (name.clone(), Arc::new(upstream(name)))).collect();
        Self { by_name }
    }

    /// The service with this name.
    pub(crate) fn get(&self, service: &str) -> Option<Arc<Upstream>> {
        self.by_name.get(service).cloned()
    }
}

fn http_client(settings: &UpstreamSettings) -> Client<Connector, AttemptBody> {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(settings.idle_timeout())
        .pool_max_idle_per_host(settings.idle_connections)
        .pool_timer(TokioTimer::new())
        .build(connection::connector(settings))
}

impl Upstream {
    /// Sends a request whose header fields are ready for the service. Returns the answer as soon as its head has arrived; its
    /// body is streamed. `repeats_by_key` says whether the service honours an `Idempotency-Key` of this request.
    pub(crate) async fn send(
        &self,
        request: Request<Body>,
        repeats_by_key: bool,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let (head, body) = request.into_parts();
        let keyed = repeats_by_key && head.headers.contains_key("idempotency-key");
        let body = BodySource::new(body, keyed).await?;
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let repeatable = body.is_buffered() && (keyed || is_read);

        let mut attempts = Attempts::default();
        loop {
            let Some(instance) = self.pick(&attempts) else {
                return Err(self.no_instance_left(attempts.last_failure));
            };
            match self.attempt(&instance, &head, &body).await {
                Ok(answer) => {
                    self.count("answered");
                    instance.succeeded();
                    let idle_timeout = self.settings.answer_idle_timeout();
                    return Ok(answer.map(|bytes| AnswerBody::new(bytes, idle_timeout)));
                }
                Err(failure) => {
                    let (service, outcome) = (&*self.service, failure.label());
                    tracing::info!(
                        service,
                        instance = instance.id(),
                        outcome,
                        "an attempt to send a request failed"
                    );
                    self.count(outcome);
                    if failure.is_instance_fault() {
                        self.instances.failed(&instance);
                    }
                    if !attempts.allow_another(&failure, repeatable, self.settings.connect_tries) {
                        return Err(self.refusal(failure));
                    }
                    attempts.add(&instance, failure);
                }
            }
        }
    }

    /// Picks an instance that was not tried yet. An ejected one is better than none.
    fn pick(&self, attempts: &Attempts) -> Option<Arc<Instance>> {
        let ids: Vec<&str> = attempts.instances.iter().map(|instance| instance.id()).collect();
        self.instances.pick_excluding(&ids)
    }

    async fn attempt(
        &self,
        instance: &Instance,
        head: &request::Parts,
        source: &BodySource,
    ) -> Result<Response<Incoming>, Failure> {
        let (body, sent) = source.for_attempt();
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = uri_at(instance, &head.uri);
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = head.headers.clone();
        let answer = tokio::select! {
            answer = self.client.request(request) => answer.map_err(Failure::from_client)?,
            () = self.first_byte_overdue(&sent) => return Err(Failure::Timeout),
        };
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            // The gateway never asks for it, and must not switch the client's connection to another protocol.
            return Err(Failure::SwitchedProtocols);
        }
        source.give_up_unless(sent, REST_AFTER_ANSWER);
        Ok(answer)
    }

    /// Waits until the service is too late with its answer. The time starts when the whole request was sent, so that a
    /// client that sends its body slowly is not the fault of the service.
    async fn first_byte_overdue(&self, sent: &CancellationToken) {
        sent.cancelled().await;
        tokio::time::sleep(self.settings.first_byte_timeout()).await;
    }

    fn no_instance_left(&self, last_failure: Option<Failure>) -> Refusal {
        let retry_after = self.settings.retry_after();
        last_failure.map_or_else(
            || Refusal::NoInstance { service: Arc::clone(&self.service), retry_after },
            |failure| self.refusal(failure),
        )
    }

    fn refusal(&self, failure: Failure) -> Refusal {
        failure.into_refusal(&self.service, &self.settings)
    }

    fn count(&self, outcome: &'static str) {
        counter!(ATTEMPTS, "service" => Arc::clone(&self.service), "outcome" => outcome).increment(1);
    }
}

/// The failed attempts of one request.
#[derive(Default)]
struct Attempts {
    instances: Vec<Arc<Instance>>,
    last_failure: Option<Failure>,
    repeated: bool,
}

impl Attempts {
    fn allow_another(&mut self, failure: &Failure, repeatable: bool, connect_tries: usize) -> bool {
        match failure {
            Failure::Unreachable(_) => self.instances.len() + 1 < connect_tries,
            Failure::ConnectionLost(_) => repeatable && !std::mem::replace(&mut self.repeated, true),
            Failure::Timeout | Failure::SwitchedProtocols | Failure::RequestBody(_) => false,
        }
    }

    fn add(&mut self, instance: &Arc<Instance>, failure: Failure) {
        self.instances.push(Arc::clone(instance));
        self.last_failure = Some(failure);
    }
}

/// Returns the URI of the same path and query at an instance.
fn uri_at(instance: &Instance, uri: &Uri) -> Uri {
    let authority = Authority::from_maybe_shared(Bytes::from(instance.address().to_string()));
    let mut parts = axum::http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.expect("an IP address and a port are an authority"));
    parts.path_and_query =
        Some(uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    Uri::from_parts(parts).expect("a scheme, an authority and a path are a URI")
}
