//! A request that is cancelled while its transaction begins must not make anybody's write disappear.
//!
//! sqlx 0.9 hands the pool a connection inside an open transaction when `begin()` is dropped between sending `BEGIN`
//! and reading the answer. The next borrower's write then belongs to a transaction that nobody commits. A proxy that
//! delays every answer makes that moment long enough to hit.

mod notes;

use std::net::SocketAddr;
use std::time::Duration;

use database::Database;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Connection, Executor, MySqlPool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ROUNDS: u32 = 60;
const DELAY: Duration = Duration::from_millis(8);

#[sqlx::test(migrations = false)]
async fn a_bare_pool_loses_writes_after_a_cancelled_begin(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let direct = notes::table(&options).await;
    let bare =
        MySqlPoolOptions::new().max_connections(1).connect_lazy_with(behind_a_slow_proxy(options).await);

    for id in 0..ROUNDS {
        let pool = bare.clone();
        cancelled_at_random(id, async move {
            let mut connection = pool.acquire().await.unwrap();
            let transaction = connection.begin().await.unwrap();
            transaction.rollback().await.unwrap();
        })
        .await;
        insert(&bare, id).await;
    }
    bare.close().await;

    // Where this fails, sqlx has mended it: the ROLLBACK at each release is no longer needed.
    assert!(count(&direct).await < i64::from(ROUNDS), "every write survived: the fault is gone from sqlx");
}

#[sqlx::test(migrations = false)]
async fn run_tx_and_its_pool_lose_nothing_after_a_cancelled_request(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let direct = notes::table(&options).await;
    let database = Database::from_options(behind_a_slow_proxy(options).await);

    for id in 0..ROUNDS {
        let of_request = database.clone();
        cancelled_at_random(id, async move {
            of_request
                .run_tx("cancelled", move |tx| {
                    Box::pin(async move {
                        tx.execute("SELECT 1").await?;
                        Ok::<_, sqlx::Error>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
        let mut connection = database.acquire().await.unwrap();
        sqlx::query("INSERT INTO notes (id) VALUES (?)").bind(id).execute(&mut *connection).await.unwrap();
        connection.give_back();
    }
    database.close().await;

    assert_eq!(count(&direct).await, i64::from(ROUNDS));
}

#[sqlx::test(migrations = false)]
async fn the_pool_alone_mends_a_begin_that_was_cancelled_outside_run_tx(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let direct = notes::table(&options).await;
    let database = Database::from_options(behind_a_slow_proxy(options).await);

    for id in 0..ROUNDS {
        let of_request = database.clone();
        cancelled_at_random(id, async move {
            let mut connection = of_request.acquire().await.unwrap();
            connection.begin().await.unwrap().rollback().await.unwrap();
            connection.give_back();
        })
        .await;
        let mut connection = database.acquire().await.unwrap();
        sqlx::query("INSERT INTO notes (id) VALUES (?)").bind(id).execute(&mut *connection).await.unwrap();
        connection.give_back();
    }
    database.close().await;

    assert_eq!(count(&direct).await, i64::from(ROUNDS));
}

#[sqlx::test(migrations = false)]
async fn what_a_dropped_caller_began_is_finished(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let direct = notes::table(&options).await;
    let database = Database::from_options(options);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = tokio::sync::oneshot::channel();
    let signals = std::sync::Mutex::new(Some((begun, may_go_on)));

    let of_request = database.clone();
    let caller = tokio::spawn(async move {
        of_request
            .run_tx("dropped", move |tx| {
                let (begun, may_go_on) = signals.lock().unwrap().take().unwrap();
                Box::pin(async move {
                    tx.execute("INSERT INTO notes (id) VALUES (1)").await?;
                    begun.send(()).unwrap();
                    may_go_on.await.unwrap();
                    Ok::<_, sqlx::Error>(())
                })
            })
            .await
    });
    has_begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go_on.send(()).unwrap();

    // Waits for the one connection that is in use.
    database.close().await;
    assert_eq!(count(&direct).await, 1);
}

async fn insert(pool: &MySqlPool, id: u32) {
    sqlx::query("INSERT INTO notes (id) VALUES (?)").bind(id).execute(pool).await.unwrap();
}

async fn count(pool: &MySqlPool) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM notes").fetch_one(pool).await.unwrap()
}

/// Drops the work after 0 to 29 ms, another for each round: before, within and after each of its round trips.
async fn cancelled_at_random(round: u32, work: impl Future<Output = ()>) {
    let after = Duration::from_millis(u64::from(round * 7 % 30));
    let _ = tokio::time::timeout(after, work).await;
}

/// The same server, with every answer delayed.
async fn behind_a_slow_proxy(options: MySqlConnectOptions) -> MySqlConnectOptions {
    let server = (options.get_host().to_owned(), options.get_port());
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(server.clone()).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                    tokio::time::sleep(DELAY).await;
                    if to_client.write_all(&buffer[..read]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    options.host("127.0.0.1").port(port)
}
