//! Asks a config server for the settings of one application.
//!
//! A server that is not there yet, or is not well, is waited for, and every wait says for what. A server that
//! refuses will refuse again, so that is an error at once.

use std::time::Duration;

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

/// Processes that are started together wait a moment for each other: not worth a warning.
const WORTH_A_WARNING: Duration = Duration::from_secs(1);

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

/// Why there will be no settings, however long one waits.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address is not one that can be asked.
    #[error("{0} is not the address of a config server; one looks like http://localhost:8888")]
    Address(String),
    /// The HTTP client can't be made.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    /// The server does not give this application its settings.
    #[error("config-server at {server} refuses `{application}`: {refusal}")]
    Refused {
        /// The server.
        server: String,
        /// Who asked.
        application: String,
        /// Its status, and what it says of it.
        refusal: String,
    },
    /// Something answers there that is not a config server.
    #[error("what answers at {server} is not a config server")]
    Foreign {
        /// The address.
        server: String,
        /// What could not be read.
        #[source]
        source: serde_json::Error,
    },
    /// The settings can't be put together.
    #[error("the settings that config-server sent for `{application}` can't be used")]
    Settings {
        /// Who asked.
        application: String,
        /// Which keys are wrong.
        #[source]
        source: SettingsError,
    },
}

/// How one try ended, other than well.
enum Failure {
    /// It may end better later.
    Passing(String),
    /// It will not.
    Final(FetchError),
}

impl ConfigClient {
    /// Prepares to ask the server at `server` as `application`, with its password, for the settings of
    /// `profiles` (separated by commas).
    pub fn new(
        server: Url,
        application: &str,
        profiles: &str,
        password: SecretString,
    ) -> Result<Self, FetchError> {
        let mut environment = server.clone();
        match environment.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend([application, profiles]),
            Err(()) => return Err(FetchError::Address(server.into())),
        };
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

    /// Asks until there is an answer. Ends early only where waiting can't help.
    pub async fn fetch(&self) -> Result<Tree, FetchError> {
        let environment = self.fetch_environment().await?;
        Tree::from_environment(&environment)
            .map_err(|source| FetchError::Settings { application: self.application.clone(), source })
    }

    async fn fetch_environment(&self) -> Result<Environment, FetchError> {
        let mut wait = self.back_off.first;
        loop {
            let reason = match self.try_once().await {
                Ok(environment) => return Ok(environment),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(reason)) => reason,
            };
            let next_try_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            if wait < WORTH_A_WARNING {
                info!(server = %self.server, %reason, next_try_ms, "waiting for config-server");
            } else {
                warn!(server = %self.server, %reason, next_try_ms, "waiting for config-server");
            }
            tokio::time::sleep(wait).await;
            wait = self.back_off.longest.min(wait * 2);
        }
    }

    async fn try_once(&self) -> Result<Environment, Failure> {
        let request = self
            .http
            .get(self.environment.clone())
            .basic_auth(&self.application, Some(self.password.expose_secret()));
        let response = request.send().await.map_err(|error| Failure::Passing(telemetry::chain(&error)))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| Failure::Passing(telemetry::chain(&error)))?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|source| {
                Failure::Final(FetchError::Foreign { server: self.server.to_string(), source })
            });
        }
        let answer = match detail_of(&body) {
            Some(detail) => format!("{status}: {detail}"),
            None => status.to_string(),
        };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Passing(format!("it answers {answer}")));
        }
        Err(Failure::Final(FetchError::Refused {
            server: self.server.to_string(),
            application: self.application.clone(),
            refusal: answer,
        }))
    }
}

/// What a problem document says of this one occurrence.
fn detail_of(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    problem.get("detail")?.as_str().map(str::to_owned)
}
