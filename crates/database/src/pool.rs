//! The pool: which connections there are, and which of them may be used again.
//!
//! A connection comes back to the pool in one way: the code that ran the work on it [releases](Acquired::release) it
//! after the last answer has been read. Every other end (a cancelled task, a panic, a time limit, an answer that does
//! not make sense) closes it. sqlx's own pool takes every connection back and trusts a ROLLBACK and a ping to clean it;
//! on a connection that is out of step both read the answer to something else (see the crate's documentation).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::connection::Connection;

/// A connection that was unused for longer is tested before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(20);
/// A connection that was unused for longer is closed.
const KEPT_UNUSED_FOR: Duration = Duration::from_secs(10 * 60);
/// A connection that is older is closed: its statements and buffers have grown, and the servers may have changed.
const OLDEST: Duration = Duration::from_secs(30 * 60);
/// How long a test of an unused connection may take.
const TEST_LIMIT: Duration = Duration::from_secs(1);
/// How much longer than the server itself this side waits for the end of a statement. So the server is the first to
/// give up, and its answer leaves the connection usable.
const GRACE: Duration = Duration::from_secs(1);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    options: MySqlConnectOptions,
    /// What a new connection is told first.
    set_up: String,
    limits: Limits,
    /// One for each connection that may be open.
    permits: Arc<Semaphore>,
    idle: Mutex<Idle>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_connections: u32,
    /// How long a caller waits for a connection.
    pub(crate) acquire: Duration,
    /// How long a statement may run.
    pub(crate) statement: Duration,
    pub(crate) lock_wait_s: u32,
}

#[derive(Default)]
struct Idle {
    /// The connection that was used last stands last.
    connections: Vec<Open>,
    /// Counts the outages. A connection from before the last outage is closed when it comes back.
    outages: u64,
}

/// What a connection takes for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Autocommit {
    /// Each statement.
    On,
    /// All statements until a COMMIT or ROLLBACK: the first statement begins a transaction, without a BEGIN and its
    /// round trip.
    Off,
}

struct Open {
    connection: Connection,
    autocommit: Autocommit,
    opened_at: Instant,
    used_at: Instant,
    /// How many outages the pool had seen when this was opened.
    outages: u64,
}

/// A permit to use one connection.
pub(crate) struct Turn {
    pool: Pool,
    _permit: OwnedSemaphorePermit,
}

/// A connection in use. Dropping it closes it.
pub(crate) struct Acquired {
    open: Option<Open>,
    // Dropped after the connection.
    turn: Turn,
}

impl Pool {
    pub(crate) fn new(options: MySqlConnectOptions, limits: Limits) -> Self {
        let permits = Arc::new(Semaphore::new(limits.max_connections as usize));
        Self(Arc::new(Inner { options, set_up: set_up(limits), limits, permits, idle: Mutex::default() }))
    }

    /// Another pool with the same server and other limits.
    pub(crate) fn with_limits(&self, max_connections: u32, statement: Duration) -> Self {
        Self::new(self.0.options.clone(), Limits { max_connections, statement, ..self.0.limits })
    }

    /// Waits for a turn to use a connection. A caller that gives up here has begun nothing.
    pub(crate) async fn turn(&self) -> sqlx::Result<Turn> {
        let permit = Arc::clone(&self.0.permits).acquire_owned();
        let permit = tokio::time::timeout(self.0.limits.acquire, permit).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Turn { pool: self.clone(), _permit: permit })
    }

    /// How many connections are in use or being opened, and how many nobody uses.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let most = self.0.limits.max_connections as usize;
        (most.saturating_sub(self.0.permits.available_permits()), self.idle().connections.len())
    }

    /// The options of a connection that the pool does not count.
    pub(crate) fn options(&self) -> &MySqlConnectOptions {
        &self.0.options
    }

    /// Waits for those in use, and closes everything.
    pub(crate) async fn close(&self) {
        // Fails where it is closed already.
        let all = self.0.permits.acquire_many(self.0.limits.max_connections).await;
        self.0.permits.close();
        drop(all);
        let idle = std::mem::take(&mut self.idle().connections);
        futures::future::join_all(idle.into_iter().map(|open| open.connection.quit())).await;
    }

    /// Closes every connection that nobody uses, and those in use when they come back: `found` was found dead. One
    /// from before an outage that is known already says nothing new.
    fn note_outage(&self, found: &Open) {
        let dead = {
            let mut idle = self.idle();
            if found.outages != idle.outages {
                return;
            }
            idle.outages += 1;
            std::mem::take(&mut idle.connections)
        };
        tracing::info!(
            connections = dead.len(),
            "a connection to the database was lost; the unused ones are closed"
        );
        drop(dead);
    }

    /// An unused connection; of those that need not be set first, where there are any.
    fn take(&self, autocommit: Autocommit) -> Option<Open> {
        let connections = &mut self.idle().connections;
        let place = connections.iter().rposition(|open| open.autocommit == autocommit);
        let place = place.or(connections.len().checked_sub(1))?;
        Some(connections.remove(place))
    }

    async fn open(&self) -> sqlx::Result<Open> {
        let outages = self.idle().outages;
        let opening = async {
            let inner = self.0.options.connect().await?;
            let mut connection = Connection::new(inner, self.0.limits.acquire);
            connection.execute(AssertSqlSafe(self.0.set_up.as_str())).await?;
            Ok(connection)
        };
        let connection = tokio::time::timeout(self.0.limits.acquire, opening).await.unwrap_or_else(|_| {
            let kind = std::io::ErrorKind::TimedOut;
            Err(sqlx::Error::Io(std::io::Error::new(kind, "no connection to the database in time")))
        })?;
        let now = Instant::now();
        Ok(Open { connection, autocommit: Autocommit::On, opened_at: now, used_at: now, outages })
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl Turn {
    /// A connection whose statements end after the pool's limit, or after `limit`.
    pub(crate) async fn connect(
        self,
        autocommit: Autocommit,
        limit: Option<Duration>,
    ) -> sqlx::Result<Acquired> {
        let mut open = loop {
            match self.pool.take(autocommit) {
                None => break self.pool.open().await?,
                Some(open) if open.used_at.elapsed() < TRUSTED_FOR => break open,
                Some(mut open) => {
                    open.connection.set_limit(TEST_LIMIT);
                    if open.connection.ping().await.is_ok() {
                        break open;
                    }
                    self.pool.note_outage(&open);
                }
            }
        };
        open.connection.set_limit(limit.unwrap_or(self.pool.0.limits.statement + GRACE));
        let mut acquired = Acquired { open: Some(open), turn: self };
        acquired.set(autocommit).await?;
        Ok(acquired)
    }
}

impl Acquired {
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.open.as_mut().expect("a connection in use is there until it is released").connection
    }

    async fn set(&mut self, autocommit: Autocommit) -> sqlx::Result<()> {
        if self.open.as_ref().is_some_and(|open| open.autocommit == autocommit) {
            return Ok(());
        }
        let statement = match autocommit {
            Autocommit::On => "SET autocommit = 1",
            Autocommit::Off => "SET autocommit = 0",
        };
        self.connection().execute(statement).await?;
        if let Some(open) = &mut self.open {
            open.autocommit = autocommit;
        }
        Ok(())
    }

    /// Gives the connection back for the next one to use, where every statement was answered. No transaction may be
    /// open on it.
    pub(crate) fn release(mut self) {
        let Some(open) =
            self.open.take_if(|open| open.connection.is_in_step() && !open.connection.has_lost_server())
        else {
            return;
        };
        let now = Instant::now();
        let mut ended = Vec::new();
        {
            let mut idle = self.turn.pool.idle();
            let is_from_before = open.outages != idle.outages;
            if is_from_before || now - open.opened_at > OLDEST {
                ended.push(open);
            } else {
                idle.connections.push(Open { used_at: now, ..open });
            }
            if idle.connections.first().is_some_and(|first| now - first.used_at > KEPT_UNUSED_FOR) {
                ended.push(idle.connections.remove(0));
            }
        }
        for open in ended {
            tokio::spawn(open.connection.quit());
        }
    }
}

impl Drop for Acquired {
    fn drop(&mut self) {
        if let Some(open) = self.open.take_if(|open| open.connection.has_lost_server()) {
            self.turn.pool.note_outage(&open);
        }
    }
}

/// What each session is set to.
fn set_up(limits: Limits) -> String {
    let Limits { lock_wait_s, statement, .. } = limits;
    // READ COMMITTED: conditional updates by key need no gap locks, and without these there are few deadlocks.
    // The limit of a statement has another name and another unit in each server, and each skips the other's comment:
    // MySQL's is for SELECT alone.
    format!(
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET SESSION innodb_lock_wait_timeout = {lock_wait_s} \
         /*!80000 , SESSION max_execution_time = {} */ \
         /*M!100100 , SESSION max_statement_time = {} */",
        statement.as_millis(),
        statement.as_secs_f64(),
    )
}
