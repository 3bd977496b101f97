//! Asks a config server again and again whether the settings have changed.
//!
//! The server is asked to wait for a change: `If-None-Match: "VERSION"` and `Prefer: wait=30`. A server that does not wait, as
//! Spring's, is asked after a pause. Pauses have a jitter, so that processes that were started together do not ask together.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use rand::RngExt as _;
use reqwest::header::IF_NONE_MATCH;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::answer::{Answer, Asked, Mark};
use crate::client::ConfigClient;
use crate::error::SettingsError;
use crate::fetch_error::{Failure, FetchError};
use crate::report::{HEADER, Report};
use crate::snapshot::{Keeper, Snapshot, SnapshotUse};
use crate::tree::Tree;

/// How long the server is asked to wait.
const WAIT: Duration = Duration::from_secs(30);
/// How much longer an answer may take.
const GRACE: Duration = Duration::from_secs(10);

/// How often a server is asked.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// The pause on average, if the server does not wait.
    pub interval: Duration,
    /// The pause on average, if the server waits, but has answered early and without a change.
    pub early: Duration,
    /// The first pause after a failure. It is doubled after each, up to the interval.
    pub first_retry: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            early: Duration::from_secs(2),
            first_retry: Duration::from_millis(250),
        }
    }
}

/// Asks one config server for changes of the settings of one application.
#[derive(Debug)]
pub struct Follower {
    client: ConfigClient,
    rhythm: Rhythm,
    known: Mark,
    /// The settings that came last, until they are kept.
    latest: Option<Snapshot>,
    keeper: Option<Keeper>,
    /// The start with a snapshot, until a server has answered.
    started_with: Option<SnapshotUse>,
    /// Whether other settings have come since the start.
    has_changed: bool,
}

/// Other settings than before.
#[derive(Debug)]
pub struct Version {
    /// The version, if the server has one.
    pub name: Option<String>,
    /// The settings, or why they can't be merged.
    pub tree: Result<Tree, SettingsError>,
}

impl ConfigClient {
    /// Asks for the settings until there is an answer, as [`ConfigClient::fetch`] does. Gives them, and what asks for the changes
    /// since.
    pub async fn fetch_and_follow(&self) -> Result<(Tree, Follower), FetchError> {
        let answer = self.fetch_answer().await?;
        let tree = self.merged(&answer)?;
        let Answer { mark, received, is_kept, .. } = answer;
        let follower = Follower {
            client: self.clone(),
            rhythm: Rhythm::default(),
            known: mark,
            started_with: is_kept.then(|| SnapshotUse::begin(received.received)),
            keeper: self.snapshot().map(|file| Keeper::start(Arc::clone(file))),
            latest: Some(received),
            has_changed: false,
        };
        Ok((tree, follower))
    }
}

impl Follower {
    /// Sets how often the server is asked.
    #[must_use]
    pub fn with_rhythm(self, rhythm: Rhythm) -> Self {
        Self { rhythm, ..self }
    }

    /// The start with a snapshot, if there was one.
    pub fn started_with_snapshot(&self) -> Option<&SnapshotUse> {
        self.started_with.as_ref()
    }

    /// The settings that came last are good: they are kept in the snapshot, if there is one.
    pub fn keep(&mut self) {
        if self.has_changed
            && let Some(started_with) = self.started_with.take()
        {
            started_with.end();
        }
        let (Some(latest), Some(keeper)) = (self.latest.take(), &self.keeper) else { return };
        keeper.keep(latest);
    }

    /// The server has said that the settings are the current ones. Returns whether that was not known.
    fn confirm(&mut self) -> bool {
        // If others have come since, they were refused, and the process still runs with those of the snapshot.
        let Some(started_with) = self.started_with.take_if(|_| !self.has_changed) else { return false };
        info!("config-server confirms the settings of the snapshot");
        started_with.end();
        true
    }

    /// Tells the server `report`, and waits until it has other settings. It waits as long as it takes, also for a server that is
    /// away or refuses.
    ///
    /// It can be dropped and called again.
    pub async fn next(&mut self, report: &Report) -> Version {
        let report = report.to_header();
        let mut retries = self.retries();
        let mut last_failure: Option<String> = None;
        loop {
            let began = Instant::now();
            let pause = match self.ask(&report).await {
                Ok(asked) => {
                    if last_failure.take().is_some() {
                        info!(server = %self.client.server(), "config-server answers again");
                        retries = self.retries();
                    }
                    match asked {
                        Asked::Settings(answer) if answer.mark != self.known => {
                            let Answer { environment, mark, received, .. } = *answer;
                            self.known = mark;
                            self.latest = Some(received);
                            self.has_changed = true;
                            let tree = Tree::from_environment(&environment);
                            return Version { name: environment.version, tree };
                        }
                        _ if self.confirm() => continue,
                        Asked::NotModified { has_waited: true } if began.elapsed() > self.rhythm.early => {
                            continue;
                        }
                        Asked::NotModified { has_waited: true } => self.rhythm.early,
                        Asked::NotModified { has_waited: false } | Asked::Settings(_) => self.rhythm.interval,
                    }
                }
                Err(reason) => {
                    if last_failure.as_ref() != Some(&reason) {
                        let server = self.client.server();
                        warn!(%server, %reason, "config-server can't be asked for changes; the settings stay");
                    }
                    last_failure = Some(reason);
                    self.client.turn_to_the_next();
                    retries.next().unwrap_or(self.rhythm.interval)
                }
            };
            tokio::time::sleep(around(pause)).await;
        }
    }

    async fn ask(&self, report: &str) -> Result<Asked, String> {
        let mut request = self.client.request().timeout(WAIT + GRACE).header(HEADER, report);
        if let Some(tag) = &self.known.tag {
            request = request.header(IF_NONE_MATCH, tag.clone());
            // Whether the settings of a snapshot are the current ones is to be known at once.
            if self.started_with.is_none() || self.has_changed {
                request = request.header("prefer", format!("wait={}", WAIT.as_secs()));
            }
        }
        self.client.ask(request).await.map_err(|failure| match failure {
            Failure::Transient(reason) => reason,
            Failure::Permanent(error) => telemetry::chain(&error),
        })
    }

    fn retries(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::new()
            .with_min_delay(self.rhythm.first_retry)
            .with_max_delay(self.rhythm.interval)
            .without_max_times()
            .build()
    }
}

/// A pause from half of `pause` to one and a half.
fn around(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.5))
}
