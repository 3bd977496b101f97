//! Scans the directories again when a file changes.

use std::path::Path;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::file::ScanError;
use super::snapshot::Snapshot;
use super::store::{Outcome, Repository};

/// How long the files have to stay as they are before they are published. A writer that replaces several files, or writes
/// in place, needs some time.
const QUIET: Duration = Duration::from_millis(100);

/// How often the directories are scanned when no change is notified. Network file systems notify of none.
const RESCAN: Duration = Duration::from_secs(2);

/// How long a writer that changes files all the time can delay a scan.
const QUIET_TRIES_MAX: u32 = 50;

/// Keeps the snapshot of a repository up to date, until it is stopped.
pub async fn watch(repository: Repository, stop: CancellationToken) {
    let (changed, mut changes) = mpsc::channel::<()>(1);
    let notifier = notifier(&repository, changed);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            change = changes.recv(), if notifier.is_some() => {
                if change.is_some() {
                    tokio::time::sleep(QUIET).await;
                    // What came meanwhile belongs to the same change.
                    while changes.try_recv().is_ok() {}
                }
            }
            () = tokio::time::sleep(RESCAN) => {}
        }
        rescan(&repository).await;
    }
}

/// Scans until two scans agree, and publishes then.
async fn rescan(repository: &Repository) -> Outcome {
    let mut scanned = scan(repository).await;
    for _ in 0..QUIET_TRIES_MAX {
        match &scanned {
            Ok(snapshot) if repository.is_served(snapshot) => break,
            _ => {}
        }
        tokio::time::sleep(QUIET).await;
        let again = scan(repository).await;
        let is_quiet = match (&scanned, &again) {
            (Ok(before), Ok(after)) => before.is_same(after),
            (Err(before), Err(after)) => before.to_string() == after.to_string(),
            _ => false,
        };
        scanned = again;
        if is_quiet {
            break;
        }
    }
    repository.accept(scanned)
}

async fn scan(repository: &Repository) -> Result<std::sync::Arc<Snapshot>, ScanError> {
    let reader = repository.clone();
    match tokio::task::spawn_blocking(move || reader.read()).await {
        Ok(scanned) => scanned,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The process ends.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Notifies of changes. `None` if the system can't: then the directories are only scanned from time to time.
fn notifier(repository: &Repository, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let notify = move |event: notify::Result<notify::Event>| {
        // Reading a file is an event, too. The scan reads all of them.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            // A full channel says already that something has changed.
            let _ = changed.try_send(());
        }
    };
    let watcher = notify::recommended_watcher(notify).and_then(|mut watcher| {
        for location in repository.locations() {
            watcher.watch(Path::new(location.root()), RecursiveMode::Recursive)?;
        }
        Ok(watcher)
    });
    watcher
        .inspect_err(
            |error| tracing::warn!(%error, "no notice of changed files: they are seen at the next scan"),
        )
        .ok()
}
