//! Transactions that run to their end and are tried again when they may succeed.

use std::error::Error;
use std::pin::Pin;
use std::time::{Duration, Instant};

use rand::RngExt;
use sqlx::Executor;
use tracing::Instrument;

use crate::connection::out_of_step;
use crate::error::is_rolled_back_in_commit;
use crate::pool::Autocommit;
use crate::{Connection, Database, is_transient};

/// How often a transaction is run before its caller hears of the conflict.
const MAX_TRIES: u32 = 6;

/// What the body of a read or a transaction gives: its work, on the connection that it was lent.
pub type TxFuture<'connection, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'connection>>;

impl Database {
    /// Runs `work` in one transaction and commits it where it gives `Ok`.
    ///
    /// * It runs in a task of its own: a caller that is dropped leaves no transaction half open, and what it began is
    ///   finished.
    /// * After a deadlock, a lock wait timeout or a lost connection it is run again from its start, a few times, so
    ///   `work` must be safe to run again; nothing of an earlier try is left. Where the answer to the COMMIT itself is
    ///   lost, it is not run again, because the commit may have happened: the caller asks again by its id. A server that
    ///   answers the COMMIT with a conflict has rolled back, and the work is run again.
    /// * Where `work` gives `Ok` and yet has left the answer to a statement unread, nothing is committed.
    /// * There is no BEGIN: the connection's `autocommit` is off. `work` must not begin a transaction itself, which would
    ///   commit what it has done before.
    /// * `name` labels its metrics and its log lines.
    ///
    /// `E` keeps the database's error reachable by [`Error::source`], or a conflict will not be seen.
    pub async fn run_tx<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Error + From<sqlx::Error> + Send + Sync + 'static,
        F: for<'c> Fn(&'c mut Connection) -> TxFuture<'c, T, E> + Send + Sync + 'static,
    {
        let database = self.clone();
        in_own_task(async move { database.run_tries(name, work).await }).await
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
                    tracing::debug!(transaction = name, tries, %error, "trying the transaction again");
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
        let turn = self.pool.turn().await.map_err(in_work)?;
        let mut acquired = turn.connect(Autocommit::Off, None).await.map_err(in_work)?;
        let connection = acquired.connection();
        match work(connection).await {
            Ok(_) if !connection.is_in_step() => Err(in_work(out_of_step())),
            Ok(value) => match connection.execute("COMMIT").await {
                Ok(_) => {
                    acquired.release();
                    Ok(value)
                }
                // The connection is closed, and with it whatever is left of the transaction.
                Err(error) if is_rolled_back_in_commit(&error) => Err(in_work(error)),
                Err(error) => Err(Failed::InCommit(error.into())),
            },
            Err(error) => {
                // Where that fails, or the work panics, the connection is closed.
                if connection.execute("ROLLBACK").await.is_ok() {
                    acquired.release();
                }
                Err(Failed::InWork(error))
            }
        }
    }
}

/// Runs a task that goes on to its end when the caller is dropped.
async fn in_own_task<T, E>(task: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    match tokio::spawn(task.in_current_span()).await {
        Ok(result) => result,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is shutting down cancels it.
            Err(_) => Err(sqlx::Error::PoolClosed.into()),
        },
    }
}

enum Failed<E> {
    /// Nothing of it has happened.
    InWork(E),
    /// It may have happened.
    InCommit(E),
}

/// Longer after every try, and never the same for two that stood in each other's way.
fn pause_before(next_try: u32) -> Duration {
    let most_ms = 4_u64 << next_try.min(6);
    Duration::from_millis(rand::rng().random_range(1..=most_ms))
}
