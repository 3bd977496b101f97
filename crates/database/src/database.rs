use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, Connection as _};

use crate::pool::{Limits, Pool};
use crate::{Settings, Tls, is_transient};

/// How long a starting process waits for its database.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long the database may take to show that it is there.
const CHECK_LIMIT: Duration = Duration::from_secs(1);

/// One service's own schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) pool: Pool,
}

/// Why a process can't start on its database.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address can't be read.
    #[error("the setting database.url is not an address of a schema")]
    Address(#[source] sqlx::Error),
    /// Nobody answered, or not with a welcome.
    #[error("the database {address} was not to be reached for {} s", START_LIMIT.as_secs())]
    Unreachable {
        /// Host, port and schema.
        address: String,
        /// What the last try met.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("a migration of the schema failed")]
    Migration(#[source] MigrateError),
}

impl Database {
    /// Opens the pool; waits a while for a database that is still starting.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let options: MySqlConnectOptions = settings.url.parse().map_err(ConnectError::Address)?;
        let mut options = options
            .username(&settings.username)
            .password(settings.password.expose_secret())
            .ssl_mode(match settings.tls {
                Tls::Disabled => MySqlSslMode::Disabled,
                Tls::Preferred => MySqlSslMode::Preferred,
                Tls::Required => MySqlSslMode::Required,
                Tls::Verified => MySqlSslMode::VerifyIdentity,
            });
        if let Some(file) = &settings.tls_ca_file {
            options = options.ssl_ca(file);
        }
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

    /// Opens a pool for a test's own schema.
    pub fn from_options(options: MySqlConnectOptions) -> Self {
        Self::with_statement_limit(options, Duration::from_secs(20))
    }

    /// As [`from_options`](Self::from_options), with a time limit for statements.
    pub fn with_statement_limit(options: MySqlConnectOptions, statement: Duration) -> Self {
        let acquire = Duration::from_secs(5);
        let limits = Limits { max_connections: 16, acquire, statement, lock_wait_s: 5 };
        Self { pool: Pool::new(options, limits) }
    }

    /// A pool of its own to the same schema, for work whose statements may take long, and which takes no connection
    /// from the others.
    #[must_use]
    pub fn for_long_statements(&self, max_connections: u32, statement: Duration) -> Self {
        Self { pool: self.pool.with_limits(max_connections, statement) }
    }

    async fn wait_until_reachable(&self, address: &str) -> Result<(), ConnectError> {
        let started = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            match self.check().await {
                Ok(()) => return Ok(()),
                Err(source) if started.elapsed() > START_LIMIT => {
                    return Err(ConnectError::Unreachable { address: address.to_owned(), source });
                }
                Err(error) => tracing::warn!(%error, address, "waiting for the database"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Brings the schema up to date. Several processes may do so at once: one does it, the others wait.
    ///
    /// It has a connection of its own without time limits, since a change of a large table takes as long as it takes.
    pub async fn migrate(&self, migrator: &Migrator) -> Result<(), ConnectError> {
        let failed = |error: sqlx::Error| ConnectError::Migration(error.into());
        let mut connection = self.pool.options().connect().await.map_err(failed)?;
        migrator.run(&mut connection).await.map_err(ConnectError::Migration)?;
        connection.close().await.map_err(failed)
    }

    /// Whether the database answers, for readiness.
    ///
    /// A connection that was found dead is no answer: after an outage the second try opens a new one.
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

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
