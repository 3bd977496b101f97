//! The few calls of the Consul agent's HTTP API that we need.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::registration::Registration;

/// The longest that one blocking query waits for news. Where the network loses a connection without a word, its query is
/// deaf for so long, and [`MARGIN`] longer.
pub(crate) const WAIT: Duration = Duration::from_secs(20);
/// For Consul to answer what it need not wait for.
const MARGIN: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Consul could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ConsulError {
    /// The HTTP client could not be made.
    #[error("the HTTP client for Consul could not be made")]
    Client(#[source] reqwest::Error),
    /// No answer came from the agent, or one that is not understood.
    #[error("Consul at {url} could not be asked")]
    Http {
        /// The agent's address.
        url: String,
        /// What happened instead.
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
        /// What it said.
        message: String,
    },
    /// A blocking query's answer came without its index, so that the next one could not wait.
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

/// What Consul knows of a service at one index of its state.
#[derive(Debug)]
pub(crate) struct Healthy {
    pub(crate) index: u64,
    pub(crate) instances: Vec<(String, SocketAddr)>,
}

impl Consul {
    /// The agent at `url`, for example `http://127.0.0.1:8500`. Nothing is asked yet.
    pub fn new(url: &str) -> Result<Self, ConsulError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CONNECT_TIMEOUT + MARGIN)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(ConsulError::Client)?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned() })
    }

    /// Whether the agent answers and knows a leader: without one it gives no answers that matter.
    pub async fn check(&self) -> Result<(), ConsulError> {
        self.send(self.http.get(self.at("/v1/status/leader"))).await.map(drop)
    }

    /// Adds a service to the agent, or replaces the one that has the same id. `passing` says what it is taken for
    /// until the first check.
    pub(crate) async fn register(&self, service: &Registration, passing: bool) -> Result<(), ConsulError> {
        let body = ServiceDefinition::new(service, passing);
        self.send(self.http.put(self.at("/v1/agent/service/register")).json(&body)).await?;
        Ok(())
    }

    /// Takes a service off the agent. Watchers hear of it within milliseconds. One that is not there is no error.
    pub(crate) async fn deregister(&self, id: &str) -> Result<(), ConsulError> {
        let sent = self.send(self.http.put(self.at(&format!("/v1/agent/service/deregister/{id}")))).await;
        match sent {
            Err(ConsulError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Waits for the agent's record of a service to change from the one with `hash`. Gives the hash of the record as
    /// it is now, or `None` when there is none any more.
    pub(crate) async fn record_after(&self, id: &str, hash: &str) -> Result<Option<String>, ConsulError> {
        // Without a hash the answer comes at once.
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

    /// The instances of a service whose checks pass. With an `index` of an earlier answer, waits up to `wait` for
    /// something to be different from then.
    pub(crate) async fn healthy(
        &self,
        service: &str,
        index: u64,
        wait: Duration,
    ) -> Result<Healthy, ConsulError> {
        // Without an index the answer comes at once.
        let wait = if index == 0 { Duration::ZERO } else { wait };
        let query = format!("/v1/health/service/{service}?passing=true&index={index}");
        let answer = self.send(self.blocking(&query, wait)).await?;
        let index =
            answer.headers().get("x-consul-index").and_then(|value| value.to_str().ok()?.parse().ok());
        // An index of zero would make the next query return at once, and so for ever.
        let index =
            index.filter(|index| *index > 0).ok_or_else(|| ConsulError::NoIndex { url: self.url.clone() })?;
        let entries: Vec<Entry> = answer.json().await.map_err(|source| self.http_error(source))?;
        Ok(Healthy { index, instances: entries.into_iter().filter_map(Entry::into_instance).collect() })
    }

    /// A query that waits up to `wait` for news. Consul adds up to a sixteenth of it, to spread what it wakes up.
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
        // The error's own text would name the whole address of the query again.
        ConsulError::Http { url: self.url.clone(), source: source.without_url() }
    }
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
                // Long enough for any outage of a database: only what will never come back is to be forgotten.
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
    /// A service without an address of its own is at its node's.
    fn into_instance(self) -> Option<(String, SocketAddr)> {
        let ip = if self.service.address.is_empty() { &self.node.address } else { &self.service.address };
        let Ok(ip) = ip.parse() else {
            let id = self.service.id;
            tracing::warn!(id, address = ip, "passing over an instance whose address is no IP");
            return None;
        };
        Some((self.service.id, SocketAddr::new(ip, self.service.port)))
    }
}
