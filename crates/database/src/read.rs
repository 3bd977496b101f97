//! Work outside of transactions: reads, reads that must agree with each other, and writes that are one statement.

use std::error::Error;
use std::time::{Duration, Instant};

use sqlx::Executor;

use crate::pool::{Autocommit, PooledConnection};
use crate::run_to_end::run_to_end;
use crate::{Connection, Database, TxFuture};

impl Database {
    /// Runs `work`, which only reads. Each statement sees what was committed when it began.
    ///
    /// * A caller that is dropped while it waits for a connection has begun nothing. If it is dropped later, the work goes on
    ///   to its end, so that the connection can be used again.
    /// * A read that fails is not retried.
    /// * `name` labels the metrics.
    pub async fn read<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<sqlx::Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> TxFuture<'c, T, E> + Send + 'static,
    {
        self.run_autocommit(name, work).await
    }

    /// Runs `work`, in which each statement commits by itself: for a write that is complete in one statement.
    ///
    /// Dropped callers and failures are treated as by [`read`](Database::read). After a failure the write may have happened.
    pub async fn run_autocommit<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<sqlx::Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> TxFuture<'c, T, E> + Send + 'static,
    {
        let started = Instant::now();
        let result = self.run_within(None, work).await;
        metrics::histogram!("db_autocommit_seconds", "name" => name).record(started.elapsed());
        result
    }

    pub(crate) async fn run_within<T, E, F>(&self, limit: Option<Duration>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<sqlx::Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> TxFuture<'c, T, E> + Send + 'static,
    {
        let permit = self.pool.permit().await?;
        run_to_end(async move {
            let mut pooled = permit.connect(Autocommit::On, limit).await?;
            let result = work(pooled.connection()).await;
            pooled.release();
            result
        })
        .await
    }

    /// Runs `work`, which only reads, on one snapshot of the whole schema: every statement sees what was committed when the
    /// work began, and nothing later.
    ///
    /// Dropped callers and failures are treated as by [`read`](Database::read).
    pub async fn run_snapshot<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Error + From<sqlx::Error> + Send + Sync + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> TxFuture<'c, T, E> + Send + 'static,
    {
        let permit = self.pool.permit().await?;
        run_to_end(async move {
            let mut pooled = permit.connect(Autocommit::On, None).await?;
            let result = in_snapshot(&mut pooled, work).await;
            // It is refused if the work has left an answer unread. Then the connection is closed.
            if pooled.connection().execute("ROLLBACK").await.is_ok() {
                pooled.release();
            }
            result
        })
        .await
    }
}

async fn in_snapshot<T, E, F>(pooled: &mut PooledConnection, work: F) -> Result<T, E>
where
    E: From<sqlx::Error>,
    F: for<'c> FnOnce(&'c mut Connection) -> TxFuture<'c, T, E>,
{
    let connection = pooled.connection();
    // For the next transaction only. At the level of the connection, each statement would see newer rows.
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
    work(connection).await
}
