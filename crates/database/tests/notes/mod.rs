//! A table to write to.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Executor, MySqlPool};

/// Makes it, and gives a way to the database that goes around what is tested.
pub(crate) async fn table(options: &MySqlConnectOptions) -> MySqlPool {
    let direct = MySqlPool::connect_with(options.clone()).await.unwrap();
    direct
        .execute("CREATE TABLE notes (id INT UNSIGNED NOT NULL, CONSTRAINT notes_pk PRIMARY KEY (id))")
        .await
        .unwrap();
    direct
}

/// Those that are in the table, in order.
pub(crate) async fn ids(direct: &MySqlPool) -> Vec<u32> {
    sqlx::query_scalar("SELECT id FROM notes ORDER BY id").fetch_all(direct).await.unwrap()
}
