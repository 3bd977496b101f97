//! Asks a config server for the settings of one application.
//!
//! While the server does not answer or fails, the client waits and tries again; each wait is logged with its reason. If the
//! server refuses, it would refuse again, so that is an error at once.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use reqwest::header::{self, HeaderValue};
use reqwest::{RequestBuilder, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use thiserror::Error;
use tracing::{info, warn};

use crate::environment::Environment;
use crate::error::SettingsError;
use crate::tree::Tree;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The size limit of an answer. What answers at the address may be anything.
const ANSWER_MAX_BYTES: usize = 32 * 1024 * 1024;

/// A wait of this length is logged as a warning. Processes that are started together wait a moment for each other.
const WARN_FROM: Duration = Duration::from_secs(1);

/// How long to wait between two tries: doubled after each, up to the longest.
#[derive(Clone, Copy, Debug)]
pub struct BackOff {
    /// The first wait.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self { first: Duration::from_millis(50), longest: Duration::from_secs(5) }
    }
}

/// Asks a config server for the settings of one application. Of several servers, the next one is asked when one fails.
#[derive(Clone, Debug)]
pub struct ConfigClient {
    http: reqwest::Client,
    servers: Arc<[Server]>,
    /// The number of the server that is asked now.
    current: Arc<AtomicUsize>,
    application: String,
    password: SecretString,
    back_off: BackOff,
}

/// The settings that a server has sent.
pub(crate) struct Answer {
    pub(crate) environment: Environment,
    pub(crate) mark: Mark,
}

/// Tells one answer from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) tag: Option<HeaderValue>,
    /// A server without tags sends everything again.
    digest: u64,
}

impl Mark {
    fn new(tag: Option<HeaderValue>, body: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Self { tag, digest: hasher.finish() }
    }
}

/// What a server answers.
pub(crate) enum Asked {
    Settings(Answer),
    /// They are those that the client has.
    NotModified {
        /// Whether the server has waited for a change, as the client has asked it to.
        has_waited: bool,
    },
}

/// One of several servers with the same settings.
#[derive(Debug)]
struct Server {
    address: Url,
    /// The address of the settings.
    environment: Url,
}

/// Why the settings can't be fetched, also later.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address can't be the base of others.
    #[error("{0} is not the address of a config server; one looks like http://localhost:8888")]
    Address(String),
    /// There is no address.
    #[error("the address of a config server is missing")]
    NoServer,
    /// The address has a user or a password, which would be seen in logs and in the list of processes.
    #[error(
        "the address of the config server can't have a user or a password: they have settings of their own"
    )]
    SecretInAddress,
    /// The address needs TLS, which the client does not have. Waiting would not help.
    #[error("the config server is asked by http, and not by {0}")]
    Scheme(String),
    /// The answer is too large.
    #[error("what answers at {server} sends more than {ANSWER_MAX_BYTES} bytes")]
    TooLarge {
        /// The address of the server.
        server: String,
    },
    /// The HTTP client can't be made.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    /// The server does not give this application its settings.
    #[error("config-server at {server} refuses `{application}`: {refusal}")]
    Refused {
        /// The address of the server.
        server: String,
        /// The application that asked.
        application: String,
        /// The status and the detail of the answer.
        refusal: String,
    },
    /// The answer is not that of a config server.
    #[error("what answers at {server} is not a config server")]
    Foreign {
        /// The address of the server.
        server: String,
        /// Why the answer can't be read.
        #[source]
        source: serde_json::Error,
    },
    /// The settings can't be merged.
    #[error("the settings that config-server sent for `{application}` can't be used")]
    Settings {
        /// The application that asked.
        application: String,
        /// Which keys are wrong.
        #[source]
        source: SettingsError,
    },
}

/// Why one try failed.
pub(crate) enum Failure {
    /// A later try may succeed.
    Transient(String),
    /// A later try would fail as well.
    Permanent(FetchError),
}

impl ConfigClient {
    /// A client that asks the server at `server` for the settings of `application` with `profiles` (separated by commas). It
    /// signs in as the application, with its password.
    pub fn new(
        server: Url,
        application: &str,
        profiles: &str,
        password: SecretString,
    ) -> Result<Self, FetchError> {
        Self::of_servers(vec![server], application, profiles, password)
    }

    /// The same, with several servers that have the same settings.
    pub fn of_servers(
        servers: Vec<Url>,
        application: &str,
        profiles: &str,
        password: SecretString,
    ) -> Result<Self, FetchError> {
        if servers.is_empty() {
            return Err(FetchError::NoServer);
        }
        let servers = servers.into_iter().map(|address| Server::new(address, application, profiles));
        let servers = servers.collect::<Result<_, _>>()?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(FetchError::Client)?;
        let (current, back_off) = (Arc::default(), BackOff::default());
        Ok(Self { http, servers, current, application: application.to_owned(), password, back_off })
    }

    /// Sets how long to wait between tries.
    #[must_use]
    pub fn with_back_off(self, back_off: BackOff) -> Self {
        Self { back_off, ..self }
    }

    /// Asks until there is an answer. Gives an error only if waiting does not help.
    pub async fn fetch(&self) -> Result<Tree, FetchError> {
        self.merged(&self.fetch_answer().await?)
    }

    pub(crate) fn merged(&self, answer: &Answer) -> Result<Tree, FetchError> {
        Tree::from_environment(&answer.environment)
            .map_err(|source| FetchError::Settings { application: self.application.clone(), source })
    }

    /// Asks until there is an answer.
    pub(crate) async fn fetch_answer(&self) -> Result<Answer, FetchError> {
        let BackOff { first, longest } = self.back_off;
        let waits =
            ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest).without_max_times();
        let mut waits = waits.build();
        loop {
            let reason = match self.try_once().await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Permanent(error)) => return Err(error),
                Err(Failure::Transient(reason)) => reason,
            };
            let server = self.server().clone();
            if !self.turn_to_the_next() {
                info!(%server, %reason, "asking the next config-server");
                continue;
            }
            let wait = waits.next().unwrap_or(longest);
            let next_try_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            if wait < WARN_FROM {
                info!(%server, %reason, next_try_ms, "waiting for config-server");
            } else {
                warn!(%server, %reason, next_try_ms, "waiting for config-server");
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn try_once(&self) -> Result<Answer, Failure> {
        match self.ask(self.request()).await? {
            Asked::Settings(answer) => Ok(answer),
            // It was asked for no other version.
            Asked::NotModified { .. } => Err(Failure::Transient("it answers 304".to_owned())),
        }
    }

    /// A request for the settings.
    pub(crate) fn request(&self) -> RequestBuilder {
        let request = self.http.get(self.current().environment.clone());
        request.basic_auth(&self.application, Some(self.password.expose_secret()))
    }

    /// Sends a request for the settings.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Result<Asked, Failure> {
        let response = request.send().await.map_err(|error| Failure::Transient(telemetry::chain(&error)))?;
        let status = response.status();
        let has_waited = response.headers().contains_key("preference-applied");
        if status == StatusCode::NOT_MODIFIED {
            return Ok(Asked::NotModified { has_waited });
        }
        let tag = response.headers().get(header::ETAG).cloned();
        let body = self.body(response).await?;
        if status == StatusCode::OK {
            let environment = serde_json::from_slice(&body).map_err(|source| {
                Failure::Permanent(FetchError::Foreign { server: self.server().to_string(), source })
            })?;
            return Ok(Asked::Settings(Answer { environment, mark: Mark::new(tag, &body) }));
        }
        let answer = match detail_of(&body) {
            Some(detail) => format!("{status}: {detail}"),
            None => status.to_string(),
        };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Transient(format!("it answers {answer}")));
        }
        Err(Failure::Permanent(FetchError::Refused {
            server: self.server().to_string(),
            application: self.application.clone(),
            refusal: answer,
        }))
    }

    /// The address of the server that is asked now.
    pub(crate) fn server(&self) -> &Url {
        &self.current().address
    }

    /// Asks the next server from now on. Returns whether that is the first one again.
    pub(crate) fn turn_to_the_next(&self) -> bool {
        let next = self.current.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        next.is_multiple_of(self.servers.len())
    }

    fn current(&self) -> &Server {
        &self.servers[self.current.load(Ordering::Relaxed) % self.servers.len()]
    }

    /// Reads the body of an answer, up to the limit.
    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_MAX_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    return Err(Failure::Permanent(FetchError::TooLarge {
                        server: self.server().to_string(),
                    }));
                }
                Ok(None) => return Ok(body),
                Err(error) => return Err(Failure::Transient(telemetry::chain(&error))),
            }
        }
    }
}

impl Server {
    fn new(address: Url, application: &str, profiles: &str) -> Result<Self, FetchError> {
        if !address.username().is_empty() || address.password().is_some() {
            return Err(FetchError::SecretInAddress);
        }
        let mut environment = address.clone();
        match environment.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend([application, profiles]),
            Err(()) => return Err(FetchError::Address(address.into())),
        };
        if address.scheme() != "http" {
            return Err(FetchError::Scheme(address.scheme().to_owned()));
        }
        Ok(Self { address, environment })
    }
}

/// The `detail` of a problem document.
fn detail_of(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    problem.get("detail")?.as_str().map(str::to_owned)
}
