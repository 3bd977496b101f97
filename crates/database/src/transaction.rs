//! Transactions that run to their end and are retried if they may succeed then.

use std::error::Error;
use std::pin::Pin;
use std::time::{Duration, Instant};

use database_error::is_rolled_back_in_commit;
use rand::RngExt;
use sqlx::Executor;
use tracing::Instrument;

use crate::connection::out_of_sync;
use crate::pool::Autocommit;
use crate::{Connection, Database, is_transient};

/// How often a transaction is run before its caller gets the error.
const MAX_TRIES: u32 = 6;

/// The work of a read or a transaction, on the connection that it was given.
pub type TxFuture<'connection, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'connection>>;

impl Database {
    /// Runs `work` in one transaction and commits it if it gives `Ok`.
    ///
    /// * It runs in a separate task. If the caller is dropped, the transaction still runs to its end.
    /// * After a deadlock, a lock wait timeout or a lost connection it is retried from its start, up to five times. So `work`
    ///   must be safe to run again; an earlier try leaves nothing behind. If the answer to the COMMIT is lost, it is not
    ///   retried, because the commit may have happened: the caller asks again by its id. If the server answers the COMMIT with a
    ///   conflict, it has rolled back, and the work is retried.
    /// * If `work` gives `Ok` but has left the answer to a statement unread, nothing is committed.
    /// * There is no BEGIN: the connection's `autocommit` is off. `work` must not begin a transaction itself, because that would
    ///   commit what it has done before.
    /// * `name` labels the metrics and the log lines.
    ///
    /// `E` must keep the database's error reachable by [`Error::source`]. Otherwise a conflict is not recognised.
    pub async fn run_tx<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Error + From<sqlx::Error> + Send + Sync + 'static,
        F: for<'c> Fn(&'c mut Connection) -> TxFuture<'c, T, E> + Send + Sync + 'static,
    {
        let database = self.clone();
        in_separate_task(async move { database.run_tries(name, work).await }).await
    }

    async fn run_tries<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        E: Error + From<sqlx::Error> + Send + Sync + 'static,
        F: for<'c> Fn(&'c mut Connection) -> TxFuture<'c, T, E> + Send + Sync,
    {
        let started = Instant::now();
        let mut tries = 1;
        let (outcome, result) = loop {
            match self.run_once(&work).await {
                Ok(value) => break ("committed", Ok(value)),
                Err(Failed::InWork(error)) if tries < MAX_TRIES && is_transient(&error) => {
                    tracing::debug!(transaction = name, tries, %error, "retrying a transaction");
                    metrics::counter!("db_transaction_retries_total", "name" => name).increment(1);
                    tokio::time::sleep(pause_before(tries)).await;
                    tries += 1;
                }
                Err(Failed::InWork(error)) => break ("rolled_back", Err(error)),
                Err(Failed::InCommit(error)) => break ("unknown", Err(error)),
            }
        };
        metrics::counter!("db_transactions_total", "name" => name, "outcome" => outcome).increment(1);
        metrics::histogram!("db_transaction_seconds", "name" => name).record(started.elapsed());
        result
    }

    async fn run_once<T, E, F>(&self, work: &F) -> Result<T, Failed<E>>
    where
        E: From<sqlx::Error>,
        F: for<'c> Fn(&'c mut Connection) -> TxFuture<'c, T, E>,
    {
        let in_work = |error: sqlx::Error| Failed::InWork(error.into());
        let permit = self.pool.permit().await.map_err(in_work)?;
        let mut pooled = permit.connect(Autocommit::Off, None).await.map_err(in_work)?;
        let connection = pooled.connection();
        match work(connection).await {
            Ok(_) if !connection.is_in_sync() => Err(in_work(out_of_sync())),
            Ok(value) => match connection.execute("COMMIT").await {
                Ok(_) => {
                    pooled.release();
                    Ok(value)
                }
                // The connection is closed, which ends the transaction.
                Err(error) if is_rolled_back_in_commit(&error) => Err(in_work(error)),
                Err(error) => Err(Failed::InCommit(error.into())),
            },
            Err(error) => {
                // If that fails, or the work panics, the connection is closed.
                if connection.execute("ROLLBACK").await.is_ok() {
                    pooled.release();
                }
                Err(Failed::InWork(error))
            }
        }
    }
}

/// Runs a task that goes on to its end when the caller is dropped.
async fn in_separate_task<T, E>(task: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    match tokio::spawn(task.in_current_span()).await {
        Ok(result) => result,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels it.
            Err(_) => Err(sqlx::Error::PoolClosed.into()),
        },
    }
}

enum Failed<E> {
    /// Nothing is committed.
    InWork(E),
    /// The commit may have happened.
    InCommit(E),
}

/// Longer after every try, and random, so that two transactions that have blocked each other do not do so again.
fn pause_before(next_try: u32) -> Duration {
    let max_ms = 4_u64 << next_try.min(6);
    Duration::from_millis(rand::rng().random_range(1..=max_ms))
}
