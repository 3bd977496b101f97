//! Changes of the settings reach the running process.
//!
//! 1. The whole of the new settings is read and validated, as at the start.
//! 2. What the [live](settings::Live) sections in which a key has changed need, and what can fail, is built.
//! 3. All of them are swapped. Keys of other sections wait for the next start: `/readyz` shows them as `restart-pending`.
//!
//! If the first or the second step fails, nothing is swapped: the version is refused, and the process goes on with the one before.
//! The log and `/readyz` say so, and config-server is told. The log names keys, and never values.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use settings::report::Refused;
use settings::{Follower, Report, SettingsError, SnapshotUse, Tree, Values, Version};

use crate::Service;
use crate::readiness::{Readiness, SettingsState};
use crate::start::{self, Running, in_one_line};

const VERSIONS: &str = "settings_versions_total";
const IS_REFUSED: &str = "settings_refused";
const FROM_SNAPSHOT: &str = "settings_from_snapshot";
const RESTART_PENDING: &str = "settings_restart_pending_keys";

/// Applies new versions of the settings of a process.
pub(crate) struct Reloader<S> {
    /// For keys of live sections the latest applied values, for others those of the start.
    running: Running,
    report: Report,
    readiness: Arc<Readiness>,
    /// The start with a snapshot, if there was one.
    snapshot: Option<SnapshotUse>,
    service: PhantomData<fn() -> S>,
}

impl<S: Service> Reloader<S> {
    /// The process with this name runs with these settings.
    pub(crate) fn new(
        running: Running,
        instance: &str,
        readiness: Arc<Readiness>,
        snapshot: Option<SnapshotUse>,
    ) -> Self {
        let report =
            Report { instance: instance.to_owned(), applied: running.version.clone(), ..Report::default() };
        metrics::describe_counter!(VERSIONS, "New versions of the settings, by outcome.");
        metrics::describe_gauge!(IS_REFUSED, "Whether the latest version of the settings was refused.");
        metrics::describe_gauge!(RESTART_PENDING, "How many keys take effect when the process starts again.");
        metrics::describe_gauge!(
            FROM_SNAPSHOT,
            "Whether the process has started with a snapshot, and no server has confirmed it."
        );
        metrics::gauge!(FROM_SNAPSHOT).set(f64::from(u8::from(snapshot.is_some())));
        if let Some(snapshot) = snapshot.clone() {
            tokio::spawn(async move {
                snapshot.over().await;
                metrics::gauge!(FROM_SNAPSHOT).set(0);
            });
        }
        let reloader = Self { running, report, readiness, snapshot, service: PhantomData };
        reloader.show();
        reloader
    }

    /// Applies every new version, for as long as the process runs.
    pub(crate) async fn follow(mut self, mut follower: Follower) {
        // The process runs with them.
        follower.keep();
        loop {
            let version = follower.next(&self.report).await;
            if self.take(version).await {
                follower.keep();
            }
        }
    }

    /// Returns whether the version was applied.
    async fn take(&mut self, version: Version) -> bool {
        let Version { name, tree } = version;
        let applied = match tree {
            Ok(tree) => self.apply(tree).await,
            Err(error) => Err(error),
        };
        // Whoever has read the line of the log finds the same everywhere else.
        match applied {
            Ok(keys) => {
                self.report.refused = None;
                self.report.applied.clone_from(&name);
                self.show();
                metrics::counter!(VERSIONS, "outcome" => "applied").increment(1);
                let (version, pending) = (name.as_deref(), &self.report.restart_pending);
                tracing::info!(version, ?keys, restart_pending = ?pending, "the settings have changed");
                true
            }
            Err(error) => {
                self.report.refused =
                    Some(Refused { version: name.clone(), faults: error.faults().to_vec() });
                self.show();
                metrics::counter!(VERSIONS, "outcome" => "refused").increment(1);
                let (version, reason) = (name, in_one_line(&error));
                tracing::warn!(version, reason, "the new settings are refused; the old ones stay");
                false
            }
        }
    }

    /// Applies new settings, or nothing of them. Gives the keys that have taken effect.
    async fn apply(&mut self, tree: Tree) -> Result<BTreeSet<String>, SettingsError> {
        let Running { values, cells, .. } = &mut self.running;
        let tree = start::own_sections::<S>(tree);
        let new_values: Values = tree.values();
        let (settings, new_cells) = start::sections::<S>(tree);
        drop(settings?);
        let changed = values.changed_keys(&new_values);
        let (live, pending): (BTreeSet<_>, BTreeSet<_>) =
            changed.into_iter().partition(|key| cells.takes(&new_cells, key));
        cells.prepare(&new_cells, &live).await?.commit();
        values.take(&live, &new_values);
        self.report.restart_pending = pending.into_iter().collect();
        Ok(live)
    }

    fn show(&self) {
        let Report { applied, refused, restart_pending, .. } = &self.report;
        metrics::gauge!(IS_REFUSED).set(f64::from(u8::from(refused.is_some())));
        let pending = u32::try_from(restart_pending.len()).unwrap_or(u32::MAX);
        metrics::gauge!(RESTART_PENDING).set(f64::from(pending));
        self.readiness.runs_with(SettingsState {
            version: applied.clone(),
            restart_pending: restart_pending.clone(),
            refused: refused.clone(),
            snapshot: self.snapshot.clone(),
        });
    }
}
