//! The calls of the Consul agent's HTTP API that we need.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::registration::Registration;
use crate::settings::Settings;

/// How long a blocking query waits for a change. If the network has lost its connection silently, this is noticed after this
/// time and [`MARGIN`].
pub(crate) const WAIT: Duration = Duration::from_secs(20);
/// How long Consul may take to answer, besides the time that a query waits.
const MARGIN: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Who is asking. Consul ignores it if it has no access control.
const TOKEN: HeaderName = HeaderName::from_static("x-consul-token");

/// Why Consul gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ConsulError {
    /// The HTTP client could not be made.
    #[error("the HTTP client for Consul could not be made")]
    Client(#[source] reqwest::Error),
    /// The token can't be sent. What it is stays unsaid.
    #[error("the setting consul.token has characters that no token has")]
    Token,
    /// The agent did not answer, or its answer is not understood.
    #[error("Consul at {url} could not be asked")]
    Http {
        /// The agent's address.
        url: String,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// The agent answered with an error.
    #[error("Consul at {url} answered {status}: {message}")]
    Refused {
        /// The agent's address.
        url: String,
        /// The status of its answer.
        status: StatusCode,
        /// The body of its answer.
        message: String,
    },
    /// The answer to a blocking query has no index. The next query would need it.
    #[error("Consul at {url} answered without an index")]
    NoIndex {
        /// The agent's address.
        url: String,
    },
}

/// A Consul agent. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Consul {
    http: reqwest::Client,
    url: String,
}

/// The instances of a service at one index of Consul's state.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) index: u64,
    pub(crate) records: Vec<Record>,
}

/// An instance that is registered.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    /// Whether all its checks pass, those of its node included.
    pub(crate) is_passing: bool,
}

impl Consul {
    /// The agent at `url`, for example `http://127.0.0.1:8500`. Nothing is sent yet.
    pub fn new(url: &str) -> Result<Self, ConsulError> {
        Self::with_headers(url, HeaderMap::new())
    }

    /// The agent of the settings, with their token. Nothing is sent yet.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConsulError> {
        let headers = settings.token.iter().map(|token| Ok((TOKEN, token_value(token)?)));
        Self::with_headers(&settings.url, headers.collect::<Result<_, ConsulError>>()?)
    }

    fn with_headers(url: &str, headers: HeaderMap) -> Result<Self, ConsulError> {
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CONNECT_TIMEOUT + MARGIN)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(ConsulError::Client)?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned() })
    }

    /// Whether the agent answers and knows a leader. Without a leader its other answers are of no use.
    pub async fn check(&self) -> Result<(), ConsulError> {
        self.send(self.http.get(self.at("/v1/status/leader"))).await.map(drop)
    }

    /// Adds a service to the agent, or replaces the one that has the same id. `passing` is its state until the first check.
    pub(crate) async fn register(&self, service: &Registration, passing: bool) -> Result<(), ConsulError> {
        let body = ServiceDefinition::new(service, passing);
        self.send(self.http.put(self.at("/v1/agent/service/register")).json(&body)).await?;
        Ok(())
    }

    /// Removes a service from the agent. Watchers are notified within milliseconds. A service that is not there is no error.
    pub(crate) async fn deregister(&self, id: &str) -> Result<(), ConsulError> {
        let sent = self.send(self.http.put(self.at(&format!("/v1/agent/service/deregister/{id}")))).await;
        match sent {
            Err(ConsulError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Waits until the agent's record of a service has another hash than `hash`. Gives the current hash, or `None` if there is no
    /// record any more.
    pub(crate) async fn record_after(&self, id: &str, hash: &str) -> Result<Option<String>, ConsulError> {
        // Without a hash Consul answers at once.
        let wait = if hash.is_empty() { Duration::ZERO } else { WAIT };
        match self.send(self.blocking(&format!("/v1/agent/service/{id}?hash={hash}"), wait)).await {
            Ok(answer) => {
                let hash = answer.headers().get("x-consul-contenthash").and_then(|value| value.to_str().ok());
                Ok(Some(hash.unwrap_or_default().to_owned()))
            }
            Err(ConsulError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The instances of a service, also those whose checks fail. With the `index` of an earlier answer, waits up to `wait` for a
    /// change since then.
    pub(crate) async fn listed(
        &self,
        service: &str,
        index: u64,
        wait: Duration,
    ) -> Result<Listed, ConsulError> {
        // Without an index Consul answers at once.
        let wait = if index == 0 { Duration::ZERO } else { wait };
        let query = format!("/v1/health/service/{service}?index={index}");
        let answer = self.send(self.blocking(&query, wait)).await?;
        let index =
            answer.headers().get("x-consul-index").and_then(|value| value.to_str().ok()?.parse().ok());
        // With an index of zero the next query would return at once, and so would all after it.
        let index =
            index.filter(|index| *index > 0).ok_or_else(|| ConsulError::NoIndex { url: self.url.clone() })?;
        let entries: Vec<Entry> = answer.json().await.map_err(|source| self.http_error(source))?;
        Ok(Listed { index, records: entries.into_iter().filter_map(Entry::into_record).collect() })
    }

    /// A query that waits up to `wait` for a change. Consul adds up to a sixteenth of it, so that not all queries end at once.
    fn blocking(&self, query: &str, wait: Duration) -> RequestBuilder {
        let url = self.at(&format!("{query}&wait={}ms", wait.as_millis()));
        self.http.get(url).timeout(wait + wait / 16 + MARGIN)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ConsulError> {
        let answer = request.send().await.map_err(|source| self.http_error(source))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let message = answer.text().await.unwrap_or_default();
        Err(ConsulError::Refused { url: self.url.clone(), status, message: message.trim().to_owned() })
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn http_error(&self, source: reqwest::Error) -> ConsulError {
        // Otherwise the error's text would contain the whole address of the query again.
        ConsulError::Http { url: self.url.clone(), source: source.without_url() }
    }
}

fn token_value(token: &SecretString) -> Result<HeaderValue, ConsulError> {
    let mut value = HeaderValue::from_str(token.expose_secret()).map_err(|_| ConsulError::Token)?;
    // So that no log of requests shows it.
    value.set_sensitive(true);
    Ok(value)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceDefinition<'a> {
    name: &'a str,
    #[serde(rename = "ID")]
    id: &'a str,
    address: String,
    port: u16,
    check: CheckDefinition<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CheckDefinition<'a> {
    #[serde(rename = "HTTP")]
    http: &'a str,
    interval: String,
    timeout: String,
    status: &'static str,
    deregister_critical_service_after: &'static str,
}

impl<'a> ServiceDefinition<'a> {
    fn new(service: &'a Registration, passing: bool) -> Self {
        Self {
            name: &service.name,
            id: &service.id,
            address: service.address.ip().to_string(),
            port: service.address.port(),
            check: CheckDefinition {
                http: &service.check_url,
                interval: format!("{}ms", service.check_interval.as_millis()),
                timeout: "2s".to_owned(),
                status: if passing { "passing" } else { "critical" },
                // It is longer than any outage of a database, so that only instances that never come back are removed.
                deregister_critical_service_after: "30m",
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    node: Node,
    service: Service,
    checks: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    address: String,
    port: u16,
}

impl Entry {
    /// A service without an address has the address of its node.
    fn into_record(self) -> Option<Record> {
        let ip = if self.service.address.is_empty() { &self.node.address } else { &self.service.address };
        let Ok(ip) = ip.parse() else {
            let id = self.service.id;
            tracing::warn!(id, address = ip, "skipping an instance whose address is not an IP address");
            return None;
        };
        let is_passing = self.checks.iter().all(|check| check.status == "passing");
        Some(Record { id: self.service.id, address: SocketAddr::new(ip, self.service.port), is_passing })
    }
}
