//! A table to write to.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Executor, MySqlPool};

/// Creates the table, and gives a pool that is not the tested one.
pub(crate) async fn table(options: &MySqlConnectOptions) -> MySqlPool {
    let direct = MySqlPool::connect_with(options.clone()).await.unwrap();
    direct
        .execute("CREATE TABLE notes (id INT UNSIGNED NOT NULL, CONSTRAINT notes_pk PRIMARY KEY (id))")
        .await
        .unwrap();
    direct
}

/// The ids in the table, in order.
pub(crate) async fn ids(direct: &MySqlPool) -> Vec<u32> {
    sqlx::query_scalar("SELECT id FROM notes ORDER BY id").fetch_all(direct).await.unwrap()
}
