//! Work outside of transactions: reads, reads that must agree with each other, and writes of single statements.

use std::error::Error;
use std::time::{Duration, Instant};

use sqlx::Executor;

use crate::pool::{Acquired, Autocommit};
use crate::run_to_end::run_to_end;
use crate::{Connection, Database, TxFuture};

impl Database {
    /// Runs `work`, which only reads. Each statement sees what was committed when it began.
    ///
    /// * A caller that is dropped while it waits for a connection has begun nothing. After that the work goes on to its
    ///   end, so that its connection can be used again.
    /// * It is not run again after a failure.
    /// * `name` labels its metrics.
    pub async fn read<T, E, F>(&self, name: &'static str, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<sqlx::Error> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> TxFuture<'c, T, E> + Send + 'static,
    {
        self.run_autocommit(name, work).await
    }

    /// Runs `work`, each of whose statements commits by itself: for a write that is complete in one statement.
    ///
    /// What [`read`](Database::read) says of dropped callers and failures holds here, too. After a failure the write may
    /// have happened.
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
        let turn = self.pool.turn().await?;
        run_to_end(async move {
            let mut acquired = turn.connect(Autocommit::On, limit).await?;
            let result = work(acquired.connection()).await;
            acquired.release();
            result
        })
        .await
    }

    /// Runs `work`, which only reads, over one snapshot of the whole schema: every statement of it sees what was
    /// committed when it began, and nothing later.
    ///
    /// What [`read`](Database::read) says of dropped callers and failures holds here, too.
    pub async fn run_snapshot<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Error + From<sqlx::Error> + Send + Sync + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> TxFuture<'c, T, E> + Send + 'static,
    {
        let turn = self.pool.turn().await?;
        run_to_end(async move {
            let mut acquired = turn.connect(Autocommit::On, None).await?;
            let result = in_snapshot(&mut acquired, work).await;
            // Refused where the work has left an answer unread; the connection is closed then.
            if acquired.connection().execute("ROLLBACK").await.is_ok() {
                acquired.release();
            }
            result
        })
        .await
    }
}

async fn in_snapshot<T, E, F>(acquired: &mut Acquired, work: F) -> Result<T, E>
where
    E: From<sqlx::Error>,
    F: for<'c> FnOnce(&'c mut Connection) -> TxFuture<'c, T, E>,
{
    let connection = acquired.connection();
    // For the next transaction only: the connection's own level sees something new in each statement.
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
    work(connection).await
}
