//! Which connections are used again: those on which every answer was read.

mod notes;

use std::sync::Arc;

use database::{Connection, Database};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor, MySqlPool};
use tokio::sync::Barrier;

async fn connection_id(connection: &mut Connection) -> sqlx::Result<u64> {
    sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(connection).await
}

/// How many statements of a kind this connection has executed.
async fn statements(connection: &mut Connection, kind: &'static str) -> sqlx::Result<u64> {
    let status = sqlx::query_as(sqlx::AssertSqlSafe(format!("SHOW SESSION STATUS LIKE '{kind}'")));
    let (_, count): (String, String) = status.fetch_one(connection).await?;
    Ok(count.parse().unwrap())
}

async fn read_connection_id(database: &Database) -> sqlx::Result<u64> {
    database.read("connection_id", |connection| Box::pin(connection_id(connection))).await
}

async fn insert(connection: &mut Connection, id: u32) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO notes (id) VALUES (?)").bind(id).execute(connection).await.map(drop)
}

#[sqlx::test(migrations = false)]
async fn no_statement_follows_a_commit(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let database = Database::from_options(options);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(database.run_tx("read", |connection| Box::pin(connection_id(connection))).await.unwrap());
    }
    let counts = database.read("statements", |connection| {
        Box::pin(async move {
            let id = connection_id(connection).await?;
            let kinds = ["Com_begin", "Com_commit", "Com_rollback", "Com_admin_commands"];
            let mut counts = Vec::new();
            for kind in kinds {
                counts.push(statements(connection, kind).await?);
            }
            Ok::<_, sqlx::Error>((id, counts))
        })
    });
    let (id, counts) = counts.await.unwrap();
    assert!(ids.iter().all(|of_transaction| *of_transaction == id), "one connection was enough: {ids:?}");
    assert_eq!(counts, [0, 3, 0, 0], "there is no BEGIN and no ping");
}

#[sqlx::test(migrations = false)]
async fn a_transaction_that_panics_leaves_nothing(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let direct = notes::table(&options).await;
    let database = Database::from_options(options);
    let before = read_connection_id(&database).await.unwrap();
    let panicking = tokio::spawn({
        let database = database.clone();
        async move {
            let panics = database.run_tx("write", |connection| {
                Box::pin(async move {
                    insert(connection, 3).await?;
                    assert!(connection.execute("SELECT 1").await.is_err(), "the work panics");
                    Ok::<_, sqlx::Error>(())
                })
            });
            panics.await
        }
    });
    assert!(panicking.await.unwrap_err().is_panic());
    assert_ne!(read_connection_id(&database).await.unwrap(), before, "its connection is closed");
    let write = database.run_autocommit("write", |connection| Box::pin(insert(connection, 4)));
    write.await.unwrap();
    assert_eq!(notes::ids(&direct).await, [4]);
}

#[sqlx::test(migrations = false)]
async fn when_all_connections_have_died_a_transaction_finds_a_new_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    const CONNECTIONS: usize = 12;
    let direct = MySqlPool::connect_with(options.clone()).await.unwrap();
    let database = Database::from_options(options);
    let all_are_in_use = Arc::new(Barrier::new(CONNECTIONS));
    let ids = (0..CONNECTIONS).map(|_| {
        let all_are_in_use = Arc::clone(&all_are_in_use);
        database.run_tx("read", move |connection| {
            let all_are_in_use = Arc::clone(&all_are_in_use);
            Box::pin(async move {
                all_are_in_use.wait().await;
                connection_id(connection).await
            })
        })
    });
    let ids = futures::future::try_join_all(ids).await.unwrap();
    assert_eq!(database.connections().1, CONNECTIONS, "all are idle");
    for id in &ids {
        direct.execute(sqlx::AssertSqlSafe(format!("KILL {id}"))).await.unwrap();
    }
    let alive = database.run_tx("read", |connection| Box::pin(connection_id(connection)));
    assert!(!ids.contains(&alive.await.unwrap()));
    assert_eq!(database.connections().1, 1, "the other dead ones are gone with the first");
}

#[sqlx::test(migrations = false)]
async fn a_statement_outside_a_transaction_takes_effect_at_once_whatever_its_connection_did_before(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let direct = notes::table(&options).await;
    let database = Database::from_options(options);
    let committed = database.run_tx("write", |connection| Box::pin(insert(connection, 1)));
    committed.await.unwrap();
    let write = database.run_autocommit("write", |connection| Box::pin(insert(connection, 2)));
    write.await.unwrap();
    assert_eq!(database.connections(), (0, 1), "one connection did both");
    assert_eq!(notes::ids(&direct).await, [1, 2]);
}
