//! Every wait for the database has a limit, and after an outage the pool works again at once.

mod notes;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use database::{Connection, Database, is_transient, is_unavailable};
use problem::Problem;
use sqlx::Executor;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::support::behind;

/// Longer than every limit in these tests. It ends a test that hangs.
const HANGS: Duration = Duration::from_secs(60);

async fn connection_id(connection: &mut Connection) -> sqlx::Result<u64> {
    sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(connection).await
}

async fn read(database: &Database) -> sqlx::Result<u64> {
    database.read("connection_id", |connection| Box::pin(connection_id(connection))).await
}

#[sqlx::test(migrations = false)]
async fn a_statement_ends_while_the_database_stands_still(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (proxy, options) = behind(options);
    let database = Database::with_statement_limit(options, Duration::from_millis(200));
    read(&database).await.unwrap();
    proxy.stall();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let write = database.run_tx("write", move |connection| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(connection_id(connection))
    });
    let write = tokio::time::timeout(HANGS, write).await.expect("a statement without an end").unwrap_err();
    assert!(is_unavailable(&write) && !is_transient(&write), "{write:?}");
    assert!(runs.load(Ordering::SeqCst) <= 1, "work that has used up its time is not retried");
    let read_meanwhile = tokio::time::timeout(HANGS, read(&database)).await.expect("no end");
    assert!(is_unavailable(&read_meanwhile.unwrap_err()));
    proxy.restore();
    read(&database).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn the_server_ends_a_read_that_takes_too_long(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let database = Database::with_statement_limit(options, Duration::from_millis(300));
    let before = read(&database).await.unwrap();
    let slow = database.read("slow", |connection| {
        Box::pin(async move {
            let columns = "information_schema.columns";
            let sql = format!("SELECT COUNT(*) FROM {columns} a, {columns} b, {columns} c WHERE a.column_name < b.column_name");
            sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await
        })
    });
    let error = tokio::time::timeout(HANGS, slow).await.expect("no end").unwrap_err();
    assert!(error.as_database_error().is_some(), "the server answers: {error:?}");
    assert!(is_unavailable(&error) && !is_transient(&error));
    assert_eq!(read(&database).await.unwrap(), before, "its connection is used again");
}

#[sqlx::test(migrations = false)]
async fn connecting_ends_while_the_database_stands_still(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (proxy, options) = behind(options);
    proxy.stall();
    let database = Database::from_options(options);
    let error = tokio::time::timeout(HANGS, read(&database)).await.expect("no end").unwrap_err();
    assert!(is_unavailable(&error));
    proxy.restore();
    read(&database).await.unwrap();
}

/// Opens some connections, which are idle afterwards.
async fn open_some(database: &Database) {
    let slow = || {
        database.read("sleep", |connection| {
            Box::pin(async { connection.execute("SELECT SLEEP(0.1)").await.map(drop) })
        })
    };
    futures::future::try_join_all((0..8).map(|_| slow())).await.unwrap();
    assert!(database.connections().1 > 1);
}

#[sqlx::test(migrations = false)]
async fn after_an_outage_one_failure_closes_all_idle_connections(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (proxy, options) = behind(options);
    let database = Database::from_options(options);
    open_some(&database).await;
    proxy.cut();
    assert!(is_transient(&read(&database).await.unwrap_err()));
    assert_eq!(database.connections(), (0, 0));
    read(&database).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_check_succeeds_at_once_when_the_database_is_back(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (proxy, options) = behind(options);
    let database = Database::from_options(options);
    open_some(&database).await;
    proxy.cut();
    database.check().await.expect("the first check after an outage opens a new connection");
    read(&database).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn connections_that_the_network_lost_silently_are_replaced(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (proxy, options) = behind(options);
    let database = Database::with_statement_limit(options, Duration::from_millis(200));
    open_some(&database).await;
    proxy.lose_existing();
    let error = tokio::time::timeout(HANGS, read(&database)).await.expect("no end").unwrap_err();
    assert!(is_unavailable(&error));
    read(&database).await.expect("the other lost connections were closed as well");
}

#[sqlx::test(migrations = false)]
async fn a_database_that_became_read_only_is_unavailable_and_its_connections_are_dropped(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    // A server that was made a replica, one that is being switched over, one that has left its group.
    for number in [1290, 1836, 3100, 1047] {
        let database = Database::from_options(options.clone());
        open_some(&database).await;
        let before = read(&database).await.unwrap();
        let write = database.run_autocommit("write", move |connection| {
            Box::pin(async move {
                let sql =
                    format!("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'read-only'");
                connection.execute(sqlx::AssertSqlSafe(sql)).await.map(drop)
            })
        });
        let error = write.await.unwrap_err();
        let problem = Problem::database(error);
        assert_eq!(problem.status().as_u16(), 503, "{number}");
        assert_eq!(database.connections(), (0, 0), "{number}");
        assert_ne!(read(&database).await.unwrap(), before, "{number}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_commit_whose_answer_is_lost_is_not_run_again(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let direct = notes::table(&options).await;
    let (proxy, options) = behind(options);
    let proxy = Arc::new(proxy);
    let database = Database::from_options(options);
    let runs = Arc::new(AtomicU32::new(0));
    let (stalling, counted) = (Arc::clone(&proxy), Arc::clone(&runs));
    let writing = tokio::spawn(async move {
        let write = database.run_tx("write", move |connection| {
            let (proxy, run) = (Arc::clone(&stalling), counted.fetch_add(1, Ordering::SeqCst));
            Box::pin(async move {
                sqlx::query("INSERT INTO notes (id) VALUES (?)").bind(run).execute(connection).await?;
                proxy.stall_answers();
                Ok::<_, sqlx::Error>(())
            })
        });
        write.await
    });
    tokio::time::timeout(HANGS, proxy.wait_held(1)).await.expect("the answer to the COMMIT");
    proxy.cut();
    let error = writing.await.unwrap().unwrap_err();
    assert!(is_unavailable(&error));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(notes::ids(&direct).await, [0], "it was committed, and the answer was lost");
}
