//! The last good snapshot.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::fault::{BrokenFiles, RepositoryError};
use super::file::ScanError;
use super::location::Location;
use super::scan::scan;
use super::snapshot::Snapshot;
use super::state::{Changes, count_scan};

/// Directories with settings files, and the last good snapshot of them. Cheap to clone.
///
/// Requests read the snapshot only. [`Repository::refresh`] makes a new one. A snapshot with a broken file is not published
/// while there is a good one. At the start there is none: then it is published, and only requests for the broken file fail.
#[derive(Clone, Debug)]
pub struct Repository {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    locations: Vec<Location>,
    excluded: Vec<PathBuf>,
    state: ArcSwap<State>,
    /// Is told when other files are served.
    changed: watch::Sender<()>,
    /// The files of the last scan. Only one scan runs at a time.
    scanned: Mutex<Arc<Snapshot>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    published: Option<Arc<Snapshot>>,
    is_good: bool,
    /// Why the last scan was not published, or not good.
    fault: Option<Arc<RepositoryError>>,
}

/// What came of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Published,
    Unchanged,
    Refused,
}

impl Repository {
    /// Takes directories. A later one wins over an earlier one. No file is read before [`Repository::refresh`].
    pub fn new(directories: Vec<PathBuf>) -> Self {
        Self::excluding(directories, &[])
    }

    /// Takes directories, and files that are never served, because they have keys or passwords.
    pub fn excluding(directories: Vec<PathBuf>, secret_files: &[PathBuf]) -> Self {
        let locations = directories.iter().map(|path| Location::new(path)).collect();
        let excluded = secret_files.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let (changed, _) = watch::channel(());
        let inner =
            Inner { locations, excluded, state: ArcSwap::default(), changed, scanned: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Reads all files, and publishes them if they are good. Blocks.
    pub fn refresh(&self) -> Result<(), Arc<RepositoryError>> {
        self.accept(self.read());
        self.check_latest()
    }

    /// Whether good files are served, the latest ones or older ones.
    pub fn check(&self) -> Result<(), Arc<RepositoryError>> {
        if self.inner.state.load().is_good { Ok(()) } else { self.check_latest() }
    }

    /// Whether the latest files are served.
    pub fn check_latest(&self) -> Result<(), Arc<RepositoryError>> {
        let state = self.inner.state.load();
        match &state.fault {
            Some(fault) => Err(Arc::clone(fault)),
            None if state.published.is_none() => Err(Arc::new(RepositoryError::NotRead)),
            None => Ok(()),
        }
    }

    /// Tells when other files are served.
    pub(crate) fn changes(&self) -> Changes {
        Changes::of(&self.inner.changed)
    }

    /// The files that are served.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, Arc<RepositoryError>> {
        let state = self.inner.state.load();
        match (&state.published, &state.fault) {
            (Some(snapshot), _) => Ok(Arc::clone(snapshot)),
            (None, Some(fault)) => Err(Arc::clone(fault)),
            (None, None) => Err(Arc::new(RepositoryError::NotRead)),
        }
    }

    pub(crate) fn locations(&self) -> &[Location] {
        &self.inner.locations
    }

    /// Reads all files, and publishes nothing. Blocks.
    pub(crate) fn read(&self) -> Result<Arc<Snapshot>, ScanError> {
        let mut scanned = self.inner.scanned.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = Arc::new(scan(&self.inner.locations, &self.inner.excluded, &scanned)?);
        *scanned = Arc::clone(&snapshot);
        Ok(snapshot)
    }

    /// Whether a snapshot is the one that is served.
    pub(super) fn is_served(&self, snapshot: &Snapshot) -> bool {
        self.inner.state.load().published.as_ref().is_some_and(|published| published.is_same(snapshot))
    }

    /// Publishes the result of a scan if it is good, or if there was no good one before.
    pub(super) fn accept(&self, scanned: Result<Arc<Snapshot>, ScanError>) -> Outcome {
        let before = self.inner.state.load_full();
        let (snapshot, fault) = match scanned {
            Ok(snapshot) => {
                let broken = BrokenFiles::of(&snapshot);
                let fault = (!broken.0.is_empty()).then_some(RepositoryError::Broken(broken));
                (Some(snapshot), fault)
            }
            Err(error) => (None, Some(RepositoryError::Scan(error))),
        };
        let is_good = fault.is_none();
        let fault = fault.map(Arc::new);
        let (state, outcome) = match snapshot {
            Some(snapshot) if is_good || !before.is_good => {
                let is_same = before.published.as_ref().is_some_and(|published| published.is_same(&snapshot));
                let outcome = match (is_good, is_same) {
                    (false, _) => Outcome::Refused,
                    (true, true) => Outcome::Unchanged,
                    (true, false) => Outcome::Published,
                };
                (State { published: Some(snapshot), is_good, fault }, outcome)
            }
            _ => (State { fault, ..(*before).clone() }, Outcome::Refused),
        };
        log(&before, &state, outcome);
        self.inner.state.store(Arc::new(state));
        if outcome == Outcome::Published || !before.is_good {
            self.inner.changed.send_replace(());
        }
        outcome
    }
}

/// Says once what is wrong, and once that it is right again.
fn log(before: &State, after: &State, outcome: Outcome) {
    let shown = |state: &State| state.fault.as_deref().map(|fault| telemetry::chain(fault));
    match (shown(before), shown(after)) {
        (was, Some(reason)) if was.as_deref() != Some(&reason) => {
            let serves = if after.is_good { "the last good files" } else { "only what is not broken" };
            tracing::error!(reason, serves, "the settings files can't be used");
        }
        (Some(_), None) => tracing::info!("the settings files can be used again"),
        _ if outcome == Outcome::Published => tracing::info!("new settings files are served"),
        _ => {}
    }
    let outcome = match outcome {
        Outcome::Published => "published",
        Outcome::Unchanged => "unchanged",
        Outcome::Refused => "refused",
    };
    count_scan(outcome, after.fault.is_none());
}
