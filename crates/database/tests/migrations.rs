//! Migrations on a real server: versions that are newer and older than the schema.

use std::borrow::Cow;

use database::{ConnectError, Database};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{MySqlPool, SqlSafeStr};

fn migration(version: i64, sql: &'static str) -> Migration {
    Migration::new(version, Cow::Borrowed("change"), MigrationType::Simple, sql.into_sql_str(), false)
}

/// The migrations of a version: the first so many.
fn version(migrations: usize) -> Migrator {
    let all = [
        migration(1, "CREATE TABLE cakes (id INT NOT NULL PRIMARY KEY)"),
        migration(2, "ALTER TABLE cakes ADD COLUMN name VARCHAR(20) NULL"),
    ];
    Migrator::with_migrations(all.into_iter().take(migrations).collect())
}

async fn applied(options: &MySqlConnectOptions) -> Vec<i64> {
    let pool = MySqlPool::connect_with(options.clone()).await.unwrap();
    sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version")
        .fetch_all(&pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = false)]
async fn an_older_version_starts_on_the_schema_of_a_newer_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let database = Database::from_options(options.clone());
    for migrations in [1, 2, 1, 2] {
        database.migrate(&version(migrations)).await.unwrap();
    }
    assert_eq!(applied(&options).await, [1, 2]);
}

#[sqlx::test(migrations = false)]
async fn several_versions_that_start_at_once_leave_the_newest_schema(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let databases: Vec<Database> = (0..4).map(|_| Database::from_options(options.clone())).collect();
    let (older, newer) = (version(1), version(2));
    let started = databases
        .iter()
        .enumerate()
        .map(|(index, database)| database.migrate(if index % 2 == 0 { &older } else { &newer }));
    for result in futures::future::join_all(started).await {
        result.unwrap();
    }
    assert_eq!(applied(&options).await, [1, 2]);
}

#[sqlx::test(migrations = false)]
async fn a_migration_that_was_changed_afterwards_is_refused(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let database = Database::from_options(options);
    database.migrate(&version(1)).await.unwrap();
    let changed = Migrator::with_migrations(vec![migration(1, "CREATE TABLE cakes (id BIGINT NOT NULL)")]);
    assert!(matches!(database.migrate(&changed).await, Err(ConnectError::Migration(_))));
}
