use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, Connection as _};

use crate::account::Options;
use crate::pool::{Limits, Pool};
use crate::{Settings, Tls, db, is_transient};

/// How long a starting process waits for its database.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a starting process waits before it tries again.
const START_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(LONGEST_START_PAUSE)
    .without_max_times();
const LONGEST_START_PAUSE: Duration = Duration::from_secs(2);
/// How long one request for the lock of the migrations waits. Then there is a line in the log, and another request.
const LOCK_LIMIT: Duration = Duration::from_secs(30);
/// How long the database may take to answer a check.
const CHECK_LIMIT: Duration = Duration::from_secs(1);

/// The pool of connections to the schema of one service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) pool: Pool,
}

/// Why a process can't start with its database.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address can't be read.
    #[error("the setting database.url is not an address of a schema")]
    Address(#[source] sqlx::Error),
    /// No connection could be opened.
    #[error("the database {address} could not be reached for {} s", START_LIMIT.as_secs())]
    Unreachable {
        /// Host, port and schema.
        address: String,
        /// Why the last try failed.
        #[source]
        source: sqlx::Error,
    },
    /// A migration failed.
    #[error("a migration of the schema failed")]
    Migration(#[source] MigrateError),
}

impl Database {
    /// Opens the pool. Waits for a database that is still starting, up to 30 seconds.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let options: MySqlConnectOptions = settings.url.parse().map_err(ConnectError::Address)?;
        let mut options = options.ssl_mode(match settings.tls {
            Tls::Disabled => MySqlSslMode::Disabled,
            Tls::Preferred => MySqlSslMode::Preferred,
            Tls::Required => MySqlSslMode::Required,
            Tls::Verified => MySqlSslMode::VerifyIdentity,
        });
        if let Some(file) = &settings.tls_ca_file {
            options = options.ssl_ca(file);
        }
        let options = Options::with_account(options, &settings.username, &settings.password);
        let limits = Limits {
            max_connections: settings.max_connections,
            acquire: Duration::from_millis(settings.acquire_timeout_ms),
            statement: Duration::from_millis(settings.statement_timeout_ms),
            lock_wait_s: settings.lock_wait_timeout_s,
        };
        let database = Self { pool: Pool::new(options, limits) };
        database.wait_until_reachable(&settings.url).await?;
        Ok(database)
    }

    /// Opens a pool for the schema of a test.
    pub fn from_options(options: MySqlConnectOptions) -> Self {
        Self::with_statement_limit(options, Duration::from_secs(20))
    }

    /// Does what [`from_options`](Self::from_options) does, with this time limit for statements.
    pub fn with_statement_limit(options: MySqlConnectOptions, statement: Duration) -> Self {
        let acquire = Duration::from_secs(5);
        let limits = Limits { max_connections: 16, acquire, statement, lock_wait_s: 5 };
        Self { pool: Pool::new(options.into(), limits) }
    }

    /// A separate pool for the same schema, for work whose statements may take long. It takes no connections from this pool.
    #[must_use]
    pub fn for_long_statements(&self, max_connections: u32, statement: Duration) -> Self {
        Self { pool: self.pool.with_limits(max_connections, statement) }
    }

    async fn wait_until_reachable(&self, address: &str) -> Result<(), ConnectError> {
        let started = tokio::time::Instant::now();
        let mut pauses = START_PAUSES.build();
        loop {
            match self.check().await {
                Ok(()) => return Ok(()),
                Err(source) if started.elapsed() > START_LIMIT => {
                    return Err(ConnectError::Unreachable { address: address.to_owned(), source });
                }
                Err(error) => tracing::warn!(%error, address, "waiting for the database"),
            }
            tokio::time::sleep(pauses.next().unwrap_or(LONGEST_START_PAUSE)).await;
        }
    }

    /// Runs the migrations that the schema does not have yet. If several processes do so at once, one runs them and the others
    /// wait.
    ///
    /// A schema may have migrations of a newer version. A migration only adds what an older version does not need, so the older
    /// version starts: it goes on beside the newer one while that is rolled out, and in its place when that is taken back.
    ///
    /// It uses a separate connection without time limits, because a change of a large table may take long.
    pub async fn migrate(&self, migrator: &Migrator) -> Result<(), ConnectError> {
        let mut migrator = Migrator::with_migrations(migrator.iter().cloned().collect());
        // The library's own lock waits for -1 seconds. MariaDB does not understand that, gives none, and two processes migrate.
        migrator.set_ignore_missing(true).set_locking(false);
        let failed = |error: sqlx::Error| ConnectError::Migration(error.into());
        let mut connection = self.pool.options().now().connect().await.map_err(failed)?;
        while !db::lock_migrations(&mut connection, LOCK_LIMIT).await.map_err(failed)? {
            tracing::warn!("waiting for another process that migrates the schema");
        }
        migrator.run(&mut connection).await.map_err(ConnectError::Migration)?;
        connection.close().await.map_err(failed)
    }

    /// Whether the database answers, for readiness.
    ///
    /// If the first connection is dead, a second try opens a new one, so that an outage that is over is not reported.
    pub async fn check(&self) -> sqlx::Result<()> {
        let ping = || self.run_within(Some(CHECK_LIMIT), |connection| Box::pin(connection.ping()));
        match ping().await {
            Err(error) if is_transient(&error) => ping().await,
            result => result,
        }
    }

    /// How many connections are in use or being opened, and how many are open and unused.
    pub fn connections(&self) -> (usize, usize) {
        self.pool.counts()
    }

    /// Closes every connection. Waits for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
