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
mod protection;
mod retry_budget;
mod services;
mod waking;
mod window;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Request, Response, StatusCode, Uri, request};
use discovery::{Instance, Instances, Outstanding};
use metrics::{Counter, counter};
use service_client::deadline::DEADLINE_LEFT;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::refusal::Refusal;
use crate::settings::UpstreamSettings;
pub(crate) use answer::AnswerBody;
use answer::Kept;
use attempts::{Attempts, Repeat, Timing};
use body::BodySource;
use breaker::Open;
pub(crate) use failure::ConnectError;
use failure::Failure;
use lane::Lane;
use pool::Pools;
use protection::Protection;
pub(crate) use services::Upstreams;
use window::Ended;

/// The attempts, by service and outcome: `answered`, or the failure.
const ATTEMPTS: &str = "gateway_upstream_tries_total";

/// How long the gateway sends the rest of the body after the service has answered. Without a limit, a service that neither
/// reads the body nor closes the connection would block a client that sends its whole body before it reads the answer.
const REST_AFTER_ANSWER: Duration = Duration::from_secs(5);

/// One service behind the gateway. Clones share what is known of it.
#[derive(Clone)]
pub(crate) struct Upstream {
    service: Arc<str>,
    instances: Instances,
    pools: Pools,
    settings: UpstreamSettings,
    /// The time for the first byte of an answer.
    first_byte_timeout: Duration,
    protection: Protection,
    /// The counter of answers, which is looked up with the first one.
    answered: OnceLock<Counter>,
}

/// What requests of a service meet now, for operators.
pub(crate) struct Shown {
    pub(crate) breaker: &'static str,
    /// After how long the breaker lets a request through, if it refuses all.
    pub(crate) refuses_for: Option<Duration>,
    pub(crate) concurrency_limit: usize,
    pub(crate) in_flight: usize,
}

impl Upstream {
    fn new(service: &str, instances: Instances, pools: Pools, settings: UpstreamSettings) -> Self {
        let service = Arc::<str>::from(service);
        Self {
            protection: Protection::new(&service, &settings),
            service,
            instances,
            pools,
            first_byte_timeout: settings.first_byte_timeout(),
            settings,
            answered: OnceLock::new(),
        }
    }

    fn with(&self, settings: &UpstreamSettings, pools: Pools) -> Self {
        Self {
            pools,
            first_byte_timeout: settings.first_byte_timeout(),
            settings: settings.clone(),
            protection: self.protection.with(&self.service, settings),
            ..self.clone()
        }
    }

    /// The same service, which has this time for the first byte of its answer.
    pub(crate) fn with_first_byte_timeout(&self, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { first_byte_timeout: timeout, ..self.clone() })
    }

    /// Its instances.
    pub(crate) fn instances(&self) -> &Instances {
        &self.instances
    }

    /// What its requests meet now.
    pub(crate) fn shown(&self) -> Shown {
        let Protection { breaker, concurrency, .. } = &self.protection;
        let (breaker, refuses_for) = breaker.shown();
        let (concurrency_limit, in_flight) = (concurrency.limit(), concurrency.in_flight());
        Shown { breaker, refuses_for, concurrency_limit, in_flight }
    }

    /// Sends a request whose header fields are ready for the service. Returns the answer as soon as its head has arrived; its
    /// body is streamed. `repeats_by_key` says whether the service honours an `Idempotency-Key` of this request; `end`, when its
    /// client gets an answer in any case.
    pub(crate) async fn send(
        &self,
        request: Request<Body>,
        repeats_by_key: bool,
        end: Option<Instant>,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let Protection { breaker, concurrency, .. } = &self.protection;
        let call = breaker.enter().map_err(|Open(wait)| self.refuse_broken(wait))?;
        concurrency.check().map_err(|_full| self.refuse_overloaded())?;
        let mut timing = Timing::new(concurrency, self.first_byte_timeout, end);
        let result = self.try_instances(request, repeats_by_key, &mut timing).await;
        let now = Instant::now();
        let latency = timing.end(now);
        // Who waits for a shorter time than a service may take learns nothing about it.
        let is_early = matches!(result, Err(Refusal::Timeout { .. })) && latency < self.patience();
        let has_failed = !is_early && result.as_ref().is_err_and(Refusal::is_failure_of_service);
        if result.is_ok() || has_failed {
            concurrency.answered(latency, now);
            let is_slow = latency > self.settings.breaker.slow_call_duration_threshold();
            call.end(Ended { has_failed, is_slow }, now);
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
                        && (matches!(failure, Failure::Slow) || self.protection.retry_budget.take());
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
        let began = Instant::now();
        let deadline = timing.begin(began);
        let end_of_try = began + self.settings.try_timeout();
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
            if may_repeat
                && self.instances.has_usable_excluding(&tried)
                && self.protection.retry_budget.take()
            {
                return Failure::Slow;
            }
        }
        sleep_until(deadline).await;
        Failure::Timeout { had_its_time: deadline >= began + self.patience() }
    }

    /// After this time without an answer, something is wrong with an instance: the time of a try, or the time that all of them have.
    fn patience(&self) -> Duration {
        self.settings.try_timeout().min(self.settings.first_byte_timeout())
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
            Failure::Slow | Failure::Timeout { .. } => {
                Refusal::Timeout { service, limit: self.first_byte_timeout }
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
