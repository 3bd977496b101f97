//! Connections that are known to be clean, kept at hand.
//!
//! sqlx's pool trusts no connection that comes back: ours is rolled back there and then pinged, two round trips for each
//! time one was lent. So a connection whose borrower says that all it asked for has been answered
//! ([`Lent::give_back`]) is put on a shelf before that pool, and lent from there without a word to the server. Every
//! other one goes back the long way, also where its borrower was cancelled or forgot to say so.
//!
//! Transactions are lent connections whose `autocommit` is off: their first statement begins a transaction by itself, which
//! saves the BEGIN and its round trip. They stay so on the shelf, and are lent to transactions first.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Executor, MySql, MySqlConnection, MySqlPool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a connection is trusted before it goes back the long way, which tests it, ends it where it has grown old,
/// and gives it up where nobody needs it.
const TRUSTED_FOR: Duration = Duration::from_secs(20);

/// The clean connections, and how many may be lent. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    connections: Arc<Mutex<Connections>>,
    /// One for each connection that the pool may open.
    permits: Arc<Semaphore>,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Connections {
    clean: Vec<Tested>,
    is_closed: bool,
}

/// What a connection takes for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Autocommit {
    /// Each statement, unless one is begun. So are all connections of the pool.
    On,
    /// All statements until a COMMIT or ROLLBACK.
    Off,
}

#[derive(Debug)]
struct Tested {
    connection: PoolConnection<MySql>,
    autocommit: Autocommit,
    at: Instant,
}

/// A connection of the pool, which gets it back when this is dropped.
#[derive(Debug)]
pub struct Lent {
    tested: Option<Tested>,
    shelf: Shelf,
    // Dropped after the connection.
    _permit: OwnedSemaphorePermit,
}

impl Shelf {
    pub(crate) fn new(max_connections: u32, patience: Duration) -> Self {
        let permits = usize::try_from(max_connections).unwrap_or(Semaphore::MAX_PERMITS);
        Self { connections: Arc::default(), permits: Arc::new(Semaphore::new(permits)), patience }
    }

    /// Lends a clean connection, or one of the pool's.
    pub(crate) async fn lend(&self, pool: &MySqlPool, autocommit: Autocommit) -> sqlx::Result<Lent> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(self.patience, permit).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let mut tested = match self.take(autocommit) {
            Some(tested) => tested,
            None => {
                Tested { connection: pool.acquire().await?, autocommit: Autocommit::On, at: Instant::now() }
            }
        };
        tested.set(autocommit).await?;
        Ok(Lent { tested: Some(tested), shelf: self.clone(), _permit: permit })
    }

    /// How many nobody uses.
    pub(crate) fn len(&self) -> usize {
        self.lock().clean.len()
    }

    /// Has every connection tested before it is lent again: one of them was found dead.
    pub(crate) fn distrust(&self) {
        let suspects = std::mem::take(&mut self.lock().clean);
        drop(suspects);
    }

    /// Lends nothing any more, and keeps nothing.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.lock().is_closed = true;
        self.distrust();
    }

    /// The one that was used last, so that those which are not needed grow old; of those that need not be set first,
    /// where there are any.
    fn take(&self, autocommit: Autocommit) -> Option<Tested> {
        loop {
            let mut connections = self.lock();
            let clean = &mut connections.clean;
            let place = clean.iter().rposition(|tested| tested.autocommit == autocommit);
            let tested = clean.remove(place.or(clean.len().checked_sub(1))?);
            // Those that have grown old go back to the pool, and not under this lock.
            drop(connections);
            if tested.at.elapsed() < TRUSTED_FOR {
                return Some(tested);
            }
        }
    }

    fn put(&self, tested: Tested) {
        let mut connections = self.lock();
        if !connections.is_closed && tested.at.elapsed() < TRUSTED_FOR {
            connections.clean.push(tested);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tested {
    async fn set(&mut self, autocommit: Autocommit) -> sqlx::Result<()> {
        if self.autocommit != autocommit {
            let statement = match autocommit {
                Autocommit::On => "SET autocommit = 1",
                Autocommit::Off => "SET autocommit = 0",
            };
            self.connection.execute(statement).await?;
            self.autocommit = autocommit;
        }
        Ok(())
    }
}

impl Lent {
    /// Says that all it was asked has been answered, and no transaction is open: the next borrower gets it as it is.
    /// Not to be called after an error.
    pub fn give_back(mut self) {
        if let Some(tested) = self.tested.take() {
            self.shelf.put(tested);
        }
    }
}

const LENT: &str = "the connection is there until it is given back";

impl Deref for Lent {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        &self.tested.as_ref().expect(LENT).connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.tested.as_mut().expect(LENT).connection
    }
}
