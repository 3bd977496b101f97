//! Migrations of processes that start at the same time.

use database::Database;
use futures::future::join_all;
use sqlx::migrate::Migrator;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

const PROCESSES: usize = 6;
static MIGRATOR: Migrator = sqlx::migrate!("./tests/migrations");

#[sqlx::test(migrations = false)]
async fn processes_that_start_at_once_migrate_a_schema_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let databases: Vec<_> = (0..PROCESSES).map(|_| Database::from_options(options.clone())).collect();
    for migrated in join_all(databases.iter().map(|database| database.migrate(&MIGRATOR))).await {
        migrated.unwrap();
    }
}
