//! Values that change while the process runs.
//!
//! A field of the type [`Live`] is a cell. The process reads it again whenever it needs the value. All copies of a cell are the
//! same cell. When the settings have changed, a whole new set of them is read and validated. Then each cell of the running
//! process gets the value of the cell with the same key: see [`LiveCells::prepare`].
//!
//! What is made from a value, and can fail, is made by a [preparation](Live::prepare_with) before anything is swapped.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use garde::Validate;
use serde::{Deserialize, Deserializer};
use tokio::sync::watch;

use crate::error::{Fault, SettingsError};
use crate::flat::Path;

/// How long one preparation may take.
const PREPARATION_TIMEOUT: Duration = Duration::from_secs(10);

/// A value that can be replaced while the process runs. Cheap to clone; clones share the value.
///
/// In a section of settings it needs `#[garde(dive)]`: that is how its key is found.
pub struct Live<T>(Arc<Cell<T>>);

struct Cell<T> {
    current: watch::Sender<Arc<T>>,
    preparations: Mutex<Vec<Arc<Preparation<T>>>>,
}

/// The future of a preparation.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Preparation<T> = dyn Fn(Arc<T>, Upcoming) -> Boxed<Result<Commit, Unusable>> + Send + Sync;

/// What takes effect together with the new values. It can't fail, and must not wait.
pub type Commit = Box<dyn FnOnce() + Send>;

/// Why new values can't be used. Everything that can be shown is a reason, which concerns the whole section.
#[derive(Clone, Debug)]
pub struct Unusable {
    key: Option<String>,
    problem: String,
}

impl Unusable {
    /// The value of this key is the reason. It may stand in another section than the one that is prepared.
    pub fn at(key: impl Into<String>, problem: &dyn fmt::Display) -> Self {
        Self { key: Some(key.into()), problem: problem.to_string() }
    }
}

impl<E: fmt::Display> From<E> for Unusable {
    fn from(problem: E) -> Self {
        Self { key: None, problem: problem.to_string() }
    }
}

/// It is locked while values are swapped.
static SWAP: RwLock<()> = RwLock::new(());

/// Adds what is made of several cells: as [`Live::prepare_with`], and once for each change, whichever of them change.
pub fn prepare_together<F, R, E>(cells: &[&dyn LiveCell], prepare: F)
where
    F: Fn(Upcoming) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Commit, E>> + Send + 'static,
    E: Into<Unusable> + Send + 'static,
{
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let shared: Arc<SharedPreparation> = Arc::new(move |upcoming: Upcoming| {
        if !upcoming.begins(number) {
            return Box::pin(std::future::ready(Ok(Box::new(|| ()) as Commit)));
        }
        let made = prepare(upcoming);
        Box::pin(async move { made.await.map_err(Into::into) })
    });
    for cell in cells {
        cell.prepare_shared(Arc::clone(&shared));
    }
}

/// A preparation of several cells.
pub type SharedPreparation = dyn Fn(Upcoming) -> Boxed<Result<Commit, Unusable>> + Send + Sync;

/// A [`Live`] of any type, for [`prepare_together`].
pub trait LiveCell {
    /// Adds a preparation that other cells have, too.
    fn prepare_shared(&self, preparation: Arc<SharedPreparation>);
}

impl<T: Send + Sync + 'static> LiveCell for Live<T> {
    fn prepare_shared(&self, preparation: Arc<SharedPreparation>) {
        self.prepare_with(move |_, upcoming| preparation(upcoming));
    }
}

/// Reads several cells that belong together: all of them before a change, or all of them after it.
pub fn together<R>(read: impl FnOnce() -> R) -> R {
    let _no_swap = SWAP.read().unwrap_or_else(PoisonError::into_inner);
    read()
}

impl<T> Live<T> {
    /// A cell with this value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Cell { current: watch::Sender::new(Arc::new(value)), preparations: Mutex::default() }))
    }

    /// The value at this moment.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.current.borrow())
    }

    /// Sees each new value, from now on.
    pub fn subscribe(&self) -> watch::Receiver<Arc<T>> {
        self.0.current.subscribe()
    }

    /// Adds what is made from each new value before it takes effect. If it fails, the new settings are refused as a whole, and
    /// the error says why; it must not contain a secret. If all succeed, every [`Commit`] is run. [`Upcoming`] has the new
    /// values of other cells. For what is made of several cells there is [`prepare_together`].
    pub fn prepare_with<F, R, E>(&self, prepare: F)
    where
        F: Fn(Arc<T>, Upcoming) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Commit, E>> + Send + 'static,
        E: Into<Unusable> + Send + 'static,
    {
        let preparation: Arc<Preparation<T>> = Arc::new(move |value, upcoming| {
            let made = prepare(value, upcoming);
            Box::pin(async move { made.await.map_err(Into::into) })
        });
        self.0.preparations.lock().unwrap_or_else(PoisonError::into_inner).push(preparation);
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(formatter)
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Live<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Live<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

impl<T> Validate for Live<T>
where
    T: Validate<Context = ()> + Send + Sync + 'static,
{
    type Context = ();

    fn validate_into(
        &self,
        context: &(),
        parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        FOUND.with_borrow_mut(|found| {
            if let Some(found) = found {
                let key = key_of(&found.base, &parent());
                found.cells.0.insert(key, Arc::clone(&self.0) as Arc<dyn AnyCell>);
            }
        });
        self.get().validate_into(context, parent, report);
    }
}

thread_local! {
    /// The cells of the settings that this thread reads at present.
    static FOUND: RefCell<Option<Found>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Found {
    /// The path of the section that is validated.
    base: Path,
    cells: LiveCells,
}

/// Runs the validation of the section at `base`, so that its cells get their keys.
pub(crate) fn locating<R>(base: &Path, validate: impl FnOnce() -> R) -> R {
    FOUND.with_borrow_mut(|found| {
        if let Some(found) = found {
            found.base = base.clone();
        }
    });
    validate()
}

/// Reads settings by `read`, and gives the cells in them besides.
pub fn collect<R>(read: impl FnOnce() -> R) -> (R, LiveCells) {
    let outer = FOUND.replace(Some(Found::default()));
    let value = read();
    let found = FOUND.replace(outer).unwrap_or_default();
    (value, found.cells)
}

/// The names of fields are those of keys, with another hyphen.
fn key_of(base: &Path, path: &garde::Path) -> String {
    let path = path.to_string().replace('_', "-");
    if base.0.is_empty() {
        path
    } else if path.is_empty() || path.starts_with('[') {
        format!("{base}{path}")
    } else {
        format!("{base}.{path}")
    }
}

/// The cells of a set of settings, by their keys.
#[derive(Clone, Default)]
pub struct LiveCells(BTreeMap<String, Arc<dyn AnyCell>>);

impl fmt::Debug for LiveCells {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// New values that are ready to take effect.
#[must_use = "the new values take effect by `commit`"]
pub struct Prepared {
    commits: Vec<Commit>,
}

/// The values that the cells of the process are about to get.
#[derive(Clone, Debug)]
pub struct Upcoming {
    running: LiveCells,
    new: LiveCells,
    /// The preparations of several cells that have begun, by their numbers.
    begun: Arc<Mutex<HashSet<u64>>>,
}

impl Upcoming {
    /// Notes that a preparation of several cells begins. Returns false if it has begun before.
    fn begins(&self, number: u64) -> bool {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(number)
    }

    /// The value that this cell is about to get, or its present one.
    pub fn of<T: Send + Sync + 'static>(&self, cell: &Live<T>) -> Arc<T> {
        let is_it = |other: &Arc<dyn AnyCell>| std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(&cell.0));
        let key = self.running.0.iter().find(|(_, other)| is_it(other)).map(|(key, _)| key);
        let new = key.and_then(|key| self.new.0.get(key)).map(|new| Arc::clone(new).into_any());
        match new.and_then(|new| new.downcast::<Cell<T>>().ok()) {
            Some(new) => Arc::clone(&new.current.borrow()),
            None => cell.get(),
        }
    }
}

impl Prepared {
    /// Replaces the values. It can't fail.
    pub fn commit(self) {
        let _swap = SWAP.write().unwrap_or_else(PoisonError::into_inner);
        for commit in self.commits {
            commit();
        }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Prepared").field("commits", &self.commits.len()).finish()
    }
}

impl LiveCells {
    /// Whether a change of this key takes effect in a process with these cells, if the new settings have `new`.
    pub fn takes(&self, new: &Self, key: &str) -> bool {
        self.0.keys().any(|cell| is_in(cell, key) && new.0.contains_key(cell))
    }

    /// Makes everything that the new values need, for the cells in which one of the keys has changed. Nothing is swapped yet.
    pub async fn prepare<'keys>(
        &self,
        new: &Self,
        changed: impl IntoIterator<Item = &'keys String> + Clone,
    ) -> Result<Prepared, SettingsError> {
        let upcoming = Upcoming { running: self.clone(), new: new.clone(), begun: Arc::default() };
        let mut prepared = Prepared { commits: Vec::new() };
        let mut faults = Vec::new();
        for (key, cell) in &self.0 {
            let Some(new) = new.0.get(key) else { continue };
            if !changed.clone().into_iter().any(|changed| is_in(key, changed)) {
                continue;
            }
            let preparing = Arc::clone(cell).prepare(Arc::clone(new).into_any(), upcoming.clone());
            let timeout = tokio::time::timeout(PREPARATION_TIMEOUT, preparing);
            match timeout.await.unwrap_or_else(|_| Err("can't be tried in time".into())) {
                Ok(commits) => prepared.commits.extend(commits),
                Err(Unusable { key: of_value, problem }) => {
                    let key = of_value.unwrap_or_else(|| key.clone());
                    faults.push(Fault { key, problem, origin: None });
                }
            }
        }
        if faults.is_empty() { Ok(prepared) } else { Err(SettingsError::new(faults)) }
    }
}

/// Whether `key` is `section` or in it.
fn is_in(section: &str, key: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

trait AnyCell: Send + Sync {
    fn prepare(
        self: Arc<Self>,
        new: Arc<dyn Any + Send + Sync>,
        upcoming: Upcoming,
    ) -> Boxed<Result<Vec<Commit>, Unusable>>;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<T: Send + Sync + 'static> AnyCell for Cell<T> {
    fn prepare(
        self: Arc<Self>,
        new: Arc<dyn Any + Send + Sync>,
        upcoming: Upcoming,
    ) -> Boxed<Result<Vec<Commit>, Unusable>> {
        let preparations = self.preparations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            // The types of one service have one type for a key.
            let new = new.downcast::<Self>().map_err(|_| "is of another type".to_owned())?;
            let value = Arc::clone(&new.current.borrow());
            let mut commits = Vec::new();
            for prepare in preparations {
                commits.push(prepare(Arc::clone(&value), upcoming.clone()).await?);
            }
            commits.push(Box::new(move || {
                self.current.send_replace(value);
            }));
            Ok(commits)
        })
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
