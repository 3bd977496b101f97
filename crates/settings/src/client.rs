//! Asks a config server for the settings of one application.
//!
//! While the server does not answer or fails, the client waits and tries again; each wait is logged with its reason. If the
//! server refuses, it would refuse again, so that is an error at once.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use reqwest::{StatusCode, Url, redirect};
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

/// Asks one config server for the settings of one application.
#[derive(Clone, Debug)]
pub struct ConfigClient {
    http: reqwest::Client,
    server: Url,
    environment: Url,
    application: String,
    password: SecretString,
    back_off: BackOff,
}

/// Why the settings can't be fetched, also later.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address can't be the base of others.
    #[error("{0} is not the address of a config server; one looks like http://localhost:8888")]
    Address(String),
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
enum Failure {
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
        if !server.username().is_empty() || server.password().is_some() {
            return Err(FetchError::SecretInAddress);
        }
        let mut environment = server.clone();
        match environment.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend([application, profiles]),
            Err(()) => return Err(FetchError::Address(server.into())),
        };
        if server.scheme() != "http" {
            return Err(FetchError::Scheme(server.scheme().to_owned()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(FetchError::Client)?;
        let back_off = BackOff::default();
        Ok(Self { http, server, environment, application: application.to_owned(), password, back_off })
    }

    /// Sets how long to wait between tries.
    #[must_use]
    pub fn with_back_off(self, back_off: BackOff) -> Self {
        Self { back_off, ..self }
    }

    /// Asks until there is an answer. Gives an error only if waiting does not help.
    pub async fn fetch(&self) -> Result<Tree, FetchError> {
        let environment = self.fetch_environment().await?;
        Tree::from_environment(&environment)
            .map_err(|source| FetchError::Settings { application: self.application.clone(), source })
    }

    async fn fetch_environment(&self) -> Result<Environment, FetchError> {
        let BackOff { first, longest } = self.back_off;
        let waits =
            ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest).without_max_times();
        let mut waits = waits.build();
        loop {
            let reason = match self.try_once().await {
                Ok(environment) => return Ok(environment),
                Err(Failure::Permanent(error)) => return Err(error),
                Err(Failure::Transient(reason)) => reason,
            };
            let wait = waits.next().unwrap_or(longest);
            let next_try_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            if wait < WARN_FROM {
                info!(server = %self.server, %reason, next_try_ms, "waiting for config-server");
            } else {
                warn!(server = %self.server, %reason, next_try_ms, "waiting for config-server");
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn try_once(&self) -> Result<Environment, Failure> {
        let request = self
            .http
            .get(self.environment.clone())
            .basic_auth(&self.application, Some(self.password.expose_secret()));
        let response = request.send().await.map_err(|error| Failure::Transient(telemetry::chain(&error)))?;
        let status = response.status();
        let body = self.body(response).await?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|source| {
                Failure::Permanent(FetchError::Foreign { server: self.server.to_string(), source })
            });
        }
        let answer = match detail_of(&body) {
            Some(detail) => format!("{status}: {detail}"),
            None => status.to_string(),
        };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Transient(format!("it answers {answer}")));
        }
        Err(Failure::Permanent(FetchError::Refused {
            server: self.server.to_string(),
            application: self.application.clone(),
            refusal: answer,
        }))
    }
}

impl ConfigClient {
    /// Reads the body of an answer, up to the limit.
    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_MAX_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    return Err(Failure::Permanent(FetchError::TooLarge { server: self.server.to_string() }));
                }
                Ok(None) => return Ok(body),
                Err(error) => return Err(Failure::Transient(telemetry::chain(&error))),
            }
        }
    }
}

/// The `detail` of a problem document.
fn detail_of(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    problem.get("detail")?.as_str().map(str::to_owned)
}
