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
mod lane;
mod pool;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Request, Response, StatusCode, Uri, request};
use discovery::{Discovery, Instance, Instances};
use metrics::{Counter, counter};
use tokio_util::sync::CancellationToken;

use crate::refusal::Refusal;
use crate::settings::{Settings, UpstreamSettings};
pub(crate) use answer::AnswerBody;
use answer::Kept;
use body::BodySource;
pub(crate) use failure::ConnectError;
use failure::Failure;
use lane::Lane;
use pool::Pools;

/// The attempts, by service and outcome: `answered`, or the failure.
const ATTEMPTS: &str = "gateway_upstream_tries_total";

/// How long the gateway sends the rest of the body after the service has answered. Without a limit, a service that neither
/// reads the body nor closes the connection would block a client that sends its whole body before it reads the answer.
const REST_AFTER_ANSWER: Duration = Duration::from_secs(5);

/// All services behind the gateway. They share the pools of connections.
pub(crate) struct Upstreams {
    by_name: HashMap<String, Arc<Upstream>>,
}

/// One service behind the gateway.
pub(crate) struct Upstream {
    service: Arc<str>,
    instances: Instances,
    pools: Pools,
    settings: UpstreamSettings,
    /// The counter of answers, which is looked up with the first one.
    answered: OnceLock<Counter>,
}

impl Upstreams {
    /// Starts to watch all services of the settings.
    pub(crate) fn new(settings: &Settings, discovery: &Discovery) -> Self {
        metrics::describe_counter!(ATTEMPTS, "Requests sent to an instance of a service, by outcome");
        metrics::describe_counter!(
            answer::IDLE_TIMEOUTS,
            "Answers that were cut off because their service sent nothing for too long"
        );
        let pools = Pools::new(&settings.upstream);
        let upstream = |service: &String| Upstream {
            service: Arc::from(service.as_str()),
            instances: discovery.instances(service),
            pools: pools.clone(),
            settings: settings.upstream.clone(),
            answered: OnceLock::new(),
        };
        let by_name = settings.services.iter().map(|name| (name.clone(), Arc::new(upstream(name)))).collect();
        Self { by_name }
    }

    /// The service with this name.
    pub(crate) fn get(&self, service: &str) -> Option<Arc<Upstream>> {
        self.by_name.get(service).cloned()
    }
}

impl Upstream {
    /// The same service, which has this time for the first byte of its answer.
    pub(crate) fn with_first_byte_timeout(&self, timeout: Duration) -> Arc<Self> {
        let first_byte_timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Arc::new(Self {
            service: Arc::clone(&self.service),
            instances: self.instances.clone(),
            pools: self.pools.clone(),
            settings: UpstreamSettings { first_byte_timeout_ms, ..self.settings.clone() },
            answered: OnceLock::new(),
        })
    }

    /// Its instances.
    pub(crate) fn instances(&self) -> &Instances {
        &self.instances
    }

    /// Sends a request whose header fields are ready for the service. Returns the answer as soon as its head has arrived; its
    /// body is streamed. `repeats_by_key` says whether the service honours an `Idempotency-Key` of this request.
    pub(crate) async fn send(
        &self,
        request: Request<Body>,
        repeats_by_key: bool,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let (mut head, body) = request.into_parts();
        let keyed = repeats_by_key && head.headers.contains_key("idempotency-key");
        let body = BodySource::new(body, keyed).await?;
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let repeatable = body.is_buffered() && (keyed || is_read);

        let mut attempts = Attempts::default();
        loop {
            let Some(instance) = self.pick(&attempts) else {
                return Err(self.no_instance_left(attempts.last_failure));
            };
            match self.attempt(&instance, &mut head, &body, repeatable).await {
                Ok(answer) => {
                    self.answered.get_or_init(|| self.counter("answered")).increment(1);
                    instance.succeeded();
                    return Ok(answer);
                }
                Err(failure) => {
                    let (service, outcome) = (&*self.service, failure.label());
                    tracing::info!(
                        service,
                        instance = instance.id(),
                        outcome,
                        "an attempt to send a request failed"
                    );
                    self.counter(outcome).increment(1);
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

    /// Sends a request to an instance, on a kept connection or on a new one. The header fields are taken out of the head, unless
    /// the request is `repeatable` or they come back unsent.
    async fn attempt(
        &self,
        instance: &Instance,
        head: &mut request::Parts,
        source: &BodySource,
        repeatable: bool,
    ) -> Result<Response<AnswerBody>, Failure> {
        let (address, pool) = (instance.address(), self.pools.of_this_thread());
        loop {
            let kept = pool.take(address);
            let is_kept = kept.is_some();
            let mut lane = if let Some(lane) = kept {
                lane
            } else {
                let opened = Lane::open(address, self.settings.connect_timeout()).await;
                opened.map_err(Failure::Unreachable)?
            };
            let (body, sent) = source.for_attempt();
            let mut request = Request::new(body);
            *request.method_mut() = head.method.clone();
            *request.uri_mut() = path_of(&head.uri);
            *request.headers_mut() =
                if repeatable { head.headers.clone() } else { std::mem::take(&mut head.headers) };
            let answer = tokio::select! {
                biased;
                answer = lane.exchange(request) => answer,
                () = self.first_byte_overdue(sent.as_ref()) => return Err(Failure::Timeout),
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(mut error) => {
                    let Some(unsent) = error.take_message() else {
                        return Err(Failure::after_sending(error.into_error()));
                    };
                    head.headers = unsent.into_parts().0.headers;
                    if is_kept {
                        // The instance had closed it meanwhile. That says nothing about the instance.
                        continue;
                    }
                    return Err(Failure::Unreachable(error.into_error().into()));
                }
            };
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                // The gateway never asks for it, and must not switch the client's connection to another protocol.
                return Err(Failure::SwitchedProtocols);
            }
            if let Some(sent) = sent.filter(|sent| !sent.is_cancelled()) {
                lane.spawn();
                source.give_up_unless(sent, REST_AFTER_ANSWER);
            }
            let kept = Kept { lane, address, pool: Arc::clone(pool) };
            let idle_timeout = self.settings.answer_idle_timeout();
            return Ok(answer.map(|bytes| AnswerBody::new(bytes, kept, idle_timeout)));
        }
    }

    /// Waits until the service is too late with its answer. The time starts when the whole request was sent, so that a
    /// client that sends its body slowly is not the fault of the service.
    async fn first_byte_overdue(&self, sent: Option<&CancellationToken>) {
        if let Some(sent) = sent {
            sent.cancelled().await;
        }
        tokio::time::sleep(self.settings.first_byte_timeout()).await;
    }

    fn no_instance_left(&self, last_failure: Option<Failure>) -> Refusal {
        let retry_after = self.settings.retry_after();
        last_failure.map_or_else(
            || Refusal::NoInstance { service: Arc::clone(&self.service), retry_after },
            |failure| self.refusal(failure),
        )
    }

    /// The refusal if there is no further attempt.
    fn refusal(&self, failure: Failure) -> Refusal {
        let service = Arc::clone(&self.service);
        match failure {
            Failure::Unreachable(source) => {
                Refusal::Unreachable { service, retry_after: self.settings.retry_after(), source }
            }
            Failure::ConnectionLost(source) => Refusal::ConnectionLost { service, source },
            Failure::Timeout => Refusal::Timeout { service, limit: self.settings.first_byte_timeout() },
            Failure::SwitchedProtocols => Refusal::SwitchedProtocols { service },
            Failure::RequestBody(source) => Refusal::from_body_error(source.into()),
        }
    }

    fn counter(&self, outcome: &'static str) -> Counter {
        counter!(ATTEMPTS, "service" => Arc::clone(&self.service), "outcome" => outcome)
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

/// The path and the query, which is what a request to a server has in place of a URI.
fn path_of(uri: &Uri) -> Uri {
    if uri.scheme().is_none() && uri.authority().is_none() {
        return uri.clone();
    }
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")).into()
}
