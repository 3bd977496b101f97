//! Reads that must agree with each other.

use std::error::Error;

use sqlx::{Connection, Executor, MySqlConnection};

use crate::transaction::in_own_task;
use crate::{Database, TxFuture};

impl Database {
    /// Runs `work`, which only reads, over one snapshot of the whole schema: every statement of it sees what was
    /// committed when it began, and nothing later.
    ///
    /// Like a [transaction](Database::run_tx) it runs in a task of its own; it is not run again.
    pub async fn run_snapshot<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Error + From<sqlx::Error> + Send + Sync + 'static,
        F: for<'c> FnOnce(&'c mut MySqlConnection) -> TxFuture<'c, T, E> + Send + 'static,
    {
        let database = self.clone();
        in_own_task(async move {
            let mut connection = database.acquire().await?;
            // For the next transaction only: the connection's own level sees something new in each statement.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
            let mut snapshot = connection.begin_with("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
            let value = work(&mut snapshot).await?;
            snapshot.rollback().await?;
            connection.give_back();
            Ok(value)
        })
        .await
    }
}
