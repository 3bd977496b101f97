//! Writes the latest good settings into the file, for as long as the process runs.
//!
//! One process at a time writes a file. The others wait for it to end, and write theirs then if it is newer. So instances that
//! share a file by mistake can't take turns in replacing it, and an instance that is rolled out takes over from the one before.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use tokio::sync::watch;
use tracing::{info, warn};

use super::content::Snapshot;
use super::error::SnapshotError;
use super::file::{Lock, SnapshotFile};

/// The pause after a try that has failed: the disk is full, or another process keeps the file.
const RETRY: Duration = Duration::from_secs(5);

/// Takes snapshots that are to be written. The writing ends with this value.
#[derive(Debug)]
pub(crate) struct Keeper(watch::Sender<Option<Arc<Snapshot>>>);

impl Keeper {
    pub(crate) fn start(file: Arc<SnapshotFile>) -> Self {
        let (sender, latest) = watch::channel(None);
        tokio::spawn(keep(file, latest));
        Self(sender)
    }

    /// Writes this as soon as possible. One that was not written yet is not written any more.
    pub(crate) fn keep(&self, snapshot: Snapshot) {
        self.0.send_replace(Some(Arc::new(snapshot)));
    }
}

async fn keep(file: Arc<SnapshotFile>, mut latest: watch::Receiver<Option<Arc<Snapshot>>>) {
    let mut lock: Option<Arc<Lock>> = None;
    let mut said = None;
    while latest.changed().await.is_ok() {
        loop {
            let Some(snapshot) = latest.borrow_and_update().clone() else { break };
            match write(Arc::clone(&file), &mut lock, snapshot).await {
                Ok(is_new) => {
                    said = None;
                    if is_new {
                        info!(file = %file.path().display(), "the settings are kept in the snapshot");
                    }
                    break;
                }
                Err(error) => {
                    let reason = telemetry::chain(&error);
                    if said.as_ref() != Some(&reason) {
                        warn!(%reason, "the settings can't be kept in the snapshot yet");
                        said = Some(reason);
                    }
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        changed = latest.changed() => if changed.is_err() { return },
                    }
                }
            }
        }
    }
}

async fn write(
    file: Arc<SnapshotFile>,
    lock: &mut Option<Arc<Lock>>,
    snapshot: Arc<Snapshot>,
) -> Result<bool, SnapshotError> {
    let held = lock.clone();
    let path = file.path().to_owned();
    let work = tokio::task::spawn_blocking(move || {
        let lock = match held {
            Some(lock) => lock,
            None => Arc::new(file.lock()?),
        };
        let written = file.write(&lock, &snapshot, Clock::system().now());
        Ok::<_, SnapshotError>((lock, written))
    });
    let (taken, written) = work.await.map_err(|error| SnapshotError::File {
        doing: "can't write",
        path,
        source: error.into(),
    })??;
    *lock = Some(taken);
    written
}
