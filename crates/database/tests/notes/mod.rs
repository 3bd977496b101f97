//! A table to write to.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Executor, MySqlPool};

/// Makes it, and gives a way to the database that goes around what is tested.
pub(crate) async fn table(options: &MySqlConnectOptions) -> MySqlPool {
    let direct = MySqlPool::connect_with(options.clone()).await.unwrap();
    direct
        .execute("CREATE TABLE notes (id INT NOT NULL, CONSTRAINT notes_pk PRIMARY KEY (id))")
        .await
        .unwrap();
    direct
}
