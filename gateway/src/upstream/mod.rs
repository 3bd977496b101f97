//! Sends requests to the services behind the gateway: picks an instance, and retries on another one if that is safe.
//!
//! If an instance has not received the request, another instance is tried, up to `upstream.connect-tries` of them. If
//! the connection is lost before the head of the answer, the request is retried once, and only if repeating it is safe: GET
//! and HEAD without a body, and requests with an `Idempotency-Key` on routes that say `repeatable: by-key`.
//!
//! If the head of the answer does not arrive within `upstream.try-timeout-ms`, a read goes to another instance. A request with a
//! key does so only if the instance has answered nothing at all meanwhile, and does not answer a question either, and so stands
//! still; else it is probably still working on the request, and would answer a second one that the first is running. Such an
//! instance is ejected at once. All tries together have `upstream.first-byte-timeout-ms`, and all retries come from a budget ([`retry_budget`]).
//!
//! Before all that, a request is refused if the breaker of the service is open ([`breaker`]) or the service has more requests than
//! it can answer in time ([`concurrency`]).
//!
//! An answer is forwarded even if it arrives before the whole body was sent, and even if the rest can't be sent any more.

mod answer;
mod attempts;
mod body;
mod breaker;
mod concurrency;
mod connection;
mod failure;
mod lane;
mod pool;
mod retry_budget;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Request, Response, StatusCode, Uri, request};
use discovery::{Discovery, Instance, Instances, Outstanding};
use metrics::{Counter, counter};
use service_client::deadline::DEADLINE_LEFT;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::refusal::Refusal;
use crate::settings::{Settings, UpstreamSettings};
pub(crate) use answer::AnswerBody;
use answer::Kept;
use attempts::{Attempts, Repeat, Timing};
use body::BodySource;
use breaker::{Breaker, Open};
use concurrency::Concurrency;
pub(crate) use failure::ConnectError;
use failure::Failure;
use lane::Lane;
use pool::Pools;
use retry_budget::RetryBudget;
use window::{Ended, Window};

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
    breaker: Arc<Breaker>,
    concurrency: Arc<Concurrency>,
    retry_budget: Arc<RetryBudget>,
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
        breaker::describe();
        concurrency::describe();
        retry_budget::describe();
        let pools = Pools::new(&settings.upstream);
        let upstream = |service: &String| {
            Upstream::new(service, discovery.instances(service), pools.clone(), settings.upstream.clone())
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
    fn new(service: &str, instances: Instances, pools: Pools, settings: UpstreamSettings) -> Self {
        let (service, began) = (Arc::<str>::from(service), Instant::now());
        let window = Arc::new(Window::new(settings.breaker.sliding_window_size_s));
        let longest_call = settings.first_byte_timeout();
        Self {
            breaker: Breaker::new(&service, &settings.breaker, Arc::clone(&window), began, longest_call)
                .into(),
            concurrency: Concurrency::new(&service, &settings.concurrency, began).into(),
            retry_budget: RetryBudget::new(&service, &settings.retry_budget, window, began).into(),
            service,
            instances,
            pools,
            settings,
            answered: OnceLock::new(),
        }
    }

    /// The same service, which has this time for the first byte of its answer.
    pub(crate) fn with_first_byte_timeout(&self, timeout: Duration) -> Arc<Self> {
        let first_byte_timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Arc::new(Self {
            service: Arc::clone(&self.service),
            instances: self.instances.clone(),
            pools: self.pools.clone(),
            settings: UpstreamSettings { first_byte_timeout_ms, ..self.settings.clone() },
            breaker: Arc::clone(&self.breaker),
            concurrency: Arc::clone(&self.concurrency),
            retry_budget: Arc::clone(&self.retry_budget),
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
        let call = self.breaker.enter().map_err(|Open(wait)| self.refuse_broken(wait))?;
        self.concurrency.check().map_err(|_full| self.refuse_overloaded())?;
        let mut timing = Timing::new(&self.concurrency, self.settings.first_byte_timeout());
        let result = self.try_instances(request, repeats_by_key, &mut timing).await;
        let latency = timing.end();
        let has_failed = result.as_ref().is_err_and(Refusal::is_failure_of_service);
        if result.is_ok() || has_failed {
            self.concurrency.answered(latency);
            let is_slow = latency > self.settings.breaker.slow_call_duration_threshold();
            call.end(Ended { has_failed, is_slow });
        }
        result
    }

    async fn try_instances(
        &self,
        request: Request<Body>,
        repeats_by_key: bool,
        timing: &mut Timing<'_>,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let (mut head, body) = request.into_parts();
        let keyed = repeats_by_key && head.headers.contains_key("idempotency-key");
        let body = BodySource::new(body, keyed).await?;
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let mut attempts = Attempts::new(match (body.is_buffered(), is_read, keyed) {
            (true, true, _) => Repeat::Always,
            (true, false, true) => Repeat::IfSilent,
            _ => Repeat::Never,
        });
        loop {
            let Some(instance) = self.pick(&attempts) else {
                return Err(self.no_instance_left(attempts.last_failure));
            };
            match self.attempt(&instance, &mut head, &body, &attempts, timing).await {
                Ok(answer) => {
                    self.answered.get_or_init(|| self.counter("answered")).increment(1);
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
                    let is_another_left = self.instances.count() > attempts.instances.len() + 1;
                    let may_repeat = is_another_left
                        && attempts.allow_another(&failure, self.settings.connect_tries)
                        && (matches!(failure, Failure::Slow) || self.retry_budget.take());
                    if !may_repeat {
                        return Err(self.refusal(failure));
                    }
                    attempts.add(&instance, failure);
                }
            }
        }
    }

    /// Picks an instance that was not tried yet. An ejected one is better than none.
    fn pick(&self, attempts: &Attempts) -> Option<Arc<Instance>> {
        self.instances.pick_excluding(&attempts.ids())
    }

    /// Sends a request to an instance, on a kept connection or on a new one. The header fields are taken out of the head, unless
    /// the request may be repeated or they come back unsent.
    async fn attempt(
        &self,
        instance: &Arc<Instance>,
        head: &mut request::Parts,
        source: &BodySource,
        attempts: &Attempts,
        timing: &mut Timing<'_>,
    ) -> Result<Response<AnswerBody>, Failure> {
        let (address, pool) = (instance.address(), self.pools.of_this_thread());
        let outstanding = instance.begin();
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
            let keeps_headers = attempts.repeat != Repeat::Never;
            *request.headers_mut() =
                if keeps_headers { head.headers.clone() } else { std::mem::take(&mut head.headers) };
            // The time of a body that the client is still sending has not begun.
            if source.is_buffered() {
                request.headers_mut().insert(DEADLINE_LEFT, timing.left_ms().into());
            }
            let answer = tokio::select! {
                biased;
                answer = lane.exchange(request) => answer,
                failure = self.overdue(instance, &outstanding, sent.as_ref(), attempts, timing) => {
                    return Err(failure);
                }
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
            outstanding.answered();
            if let Some(sent) = sent.filter(|sent| !sent.is_cancelled()) {
                lane.spawn();
                source.give_up_unless(sent, REST_AFTER_ANSWER);
            }
            let kept = Kept { lane, address, pool: Arc::clone(pool) };
            let idle_timeout = self.settings.answer_idle_timeout();
            return Ok(answer.map(|bytes| AnswerBody::new(bytes, kept, idle_timeout)));
        }
    }

    /// Waits until the instance or the service is too late with its answer. The time starts when the whole request was sent, so
    /// that a client that sends its body slowly is not the fault of the service.
    async fn overdue(
        &self,
        instance: &Arc<Instance>,
        outstanding: &Outstanding,
        sent: Option<&CancellationToken>,
        attempts: &Attempts,
        timing: &mut Timing<'_>,
    ) -> Failure {
        if let Some(sent) = sent {
            sent.cancelled().await;
        }
        let deadline = timing.begin();
        let end_of_try = Instant::now() + self.settings.try_timeout();
        if end_of_try < deadline {
            sleep_until(end_of_try).await;
            let is_silent = outstanding.is_silent();
            if is_silent {
                self.instances.silent(instance);
            }
            let may_repeat = match attempts.repeat {
                Repeat::Always => true,
                Repeat::IfSilent if is_silent => {
                    sleep_until(deadline.min(Instant::now() + Instances::PATIENCE)).await;
                    instance.is_ejected() && outstanding.is_silent()
                }
                Repeat::IfSilent | Repeat::Never => false,
            };
            let mut tried = attempts.ids();
            tried.push(instance.id());
            if may_repeat && self.instances.has_usable_excluding(&tried) && self.retry_budget.take() {
                return Failure::Slow;
            }
        }
        sleep_until(deadline).await;
        Failure::Timeout
    }

    fn refuse_broken(&self, retry_after: Duration) -> Refusal {
        Refusal::BreakerOpen { service: Arc::clone(&self.service), retry_after }
    }

    fn refuse_overloaded(&self) -> Refusal {
        Refusal::Overloaded { service: Arc::clone(&self.service), retry_after: self.settings.retry_after() }
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
            Failure::Slow | Failure::Timeout => {
                Refusal::Timeout { service, limit: self.settings.first_byte_timeout() }
            }
            Failure::SwitchedProtocols => Refusal::SwitchedProtocols { service },
            Failure::RequestBody(source) => Refusal::from_body_error(source.into()),
        }
    }

    fn counter(&self, outcome: &'static str) -> Counter {
        counter!(ATTEMPTS, "service" => Arc::clone(&self.service), "outcome" => outcome)
    }
}

/// The path and the query, which is what a request to a server has in place of a URI.
fn path_of(uri: &Uri) -> Uri {
    if uri.scheme().is_none() && uri.authority().is_none() {
        return uri.clone();
    }
    uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")).into()
}
