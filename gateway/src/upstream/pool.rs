//! The connections that are kept between requests.
//!
//! Each thread has connections of its own: a request never waits for another thread. A kept connection belongs to nobody, so
//! nothing notices that an instance has closed it until somebody takes it; then it is thrown away, and the next one is taken.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use thread_local::ThreadLocal;
use tokio::time::Instant;

use super::lane::Lane;
use crate::settings::UpstreamSettings;

/// The pools of all threads. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pools(Arc<Inner>);

struct Inner {
    of_threads: ThreadLocal<Arc<Pool>>,
    idle_timeout: Duration,
    most: usize,
}

/// The pool of one thread. Its lock is always free, but for a moment in which a task looks for connections that are too old.
pub(super) struct Pool {
    kept: Mutex<Kept>,
    idle_timeout: Duration,
    /// How many are kept for each address.
    most: usize,
}

#[derive(Default)]
struct Kept {
    /// There are a few instances at most, so a list is searched faster than a map.
    by_address: Vec<(SocketAddr, VecDeque<(Instant, Lane)>)>,
    /// Whether a task looks for connections that are too old.
    is_swept: bool,
}

impl Pools {
    pub(super) fn new(settings: &UpstreamSettings) -> Self {
        Self(Arc::new(Inner {
            of_threads: ThreadLocal::new(),
            idle_timeout: settings.idle_timeout(),
            most: settings.idle_connections,
        }))
    }

    /// Pools with these settings: the same, or new ones. The connections of old ones are closed when nobody has them any more.
    pub(super) fn with(&self, settings: &UpstreamSettings) -> Self {
        let Inner { idle_timeout, most, .. } = &*self.0;
        let is_same = (*idle_timeout, *most) == (settings.idle_timeout(), settings.idle_connections);
        if is_same { self.clone() } else { Self::new(settings) }
    }

    /// The pool of this thread.
    pub(super) fn of_this_thread(&self) -> &Arc<Pool> {
        let Inner { of_threads, idle_timeout, most } = &*self.0;
        of_threads
            .get_or(|| Arc::new(Pool { kept: Mutex::default(), idle_timeout: *idle_timeout, most: *most }))
    }
}

impl Pool {
    /// Takes the connection to an instance that was used last.
    pub(super) fn take(&self, address: SocketAddr) -> Option<Lane> {
        let mut kept = self.kept();
        let (_, lanes) = kept.by_address.iter_mut().find(|(of, _)| *of == address)?;
        let (since, lane) = lanes.pop_back()?;
        if since.elapsed() < self.idle_timeout {
            return Some(lane);
        }
        // It is the youngest one.
        lanes.clear();
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(self: &Arc<Self>, address: SocketAddr, lane: Lane) {
        let mut kept = self.kept();
        let place = kept.by_address.iter().position(|(of, _)| *of == address).unwrap_or_else(|| {
            kept.by_address.push((address, VecDeque::new()));
            kept.by_address.len() - 1
        });
        let lanes = &mut kept.by_address[place].1;
        if lanes.len() == self.most {
            lanes.pop_front();
        }
        lanes.push_back((Instant::now(), lane));
        if !std::mem::replace(&mut kept.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self), self.idle_timeout));
        }
    }

    /// Closes what is too old. Returns whether anything is left.
    fn close_old(&self) -> bool {
        let mut kept = self.kept();
        for (_, lanes) in &mut kept.by_address {
            while lanes.front().is_some_and(|(since, _)| since.elapsed() >= self.idle_timeout) {
                lanes.pop_front();
            }
        }
        kept.by_address.retain(|(_, lanes)| !lanes.is_empty());
        kept.is_swept = !kept.by_address.is_empty();
        kept.is_swept
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes old connections until none is left.
async fn sweep(pool: Weak<Pool>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        if !pool.upgrade().is_some_and(|pool| pool.close_old()) {
            return;
        }
    }
}
