//! What becomes of a connection after its borrower: one that is known to be clean is lent again as it is, every other
//! one only after it was rolled back and tested.

mod notes;

use std::sync::Arc;

use database::Database;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor, MySqlConnection, MySqlPool};
use tokio::sync::Barrier;

async fn connection_id(connection: &mut MySqlConnection) -> u64 {
    sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(connection).await.unwrap()
}

/// How many statements of a kind the server has had on this connection.
async fn statements(connection: &mut MySqlConnection, kind: &'static str) -> u64 {
    let (_, count): (String, String) =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("SHOW SESSION STATUS LIKE '{kind}'")))
            .fetch_one(connection)
            .await
            .unwrap();
    count.parse().unwrap()
}

#[sqlx::test(migrations = false)]
async fn after_a_commit_nothing_more_is_asked_of_the_server(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let database = Database::from_options(options);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id =
            database.run_tx("read", |tx| Box::pin(async { Ok::<_, sqlx::Error>(connection_id(tx).await) }));
        ids.push(id.await.unwrap());
    }
    let mut connection = database.acquire().await.unwrap();
    ids.push(connection_id(&mut connection).await);
    assert!(ids.iter().all(|id| *id == ids[0]), "one connection was enough: {ids:?}");
    assert_eq!(statements(&mut connection, "Com_begin").await, 0, "the first statement begins");
    assert_eq!(statements(&mut connection, "Com_commit").await, 3);
    assert_eq!(statements(&mut connection, "Com_rollback").await, 0);
    assert_eq!(statements(&mut connection, "Com_admin_commands").await, 0, "no ping");
}

#[sqlx::test(migrations = false)]
async fn a_connection_that_is_not_given_back_by_hand_is_rolled_back(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let direct = notes::table(&options).await;
    let database = Database::from_options(options);
    let mut connection = database.acquire().await.unwrap();
    connection.execute("BEGIN").await.unwrap();
    connection.execute("INSERT INTO notes (id) VALUES (1)").await.unwrap();
    drop(connection);
    database.close().await;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM notes").fetch_one(&direct).await.unwrap();
    assert_eq!(count, 0);
}

#[sqlx::test(migrations = false)]
async fn when_all_connections_have_died_a_transaction_finds_a_new_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    const CONNECTIONS: usize = 12;
    let direct = MySqlPool::connect_with(options.clone()).await.unwrap();
    let database = Database::from_options(options);
    let all_are_lent = Arc::new(Barrier::new(CONNECTIONS));
    let ids = (0..CONNECTIONS).map(|_| {
        let all_are_lent = Arc::clone(&all_are_lent);
        database.run_tx("read", move |tx| {
            let all_are_lent = Arc::clone(&all_are_lent);
            Box::pin(async move {
                all_are_lent.wait().await;
                Ok::<_, sqlx::Error>(connection_id(tx).await)
            })
        })
    });
    let ids = futures::future::try_join_all(ids).await.unwrap();
    assert_eq!(database.connections().1, CONNECTIONS, "they lie on the shelf");
    for id in &ids {
        direct.execute(sqlx::AssertSqlSafe(format!("KILL {id}"))).await.unwrap();
    }
    let alive = database.run_tx("read", |tx| {
        Box::pin(async { sqlx::query_scalar::<_, u64>("SELECT CONNECTION_ID()").fetch_one(tx).await })
    });
    assert!(!ids.contains(&alive.await.unwrap()));
}

#[sqlx::test(migrations = false)]
async fn a_statement_outside_a_transaction_takes_effect_at_once_whatever_its_connection_did_before(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let direct = notes::table(&options).await;
    let database = Database::from_options(options);
    let committed = database.run_tx("write", |tx| {
        Box::pin(async { tx.execute("INSERT INTO notes (id) VALUES (1)").await.map(drop) })
    });
    committed.await.unwrap();
    let mut connection = database.acquire().await.unwrap();
    connection.execute("INSERT INTO notes (id) VALUES (2)").await.unwrap();
    connection.give_back();

    let panicking = tokio::spawn({
        let database = database.clone();
        async move {
            let panics = database.run_tx("write", |tx| {
                Box::pin(async {
                    let written = tx.execute("INSERT INTO notes (id) VALUES (3)").await?;
                    assert_eq!(written.rows_affected(), 0, "the work panics");
                    Ok::<_, sqlx::Error>(())
                })
            });
            panics.await
        }
    });
    assert!(panicking.await.unwrap_err().is_panic());
    // The only connection there is: it comes back by way of the pool.
    let mut connection = database.acquire().await.unwrap();
    connection.execute("INSERT INTO notes (id) VALUES (4)").await.unwrap();

    let ids: Vec<i32> =
        sqlx::query_scalar("SELECT id FROM notes ORDER BY id").fetch_all(&direct).await.unwrap();
    assert_eq!(ids, [1, 2, 4]);
}
