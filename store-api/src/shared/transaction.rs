use std::error::Error;
use std::sync::Arc;

use database::{Connection, Database, TxFuture};
use idempotency::{KeepError, KeptAnswer, Reply};

/// Like [`Database::run_tx`], with an input that every try of the transaction reads.
pub(crate) async fn run_tx_with<I, T, E, F>(
    database: &Database,
    name: &'static str,
    input: I,
    work: F,
) -> Result<T, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: Error + From<sqlx::Error> + Send + Sync + 'static,
    F: for<'c> Fn(&'c mut Connection, &'c I) -> TxFuture<'c, T, E> + Send + Sync + 'static,
{
    let shared = Arc::new((input, work));
    database
        .run_tx(name, move |connection| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (input, work) = &*shared;
                work(connection, input).await
            })
        })
        .await
}

/// Like [`run_tx_with`], and keeps the answer to the request in the same transaction, if it has an Idempotency-Key.
pub(crate) async fn run_answered<I, T, E, F>(
    database: &Database,
    name: &'static str,
    input: I,
    reply: Reply<T>,
    work: F,
) -> Result<KeptAnswer, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: Error + From<sqlx::Error> + From<KeepError> + Send + Sync + 'static,
    F: for<'c> Fn(&'c mut Connection, &'c I) -> TxFuture<'c, T, E> + Send + Sync + 'static,
{
    run_tx_with(database, name, (input, reply, work), |connection, (input, reply, work)| {
        Box::pin(async move {
            let done = work(connection, input).await?;
            Ok(reply.keep(connection, done).await?)
        })
    })
    .await
}
