//! Asks a config server for the settings of one application.
//!
//! While the server does not answer or fails, the client waits and tries again; each wait is logged with its reason. If the
//! server refuses, or its certificate is not trusted, this would be so again, and is an error at once. Of several servers, it is an
//! error when it is so with all of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use clock::Clock;
use reqwest::header;
use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::answer::{Answer, Asked};
use crate::fetch_error::{Failure, FetchError};
use crate::snapshot::{Owner, Snapshot, SnapshotFile, shown};
use crate::transport::{ANSWER_MAX_BYTES, Transport, tls_error};
use crate::tree::Tree;

/// A wait of this length is logged as a warning. Processes that are started together wait a moment for each other.
const WARN_FROM: Duration = Duration::from_secs(1);

/// How long a process waits for a server before it starts with its snapshot. Servers that are started together with it are there
/// by then.
const PATIENCE: Duration = Duration::from_secs(10);

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
    http: Arc<Transport>,
    servers: Arc<[Server]>,
    /// The number of the server that is asked now.
    current: Arc<AtomicUsize>,
    application: String,
    profiles: String,
    label: Option<String>,
    password: SecretString,
    back_off: BackOff,
    snapshot: Option<Arc<SnapshotFile>>,
    patience: Duration,
}

/// One of several servers with the same settings.
#[derive(Debug)]
struct Server {
    address: Url,
    /// The address of the settings.
    environment: Url,
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
        let servers = servers.into_iter().map(|address| Server::new(address, application, profiles, None));
        let servers = servers.collect::<Result<_, _>>()?;
        Ok(Self {
            http: Arc::new(Transport::new(None)?),
            servers,
            current: Arc::default(),
            application: application.to_owned(),
            profiles: profiles.to_owned(),
            label: None,
            password,
            back_off: BackOff::default(),
            snapshot: None,
            patience: PATIENCE,
        })
    }

    /// Asks for the settings of this label: of a branch or a tag, if the server reads them from git. It comes before the snapshot.
    pub fn with_label(self, label: &str) -> Result<Self, FetchError> {
        let servers = self.servers.iter().map(|server| {
            Server::new(server.address.clone(), &self.application, &self.profiles, Some(label))
        });
        let servers = servers.collect::<Result<_, _>>()?;
        Ok(Self { servers, label: Some(label.to_owned()), ..self })
    }

    /// Keeps the last good settings in this file, sealed, and starts with them if no server answers.
    pub fn with_snapshot(self, path: &Path) -> Result<Self, FetchError> {
        let (application, profiles) = (self.application.clone(), self.profiles.clone());
        let owner = Owner { application, profiles, label: self.label.clone() };
        let snapshot = SnapshotFile::new(path, owner, &self.password)?;
        Ok(Self { snapshot: Some(Arc::new(snapshot)), ..self })
    }

    /// Sets how long to wait for a server before the snapshot is used.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Trusts the authorities in this PEM file, and not the public ones.
    pub fn trusting(self, ca_file: &Path) -> Result<Self, FetchError> {
        if self.servers.iter().all(|server| server.address.scheme() != "https") {
            return Err(FetchError::NoTls);
        }
        Ok(Self { http: Arc::new(Transport::new(Some(ca_file))?), ..self })
    }

    /// Sets how long to wait between tries.
    #[must_use]
    pub fn with_back_off(self, back_off: BackOff) -> Self {
        Self { back_off, ..self }
    }

    /// Asks until there is an answer. Gives an error only if waiting helps with none of the servers.
    pub async fn fetch(&self) -> Result<Tree, FetchError> {
        self.merged(&self.fetch_answer().await?)
    }

    pub(crate) fn merged(&self, answer: &Answer) -> Result<Tree, FetchError> {
        let unnamed = answer.environment.profiles_without_files(&self.profiles);
        if !unnamed.is_empty() {
            // A document in another file can be for this profile, so it is no error.
            warn!(profiles = ?unnamed, "no settings file is named after a profile; is it misspelt?");
        }
        Tree::from_environment(&answer.environment)
            .map_err(|source| FetchError::Settings { application: self.application.clone(), source })
    }

    /// Asks until there is an answer.
    pub(crate) async fn fetch_answer(&self) -> Result<Answer, FetchError> {
        let BackOff { first, longest } = self.back_off;
        let waits =
            ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest).without_max_times();
        let mut waits = waits.build();
        // Whether a server that was asked since the last wait may answer later.
        let mut may_answer = false;
        let mut snapshot = self.snapshot.as_ref();
        let began = Instant::now();
        loop {
            let failure = match self.try_once().await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let server = self.server().clone();
            let all_were_asked = self.turn_to_the_next();
            let reason = match failure {
                Failure::Transient(reason) => {
                    may_answer = true;
                    reason
                }
                Failure::Permanent(error) if all_were_asked && !may_answer => return Err(error),
                Failure::Permanent(error) => {
                    let reason = telemetry::chain(&error);
                    warn!(%server, %reason, "this config-server can't be used");
                    reason
                }
            };
            if !all_were_asked {
                info!(%server, %reason, "asking the next config-server");
                continue;
            }
            may_answer = false;
            if began.elapsed() >= self.patience
                && let Some(file) = snapshot.take()
                && let Some(answer) = from_snapshot(file, &reason).await
            {
                return Ok(answer);
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
            Asked::Settings(answer) => Ok(*answer),
            // It was asked for no other version.
            Asked::NotModified { .. } => Err(Failure::Transient("it answers 304".to_owned())),
        }
    }

    /// A request for the settings.
    pub(crate) fn request(&self) -> RequestBuilder {
        let request = self.http.client().get(self.current().environment.clone());
        request.basic_auth(&self.application, Some(self.password.expose_secret()))
    }

    /// Sends a request for the settings.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Result<Asked, Failure> {
        let response = request.send().await.map_err(|error| self.failure(&error))?;
        let status = response.status();
        let has_waited = response.headers().contains_key("preference-applied");
        if status == StatusCode::NOT_MODIFIED {
            return Ok(Asked::NotModified { has_waited });
        }
        let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = self.body(response).await?;
        if status == StatusCode::OK {
            let answer = Answer::new(Snapshot { received: Clock::system().now(), tag, body });
            return answer.map(|answer| Asked::Settings(Box::new(answer))).map_err(|source| {
                Failure::Permanent(FetchError::Foreign { server: self.server().to_string(), source })
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
            server: self.server().to_string(),
            application: self.application.clone(),
            refusal: answer,
        }))
    }

    /// A request without an answer. A certificate that is not trusted today is not trusted tomorrow.
    fn failure(&self, error: &reqwest::Error) -> Failure {
        let server = self.server().to_string();
        match tls_error(error) {
            Some(source @ rustls::Error::InvalidCertificate(_)) => {
                Failure::Permanent(FetchError::Untrusted { server, source })
            }
            Some(source @ rustls::Error::InvalidMessage(_)) => {
                Failure::Permanent(FetchError::Clear { server, source })
            }
            _ => Failure::Transient(telemetry::chain(error)),
        }
    }

    pub(crate) fn snapshot(&self) -> Option<&Arc<SnapshotFile>> {
        self.snapshot.as_ref()
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
    fn new(address: Url, application: &str, profiles: &str, label: Option<&str>) -> Result<Self, FetchError> {
        if !address.username().is_empty() || address.password().is_some() {
            return Err(FetchError::SecretInAddress);
        }
        let mut environment = address.clone();
        match environment.path_segments_mut() {
            Ok(mut segments) => {
                // A slash in a label is written so.
                let label = label.map(|label| label.replace('/', "(_)"));
                segments.pop_if_empty().extend([application, profiles]).extend(label)
            }
            Err(()) => return Err(FetchError::Address(address.into())),
        };
        if !matches!(address.scheme(), "http" | "https") {
            return Err(FetchError::Scheme(address.scheme().to_owned()));
        }
        Ok(Self { address, environment })
    }
}

/// The settings of the snapshot, if there is one that can be used.
async fn from_snapshot(file: &Arc<SnapshotFile>, server_failed: &str) -> Option<Answer> {
    let reader = Arc::clone(file);
    let read = tokio::task::spawn_blocking(move || reader.read()).await.ok()?;
    let path = file.path().display();
    let received = match read {
        Ok(Some(received)) => received,
        Ok(None) => {
            warn!(file = %path, "there is no snapshot of the settings; config-server is waited for");
            return None;
        }
        Err(error) => {
            let reason = telemetry::chain(&error);
            warn!(%reason, "the snapshot of the settings can't be used; config-server is waited for");
            return None;
        }
    };
    let at = shown(received.received);
    match Answer::new(received) {
        Ok(answer) => {
            warn!(file = %path, received = at, reason = server_failed, "config-server is away; starting with the snapshot of the settings");
            Some(Answer { is_kept: true, ..answer })
        }
        Err(_) => None,
    }
}

/// The `detail` of a problem document.
fn detail_of(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    problem.get("detail")?.as_str().map(str::to_owned)
}
