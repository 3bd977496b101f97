//! The client of one other service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use discovery::{Discovery, Instance, Instances};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use problem::Problem;
use reqwest::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::deadline::{self, DEADLINE_LEFT};
use crate::error::CallError;
use crate::token::TokenSource;

/// The deadline of a call, unless [`ServiceClient::with_deadline`] sets another one.
const DEADLINE: Duration = Duration::from_secs(5);
/// After this many lost replies a call is not retried.
const MAX_LOST_REPLIES: u32 = 2;

/// The client of another service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    discovery: Discovery,
    instances: Instances,
    tokens: TokenSource,
    http: reqwest::Client,
    deadline: Deadline,
}

/// How long a call may take.
#[derive(Clone)]
struct Deadline(Arc<dyn Fn() -> Duration + Send + Sync>);

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)().fmt(f)
    }
}

/// A request that may be sent several times.
struct Call<'a> {
    method: Method,
    path: &'a str,
    body: Option<Bytes>,
    headers: HeaderMap,
    deadline: Instant,
    /// Whether the deadline is that of the current work, and comes before that of the client. Then a timeout says nothing about
    /// an instance.
    is_cut_short: bool,
}

/// Why one try gave no final answer.
enum Failure {
    /// No connection could be opened: nothing was sent.
    Connect(reqwest::Error),
    /// The request was sent at least in part, and there is no reply.
    LostReply(reqwest::Error),
    /// The instance, or a proxy before it, was not able to answer.
    Unable(StatusCode),
    /// The deadline is over.
    Timeout,
}

/// An answer without a problem in its body.
#[derive(Debug, thiserror::Error)]
#[error("it answered {0}")]
struct Answered(StatusCode);

impl ServiceClient {
    /// A client of the service `service`, whose instances `discovery` knows. Begins to watch them.
    pub fn new(service: &str, discovery: &Discovery, tokens: TokenSource, http: reqwest::Client) -> Self {
        let instances = discovery.instances(service);
        Self {
            discovery: discovery.clone(),
            instances,
            tokens,
            http,
            deadline: Deadline(Arc::new(|| DEADLINE)),
        }
    }

    /// A client of the same service that shares nothing with this one about its instances ([`Discovery::separate`]). It is for
    /// calls with a short deadline, whose failures say little about an instance.
    #[must_use]
    pub fn separate(self) -> Self {
        let discovery = self.discovery.separate();
        Self { instances: discovery.instances(self.service()), discovery, ..self }
    }

    /// The same client with this deadline for each call, retries included.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        self.with_deadline_of(move || deadline)
    }

    /// The same client. Each call has the deadline that `deadline` gives at its begin.
    #[must_use]
    pub fn with_deadline_of(self, deadline: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { deadline: Deadline(Arc::new(deadline)), ..self }
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        self.instances.service()
    }

    /// The instances of the service.
    pub fn instances(&self) -> &Instances {
        &self.instances
    }

    /// Gets what is at `path`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.call(Method::GET, path, None).await
    }

    /// Posts `body`. The operation must be idempotent by something in the body.
    pub async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, CallError> {
        self.call(Method::POST, path, Some(self.to_json(body)?)).await
    }

    /// Puts `body` at `path`.
    pub async fn put<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, CallError> {
        self.call(Method::PUT, path, Some(self.to_json(body)?)).await
    }

    fn to_json<B: Serialize>(&self, body: &B) -> Result<Bytes, CallError> {
        serde_json::to_vec(body).map(Bytes::from).map_err(|source| self.unsent(source))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<T, CallError> {
        let began = Instant::now();
        let headers = self.headers(body.is_some())?;
        let (own, of_work) = (began + (self.deadline.0)(), deadline::current());
        let is_cut_short = of_work.is_some_and(|of_work| of_work < own);
        let deadline = of_work.filter(|_| is_cut_short).unwrap_or(own);
        let call = Call { method, path, body, headers, deadline, is_cut_short };
        let result = match self.answer(&call).await {
            Ok(answer) => self.read(answer, call.deadline).await,
            Err(error) => Err(error),
        };
        let outcome = result.as_ref().err().map_or("ok", CallError::label);
        let service = self.service().to_owned();
        metrics::histogram!("peer_call_duration_seconds", "peer" => service.clone()).record(began.elapsed());
        metrics::counter!("peer_calls_total", "peer" => service, "outcome" => outcome).increment(1);
        result
    }

    fn headers(&self, has_body: bool) -> Result<HeaderMap, CallError> {
        let mut headers = HeaderMap::new();
        telemetry::inject(&mut headers);
        if let Some(token) = self.tokens.token_for(self.service()).map_err(|source| self.unsent(source))? {
            let bearer = HeaderValue::try_from(format!("Bearer {token}"));
            let mut bearer = bearer.map_err(|source| self.unsent(source))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        if has_body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(headers)
    }

    /// Tries instances until one gives a final answer.
    async fn answer(&self, call: &Call<'_>) -> Result<Response, CallError> {
        let mut tried: Vec<Arc<Instance>> = Vec::new();
        let mut lost_replies = 0;
        let mut last_failure: Option<Failure> = None;
        loop {
            let ids: Vec<&str> = tried.iter().map(|instance| instance.id()).collect();
            // A reply may be lost because the instance was just closing an idle connection. So if there is no other instance,
            // the same one is asked again.
            let same = tried.last().filter(|_| matches!(last_failure, Some(Failure::LostReply(_)))).cloned();
            let Some(instance) = self.instances.pick_excluding(&ids).or(same) else {
                return Err(self.unavailable(last_failure));
            };
            let failure = match self.send(&instance, call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            lost_replies += u32::from(!matches!(failure, Failure::Connect(_)));
            if lost_replies >= MAX_LOST_REPLIES || matches!(failure, Failure::Timeout) {
                return Err(self.unavailable(Some(failure)));
            }
            last_failure = Some(failure);
            tried.push(instance);
        }
    }

    async fn send(&self, instance: &Arc<Instance>, call: &Call<'_>) -> Result<Response, Failure> {
        let url = format!("http://{}{}", instance.address(), call.path);
        let mut request = self.http.request(call.method.clone(), url).headers(call.headers.clone());
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let left = call.deadline.saturating_duration_since(Instant::now());
        let milliseconds = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        request = request.header(DEADLINE_LEFT, milliseconds);
        let outstanding = instance.begin();
        let sent = request.timeout(left).send().await.map_err(reqwest::Error::without_url);
        let result = match sent {
            Ok(answer) if is_unable(answer.status()) => Err(Failure::Unable(answer.status())),
            Ok(answer) => Ok(answer),
            Err(error) if error.is_connect() => Err(Failure::Connect(error)),
            Err(error) if error.is_timeout() => Err(Failure::Timeout),
            Err(error) => Err(Failure::LostReply(error)),
        };
        match &result {
            Ok(_) => outstanding.answered(),
            Err(Failure::Timeout) if call.is_cut_short => {}
            Err(Failure::Timeout) if outstanding.is_silent() => self.instances.silent(instance),
            Err(_) => self.instances.failed(instance),
        }
        result
    }

    /// Reads the answer as the type that the caller wants.
    async fn read<T: DeserializeOwned>(&self, answer: Response, deadline: Instant) -> Result<T, CallError> {
        let status = answer.status();
        let body = match tokio::time::timeout_at(deadline, answer.bytes()).await {
            Err(_) => return Err(self.timeout()),
            Ok(Err(source)) if source.is_timeout() => return Err(self.timeout()),
            Ok(Err(source)) => return Err(self.bad_answer(source.without_url())),
            Ok(Ok(body)) => body,
        };
        if status.is_success() {
            // An empty body is read as null, so that a call for `()` accepts a 204.
            let json: &[u8] = if body.is_empty() { b"null" } else { &body };
            return serde_json::from_slice(json).map_err(|source| self.bad_answer(source));
        }
        let problem: Problem =
            serde_json::from_slice(&body).map_err(|_| self.bad_answer(Answered(status)))?;
        if status.is_client_error() {
            Err(CallError::Refused { service: self.service().to_owned(), problem })
        } else {
            Err(self.bad_answer(problem))
        }
    }

    fn unavailable(&self, last_failure: Option<Failure>) -> CallError {
        let service = self.service().to_owned();
        match last_failure {
            None => CallError::Unavailable { service, source: None },
            Some(Failure::Connect(error) | Failure::LostReply(error)) => {
                CallError::Unavailable { service, source: Some(Box::new(error)) }
            }
            Some(Failure::Unable(status)) => {
                CallError::Unavailable { service, source: Some(Box::new(Answered(status))) }
            }
            Some(Failure::Timeout) => self.timeout(),
        }
    }

    fn unsent(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CallError {
        CallError::Unsent { service: self.service().to_owned(), source: source.into() }
    }

    fn timeout(&self) -> CallError {
        CallError::Timeout { service: self.service().to_owned() }
    }

    fn bad_answer(&self, source: impl std::error::Error + Send + Sync + 'static) -> CallError {
        CallError::BadAnswer { service: self.service().to_owned(), source: Box::new(source) }
    }
}

/// Whether this status says nothing about the call itself.
fn is_unable(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}
