//! The services behind the gateway: finding an instance, sending a request to it, and trying again where that is safe.
//!
//! A request that no instance has received goes to another one, whatever it is. One whose connection was lost before
//! the head of an answer had come goes to another one once, and only if doing it twice is the same as doing it once:
//! GET and HEAD without a body, and whatever carries an `Idempotency-Key`. A timeout is never retried: the service is
//! most likely still at work.

mod answer;
mod body;
mod failure;

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{Method, Request, Response, StatusCode, Uri, Version, request};
use discovery::{Discovery, Instance, Instances};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use metrics::counter;
use tokio_util::sync::CancellationToken;

use crate::refusal::Refusal;
use crate::settings::{Settings, UpstreamSettings};
pub(crate) use answer::AnswerBody;
use body::{BodySource, TryBody};
use failure::Failure;

/// Tries by service and outcome: `answered`, or what went wrong.
const TRIES: &str = "gateway_upstream_tries_total";

/// Every service behind the gateway. They share one pool of connections.
pub(crate) struct Upstreams {
    by_name: HashMap<String, Arc<Upstream>>,
}

/// One service behind the gateway.
pub(crate) struct Upstream {
    service: Arc<str>,
    instances: Instances,
    client: Client<HttpConnector, TryBody>,
    settings: UpstreamSettings,
}

impl Upstreams {
    /// Begins to watch every service of the settings.
    pub(crate) fn new(settings: &Settings, discovery: &Discovery) -> Self {
        metrics::describe_counter!(TRIES, "Requests sent to an instance of a service, by what came of it");
        metrics::describe_counter!(
            answer::SILENT,
            "Answers that broke off because their service fell silent"
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

    /// The service of this name.
    pub(crate) fn get(&self, service: &str) -> Option<Arc<Upstream>> {
        self.by_name.get(service).cloned()
    }
}

fn http_client(settings: &UpstreamSettings) -> Client<HttpConnector, TryBody> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(settings.connect_timeout()));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(settings.idle_timeout())
        .pool_max_idle_per_host(settings.idle_connections)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

impl Upstream {
    /// Sends a request whose header fields are ready for the service, and gives the head of its answer with the body
    /// still to come.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<AnswerBody>, Refusal> {
        let (head, body) = request.into_parts();
        let keyed = head.headers.contains_key("idempotency-key");
        let body = BodySource::new(body, keyed).await?;
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let repeatable = body.is_kept() && (keyed || is_read);

        let mut tries = Tries::default();
        loop {
            let Some(instance) = self.pick(&tries) else {
                return Err(self.nothing_left(tries.last_failure));
            };
            match self.send_once(&instance, &head, &body).await {
                Ok(answer) => {
                    self.count("answered");
                    instance.succeeded();
                    let idle_timeout = self.settings.answer_idle_timeout();
                    return Ok(answer.map(|bytes| AnswerBody::new(bytes, idle_timeout)));
                }
                Err(failure) => {
                    let (service, outcome) = (&*self.service, failure.label());
                    tracing::info!(service, instance = instance.id(), outcome, "a try brought no answer");
                    self.count(outcome);
                    if failure.is_of_the_instance() {
                        instance.failed();
                    }
                    if !tries.allow_another(&failure, repeatable, self.settings.connect_tries) {
                        return Err(self.refusal(failure));
                    }
                    tries.ended(&instance, failure);
                }
            }
        }
    }

    /// An instance that was not tried. Where all of them are ejected there is none: an answer at once is worth more
    /// than a doubtful one after a timeout.
    fn pick(&self, tries: &Tries) -> Option<Arc<Instance>> {
        let ids: Vec<&str> = tries.instances.iter().map(|instance| instance.id()).collect();
        self.instances.pick_excluding(&ids).filter(|instance| !instance.is_ejected())
    }

    async fn send_once(
        &self,
        instance: &Instance,
        head: &request::Parts,
        body: &BodySource,
    ) -> Result<Response<Incoming>, Failure> {
        let (body, sent) = body.for_one_try();
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = at(instance, &head.uri);
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = head.headers.clone();
        tokio::select! {
            answer = self.client.request(request) => match answer {
                // Nobody asked for one, and passed on it would turn the client's connection into something else.
                Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => Err(Failure::SwitchedProtocols),
                answer => answer.map_err(Failure::of),
            },
            () = self.first_byte_overdue(sent) => Err(Failure::TooSlow),
        }
    }

    /// Ends when the service has had the whole request for as long as it may take to begin its answer. How long the
    /// client takes to send its body is no fault of the service.
    async fn first_byte_overdue(&self, sent: CancellationToken) {
        sent.cancelled().await;
        tokio::time::sleep(self.settings.first_byte_timeout()).await;
    }

    fn nothing_left(&self, last_failure: Option<Failure>) -> Refusal {
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
        counter!(TRIES, "service" => Arc::clone(&self.service), "outcome" => outcome).increment(1);
    }
}

/// What has been tried for one request.
#[derive(Default)]
struct Tries {
    instances: Vec<Arc<Instance>>,
    last_failure: Option<Failure>,
    repeated: bool,
}

impl Tries {
    fn allow_another(&mut self, failure: &Failure, repeatable: bool, connect_tries: usize) -> bool {
        match failure {
            Failure::NotReached(_) => self.instances.len() + 1 < connect_tries,
            Failure::BrokenOff(_) => repeatable && !std::mem::replace(&mut self.repeated, true),
            Failure::TooSlow | Failure::SwitchedProtocols | Failure::OfBody(_) => false,
        }
    }

    fn ended(&mut self, instance: &Arc<Instance>, failure: Failure) {
        self.instances.push(Arc::clone(instance));
        self.last_failure = Some(failure);
    }
}

/// The same path and query, at an instance.
fn at(instance: &Instance, uri: &Uri) -> Uri {
    let authority = Authority::from_maybe_shared(Bytes::from(instance.address().to_string()));
    let mut parts = axum::http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.expect("an IP address and a port are an authority"));
    parts.path_and_query =
        Some(uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    Uri::from_parts(parts).expect("a scheme, an authority and a path are a URI")
}
