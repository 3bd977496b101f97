use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlPool};

use crate::shelf::{Autocommit, Lent, Shelf};
use crate::{Settings, Tls};

/// How long a starting process waits for its database.
const PATIENCE: Duration = Duration::from_secs(30);

/// One service's own schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pool: MySqlPool,
    shelf: Shelf,
}

/// Why a process can't start on its database.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address can't be read.
    #[error("the setting database.url is not an address of a schema")]
    Address(#[source] sqlx::Error),
    /// Nobody answered, or not with a welcome.
    #[error("the database {address} was not to be reached for {} s", PATIENCE.as_secs())]
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
        let pool = MySqlPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(Duration::from_millis(settings.acquire_timeout_ms));
        let database = Self::lazy(pool, options, settings.lock_wait_timeout_s);
        database.wait_until_reachable(&settings.url).await?;
        Ok(database)
    }

    /// Opens a pool for a test's own schema.
    pub fn from_options(options: MySqlConnectOptions) -> Self {
        Self::lazy(
            MySqlPoolOptions::new().max_connections(16).acquire_timeout(Duration::from_secs(5)),
            options,
            5,
        )
    }

    fn lazy(pool: MySqlPoolOptions, options: MySqlConnectOptions, lock_wait_timeout_s: u32) -> Self {
        // READ COMMITTED: conditional updates by key need no gap locks, and without these there are few deadlocks.
        let set_up = format!(
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
             SET SESSION innodb_lock_wait_timeout = {lock_wait_timeout_s}"
        );
        let shelf = Shelf::new(pool.get_max_connections(), pool.get_acquire_timeout());
        let pool = pool
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let set_up = set_up.clone();
                Box::pin(async move { connection.execute(AssertSqlSafe(set_up)).await.map(|_| ()) })
            })
            .after_release(|connection, _| {
                Box::pin(
                    async move { connection.execute("ROLLBACK; SET autocommit = 1").await.map(|_| true) },
                )
            })
            .connect_lazy_with(options);
        Self { pool, shelf }
    }

    async fn wait_until_reachable(&self, address: &str) -> Result<(), ConnectError> {
        let started = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            match self.check().await {
                Ok(()) => return Ok(()),
                Err(source) if started.elapsed() > PATIENCE => {
                    return Err(ConnectError::Unreachable { address: address.to_owned(), source });
                }
                Err(error) => tracing::warn!(%error, address, "waiting for the database"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Brings the schema up to date. Several processes may do so at once: one does it, the others wait.
    pub async fn migrate(&self, migrator: &Migrator) -> Result<(), ConnectError> {
        migrator.run(&self.pool).await.map_err(ConnectError::Migration)
    }

    /// A connection for reads, and for writes of a single statement. Where it matters, [give](Lent::give_back) it back
    /// by hand: that saves its two round trips.
    pub async fn acquire(&self) -> sqlx::Result<Lent> {
        self.shelf.lend(&self.pool, Autocommit::On).await
    }

    /// A connection whose first statement begins a transaction.
    pub(crate) async fn acquire_in_transaction(&self) -> sqlx::Result<Lent> {
        self.shelf.lend(&self.pool, Autocommit::Off).await
    }

    /// Has every connection that nobody uses tested before it is lent again.
    pub(crate) fn distrust_idle(&self) {
        self.shelf.distrust();
    }

    /// Whether the database answers, for readiness.
    pub async fn check(&self) -> sqlx::Result<()> {
        let mut connection = self.acquire().await?;
        connection.ping().await?;
        connection.give_back();
        Ok(())
    }

    /// How many connections are open, and how many of them nobody uses.
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle() + self.shelf.len())
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.shelf.close();
        self.pool.close().await;
    }
}
