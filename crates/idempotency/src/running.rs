//! The keys of requests that run in this process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::keyed::KeyOf;

/// The set of keys. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<HashSet<KeyOf>>>);

/// A request that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Run {
    running: Running,
    of: KeyOf,
}

impl Running {
    /// Adds a request. `None` if one with this key runs already.
    pub(crate) fn begin(&self, of: &KeyOf) -> Option<Run> {
        self.lock().insert(of.clone()).then(|| Run { running: self.clone(), of: of.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<KeyOf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.running.lock().remove(&self.of);
    }
}
