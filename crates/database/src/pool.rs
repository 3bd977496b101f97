//! The pool: which connections there are, and which of them may be used again.
//!
//! There is one way for a connection to come back to the pool: the code that ran the work on it
//! [releases](PooledConnection::release) it after the last answer has been read. In every other case (a cancelled task, a
//! panic, a time limit, an answer that is not understood) it is closed. sqlx's own pool takes every connection back and cleans
//! it with a ROLLBACK and a ping; on a connection that is out of sync both read the answer to something else (see the crate's
//! documentation).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::account::Options;
use crate::connection::Connection;

/// A connection that was idle for longer is tested before it is used.
const MAX_UNTESTED_IDLE_TIME: Duration = Duration::from_secs(20);
/// A connection that was idle for longer is closed.
const MAX_IDLE_TIME: Duration = Duration::from_secs(10 * 60);
/// A connection that is older is closed: its statements and buffers have grown, and the servers may have changed.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// How long the test of an idle connection may take.
const TEST_TIMEOUT: Duration = Duration::from_secs(1);
/// How much longer than the server this side waits for the end of a statement. So the server ends the statement first, and its
/// answer leaves the connection usable.
const GRACE_PERIOD: Duration = Duration::from_secs(1);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    options: Options,
    /// The first statements on a new connection.
    set_up: String,
    limits: Limits,
    /// One for each connection that may be in use.
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
    /// The connection that was used last is the last one.
    connections: Vec<OpenConnection>,
    /// Counts the outages. A connection that was opened before the last outage is closed when it comes back.
    outages: u64,
}

/// Which statements form a transaction on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Autocommit {
    /// Each statement is a transaction.
    On,
    /// All statements until a COMMIT or ROLLBACK are a transaction. The first statement begins it, without a BEGIN and its
    /// round trip.
    Off,
}

struct OpenConnection {
    connection: Connection,
    autocommit: Autocommit,
    opened_at: Instant,
    used_at: Instant,
    /// How many outages the pool had seen when this was opened.
    outages: u64,
}

/// The right to use one connection.
pub(crate) struct Permit {
    pool: Pool,
    _permit: OwnedSemaphorePermit,
}

/// A connection in use. Dropping it closes it.
pub(crate) struct PooledConnection {
    open: Option<OpenConnection>,
    // It is dropped after the connection.
    permit: Permit,
}

impl Pool {
    pub(crate) fn new(options: Options, limits: Limits) -> Self {
        let permits = Arc::new(Semaphore::new(limits.max_connections as usize));
        Self(Arc::new(Inner { options, set_up: set_up(limits), limits, permits, idle: Mutex::default() }))
    }

    /// Another pool with the same server and other limits.
    pub(crate) fn with_limits(&self, max_connections: u32, statement: Duration) -> Self {
        Self::new(self.0.options.clone(), Limits { max_connections, statement, ..self.0.limits })
    }

    /// Waits until a connection may be used. A caller that is dropped here has begun nothing.
    pub(crate) async fn permit(&self) -> sqlx::Result<Permit> {
        let permit = Arc::clone(&self.0.permits).acquire_owned();
        let permit = tokio::time::timeout(self.0.limits.acquire, permit).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Permit { pool: self.clone(), _permit: permit })
    }

    /// How many connections are in use or being opened, and how many are idle.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let max = self.0.limits.max_connections as usize;
        (max.saturating_sub(self.0.permits.available_permits()), self.idle().connections.len())
    }

    /// The options for a connection outside of the pool.
    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    /// Waits for the connections in use, and closes all.
    pub(crate) async fn close(&self) {
        // It fails if the pool is closed already.
        let all = self.0.permits.acquire_many(self.0.limits.max_connections).await;
        self.0.permits.close();
        drop(all);
        let idle = std::mem::take(&mut self.idle().connections);
        futures::future::join_all(idle.into_iter().map(|open| open.connection.close())).await;
    }

    /// Closes every idle connection now, and those in use when they come back, because `dead` was found dead. A connection
    /// from before the last outage says nothing new.
    fn note_outage(&self, dead: &OpenConnection) {
        let dead = {
            let mut idle = self.idle();
            if dead.outages != idle.outages {
                return;
            }
            idle.outages += 1;
            std::mem::take(&mut idle.connections)
        };
        tracing::info!(
            connections = dead.len(),
            "a connection to the database was lost; the idle connections are closed"
        );
        drop(dead);
    }

    /// An idle connection, if possible one whose `autocommit` need not be changed.
    fn take_idle(&self, autocommit: Autocommit) -> Option<OpenConnection> {
        let connections = &mut self.idle().connections;
        let position = connections.iter().rposition(|open| open.autocommit == autocommit);
        let position = position.or(connections.len().checked_sub(1))?;
        Some(connections.remove(position))
    }

    async fn open(&self) -> sqlx::Result<OpenConnection> {
        let outages = self.idle().outages;
        let opening = async {
            let inner = self.0.options.now().connect().await?;
            let mut connection = Connection::new(inner, self.0.limits.acquire);
            connection.execute(AssertSqlSafe(self.0.set_up.as_str())).await?;
            Ok(connection)
        };
        let connection = tokio::time::timeout(self.0.limits.acquire, opening).await.unwrap_or_else(|_| {
            let kind = std::io::ErrorKind::TimedOut;
            Err(sqlx::Error::Io(std::io::Error::new(kind, "no connection to the database in time")))
        })?;
        let now = Instant::now();
        Ok(OpenConnection { connection, autocommit: Autocommit::On, opened_at: now, used_at: now, outages })
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

impl Permit {
    /// An idle connection, or a new one. Its statements end after `limit`, or after the pool's limit.
    pub(crate) async fn connect(
        self,
        autocommit: Autocommit,
        limit: Option<Duration>,
    ) -> sqlx::Result<PooledConnection> {
        let mut open = loop {
            match self.pool.take_idle(autocommit) {
                None => break self.pool.open().await?,
                Some(open) if open.used_at.elapsed() < MAX_UNTESTED_IDLE_TIME => break open,
                Some(mut open) => {
                    open.connection.set_limit(TEST_TIMEOUT);
                    if open.connection.ping().await.is_ok() {
                        break open;
                    }
                    self.pool.note_outage(&open);
                }
            }
        };
        open.connection.set_limit(limit.unwrap_or(self.pool.0.limits.statement + GRACE_PERIOD));
        let mut pooled = PooledConnection { open: Some(open), permit: self };
        pooled.set_autocommit(autocommit).await?;
        Ok(pooled)
    }
}

impl PooledConnection {
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.open.as_mut().expect("a connection in use is there until it is released").connection
    }

    async fn set_autocommit(&mut self, autocommit: Autocommit) -> sqlx::Result<()> {
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

    /// Returns the connection to the pool if every answer has been read. No transaction may be open on it.
    pub(crate) fn release(mut self) {
        let Some(open) =
            self.open.take_if(|open| open.connection.is_in_sync() && !open.connection.has_lost_server())
        else {
            return;
        };
        let now = Instant::now();
        let mut ended = Vec::new();
        {
            let mut idle = self.permit.pool.idle();
            let is_from_before_outage = open.outages != idle.outages;
            if is_from_before_outage || now - open.opened_at > MAX_AGE {
                ended.push(open);
            } else {
                idle.connections.push(OpenConnection { used_at: now, ..open });
            }
            if idle.connections.first().is_some_and(|first| now - first.used_at > MAX_IDLE_TIME) {
                ended.push(idle.connections.remove(0));
            }
        }
        for open in ended {
            tokio::spawn(open.connection.close());
        }
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if let Some(open) = self.open.take_if(|open| open.connection.has_lost_server()) {
            self.permit.pool.note_outage(&open);
        }
    }
}

/// The statements that set up a new session.
fn set_up(limits: Limits) -> String {
    let Limits { lock_wait_s, statement, .. } = limits;
    // READ COMMITTED: conditional updates by key need no gap locks, and without gap locks there are few deadlocks.
    // The time limit of a statement has another name and unit in MySQL and in MariaDB. Each server ignores the other's comment.
    // MySQL limits only SELECT statements.
    format!(
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET SESSION innodb_lock_wait_timeout = {lock_wait_s} \
         /*!80000 , SESSION max_execution_time = {} */ \
         /*M!100100 , SESSION max_statement_time = {} */",
        statement.as_millis(),
        statement.as_secs_f64(),
    )
}
