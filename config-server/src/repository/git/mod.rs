//! A git repository with settings files. Labels are branches, tags and commits. Its files are read from its objects, and no
//! working directory is made.
//!
//! | file | owns |
//! |---|---|
//! | `settings` | where the repository is, and how often it is fetched |
//! | `mirror` | the repository on the disk: fetching, labels, files of a commit |
//! | `heads` | the files of all labels at one moment |

mod heads;
mod mirror;
mod settings;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::fault::{BrokenFiles, RepositoryError};
use super::location::Location;
use super::state::{Changes, count_scan};
use heads::{Head, Heads};
pub use mirror::GitError;
use mirror::Mirror;
pub use settings::GitSettings;

/// How many commits that no branch or tag names are kept.
const COMMITS_KEPT: usize = 16;

/// How long a fetch can take.
const FETCH_MAX: Duration = Duration::from_secs(60);

/// The labels that are tried for a request without one.
const DEFAULT_LABELS: [&str; 2] = ["main", "master"];

/// A git repository, and the last good files of each of its labels. Cheap to clone.
///
/// Requests read memory only, except the first one for a commit that no branch or tag names.
#[derive(Clone, Debug)]
pub struct GitRepository {
    inner: Arc<Inner>,
}

struct Inner {
    settings: GitSettings,
    locations: Vec<Location>,
    state: ArcSwap<State>,
    changed: watch::Sender<()>,
    /// Somebody wants a fetch at once.
    wanted: Notify,
    /// Only one fetch runs at a time.
    mirror: Mutex<Option<Mirror>>,
    /// The commits that were asked for last, the latest first.
    commits: Mutex<Vec<Arc<Head>>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GitRepository").field("uri", &self.settings.uri).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    heads: Option<Arc<Heads>>,
    /// Why the latest files are not served.
    fault: Option<Arc<RepositoryError>>,
}

impl GitRepository {
    /// Takes the address of a repository. Nothing is read before [`GitRepository::refresh`].
    pub fn new(settings: GitSettings) -> Self {
        let inner = Inner {
            locations: Location::of_repository(&settings.uri, &settings.search_paths),
            settings,
            state: ArcSwap::default(),
            changed: watch::channel(()).0,
            wanted: Notify::new(),
            mirror: Mutex::default(),
            commits: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Fetches, and publishes what is good. Blocks.
    pub fn refresh(&self, stop: &AtomicBool) -> Result<(), Arc<RepositoryError>> {
        let read = self.read(stop);
        self.accept(read);
        self.check_latest()
    }

    /// Whether good files of the default label are served, be they the latest or not.
    pub fn check(&self) -> Result<(), Arc<RepositoryError>> {
        let state = self.inner.state.load();
        let default = state.heads.as_ref().and_then(|heads| self.default_head(heads));
        if default.is_some_and(|head| head.broken().is_empty()) { Ok(()) } else { self.check_latest() }
    }

    /// Whether the latest files are served.
    pub fn check_latest(&self) -> Result<(), Arc<RepositoryError>> {
        let state = self.inner.state.load();
        match &state.fault {
            Some(fault) => Err(Arc::clone(fault)),
            None if state.heads.is_none() => Err(Arc::new(RepositoryError::NotRead)),
            None => Ok(()),
        }
    }

    /// The files under a label. Of several labels, separated by commas, the first one that is there. `None` if none is.
    pub(super) fn head(&self, label: Option<&str>) -> Result<Option<Arc<Head>>, Arc<RepositoryError>> {
        let state = self.inner.state.load();
        let heads = match (&state.heads, &state.fault) {
            (Some(heads), _) => heads,
            (None, Some(fault)) => return Err(Arc::clone(fault)),
            (None, None) => return Err(Arc::new(RepositoryError::NotRead)),
        };
        let Some(label) = label else { return Ok(self.default_head(heads)) };
        for label in label.split(',') {
            if let Some(head) = heads.by_label.get(label) {
                return Ok(Some(Arc::clone(head)));
            }
            if let Some(commit) = heads.commit(label) {
                return self.commit(commit).map(Some).map_err(|error| Arc::new(unreadable(&error)));
            }
        }
        Ok(None)
    }

    pub(super) fn locations(&self) -> &[Location] {
        &self.inner.locations
    }

    pub(super) fn changes(&self) -> Changes {
        Changes::of(&self.inner.changed)
    }

    /// Fetches as soon as possible.
    pub(super) fn want(&self) {
        self.inner.wanted.notify_one();
    }

    fn default_head(&self, heads: &Heads) -> Option<Arc<Head>> {
        match &self.inner.settings.default_label {
            Some(label) => heads.by_label.get(label).cloned(),
            None => DEFAULT_LABELS.iter().find_map(|label| heads.by_label.get(*label).cloned()),
        }
    }

    fn commit(&self, id: gix::ObjectId) -> Result<Arc<Head>, GitError> {
        let name = id.to_hex().to_string();
        let mut kept = self.inner.commits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = kept.iter().position(|head| head.commit == name) {
            let head = kept.remove(index);
            kept.insert(0, Arc::clone(&head));
            return Ok(head);
        }
        let mirror = Mirror::open(&self.inner.settings, self.inner.locations[0].root().to_owned())?;
        let head = Arc::new(mirror.head(id)?);
        kept.insert(0, Arc::clone(&head));
        kept.truncate(COMMITS_KEPT);
        Ok(head)
    }

    /// What was read, and why it is not the latest.
    fn read(&self, stop: &AtomicBool) -> (Option<Heads>, Option<GitError>) {
        let mut mirror = self.inner.mirror.lock().unwrap_or_else(PoisonError::into_inner);
        if mirror.is_none() {
            match Mirror::open(&self.inner.settings, self.inner.locations[0].root().to_owned()) {
                Ok(opened) => *mirror = Some(opened),
                Err(error) => return (None, Some(error)),
            }
        }
        let Some(mirror) = mirror.as_mut() else { return (None, None) };
        let fetched = mirror.fetch(stop);
        match (mirror.heads(), fetched) {
            (Ok(heads), Ok(())) => (Some(heads), None),
            // The copy of an earlier fetch. An empty one is a copy of nothing.
            (Ok(heads), Err(error)) => (Some(heads).filter(|heads| !heads.by_label.is_empty()), Some(error)),
            (Err(error), _) => (None, Some(error)),
        }
    }

    fn accept(&self, (heads, error): (Option<Heads>, Option<GitError>)) {
        let before = self.inner.state.load_full();
        let served = before.heads.clone().unwrap_or_default();
        let mut fault = error.as_ref().map(unreadable);
        let heads = match heads {
            Some(mut heads) => {
                let broken = heads.keep_good_of(&served);
                if !broken.is_empty() {
                    fault = Some(RepositoryError::Broken(BrokenFiles(broken)));
                }
                Some(Arc::new(heads))
            }
            None => before.heads.clone(),
        };
        let is_changed = heads.as_ref().is_some_and(|heads| !heads.is_same(&served));
        let state = State { heads, fault: fault.map(Arc::new) };
        log(before.fault.as_deref(), state.fault.as_deref(), is_changed);
        self.inner.state.store(Arc::new(state));
        if is_changed {
            self.inner.changed.send_replace(());
        }
    }
}

fn unreadable(error: &GitError) -> RepositoryError {
    RepositoryError::Git(telemetry::chain(error))
}

/// Says once what is wrong, and once that it is right again.
fn log(before: Option<&RepositoryError>, after: Option<&RepositoryError>, is_changed: bool) {
    let shown = |fault: Option<&RepositoryError>| fault.map(|fault| telemetry::chain(fault));
    match (shown(before), shown(after)) {
        (was, Some(reason)) if was.as_deref() != Some(&reason) => {
            tracing::error!(reason, "the latest state of the git repository is not served");
        }
        (Some(_), None) => tracing::info!("the latest state of the git repository is served again"),
        _ if is_changed => tracing::info!("a new state of the git repository is served"),
        _ => {}
    }
    let outcome = match (after, is_changed) {
        (Some(_), _) => "refused",
        (None, true) => "published",
        (None, false) => "unchanged",
    };
    count_scan(outcome, after.is_none());
}

/// Fetches at once, from time to time, and when somebody asks for it, until it is stopped.
pub async fn watch_git(repository: GitRepository, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let interrupt = Arc::new(AtomicBool::new(false));
        let (reader, interrupted) = (repository.clone(), Arc::clone(&interrupt));
        let mut fetch = tokio::task::spawn_blocking(move || {
            // What went wrong is in the state, and in the log.
            let _ = reader.refresh(&interrupted);
        });
        tokio::select! {
            _ = &mut fetch => {}
            () = stop.cancelled() => interrupt.store(true, Ordering::Relaxed),
            () = tokio::time::sleep(FETCH_MAX) => {
                tracing::error!("a fetch of the git repository takes too long and is broken off");
                interrupt.store(true, Ordering::Relaxed);
                // A connection that stands still ends by its own limit.
                let _ = fetch.await;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = repository.inner.wanted.notified() => {}
            () = tokio::time::sleep(repository.inner.settings.fetch_interval()) => {}
        }
    }
}
