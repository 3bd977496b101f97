//! Asks a config server again and again whether the settings have changed.
//!
//! The server is asked to wait for a change: `If-None-Match: "VERSION"` and `Prefer: wait=30`. A server that does not wait, as
//! Spring's, is asked after a pause. Pauses have a jitter, so that processes that were started together do not ask together.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use rand::RngExt as _;
use reqwest::header::IF_NONE_MATCH;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::client::{Asked, ConfigClient, Failure, FetchError, Mark};
use crate::error::SettingsError;
use crate::report::{HEADER, Report};
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
        Ok((tree, Follower { client: self.clone(), rhythm: Rhythm::default(), known: answer.mark }))
    }
}

impl Follower {
    /// Sets how often the server is asked.
    #[must_use]
    pub fn with_rhythm(self, rhythm: Rhythm) -> Self {
        Self { rhythm, ..self }
    }

    /// Tells the server `report`, and waits until it has other settings. It waits as long as it takes, also for a server that is
    /// away or refuses.
    ///
    /// It can be dropped and called again.
    pub async fn next(&mut self, report: &Report) -> Version {
        let report = report.to_header();
        let mut retries = self.retries();
        let mut is_failing = false;
        loop {
            let began = Instant::now();
            let pause = match self.ask(&report).await {
                Ok(asked) => {
                    if std::mem::take(&mut is_failing) {
                        info!(server = %self.client.server(), "config-server answers again");
                        retries = self.retries();
                    }
                    match asked {
                        Asked::Settings(answer) if answer.mark != self.known => {
                            self.known = answer.mark;
                            let name = answer.environment.version.clone();
                            return Version { name, tree: Tree::from_environment(&answer.environment) };
                        }
                        Asked::NotModified { has_waited: true } if began.elapsed() > self.rhythm.early => {
                            continue;
                        }
                        Asked::NotModified { has_waited: true } => self.rhythm.early,
                        Asked::NotModified { has_waited: false } | Asked::Settings(_) => self.rhythm.interval,
                    }
                }
                Err(reason) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        let server = self.client.server();
                        warn!(%server, %reason, "config-server can't be asked for changes; the settings stay");
                    }
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
            request = request
                .header(IF_NONE_MATCH, tag.clone())
                .header("prefer", format!("wait={}", WAIT.as_secs()));
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
