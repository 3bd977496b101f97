//! `run_tx` on a real server: conflicts are retried, refusals are not, and errors are classified.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use database::{Connection, Database, duplicate_key};
use problem::Problem;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor, MySqlPool};
use tokio::sync::Barrier;

#[derive(Debug, thiserror::Error)]
enum MoveError {
    #[error("refused")]
    Refused,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

async fn accounts(options: &MySqlConnectOptions) -> MySqlPool {
    let pool = MySqlPool::connect_with(options.clone()).await.unwrap();
    pool.execute(
        "CREATE TABLE accounts (id INT NOT NULL, n INT NOT NULL, CONSTRAINT accounts_pk PRIMARY KEY (id))",
    )
    .await
    .unwrap();
    pool.execute("INSERT INTO accounts (id, n) VALUES (1, 0), (2, 0)").await.unwrap();
    pool
}

async fn add(connection: &mut Connection, id: i32) -> sqlx::Result<()> {
    sqlx::query("UPDATE accounts SET n = n + 1 WHERE id = ?").bind(id).execute(connection).await.map(|_| ())
}

#[sqlx::test(migrations = false)]
async fn a_deadlock_is_tried_again_and_both_succeed(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let pool = accounts(&options).await;
    let database = Database::from_options(options);
    let both_hold_one = Arc::new(Barrier::new(2));
    let tries = Arc::new(AtomicU32::new(0));
    let crossing = |first: i32, second: i32| {
        let (database, barrier, tries) = (database.clone(), Arc::clone(&both_hold_one), Arc::clone(&tries));
        async move {
            let is_first_try = std::sync::atomic::AtomicBool::new(true);
            database
                .run_tx("crossing", move |connection| {
                    let wait = is_first_try.swap(false, Ordering::SeqCst).then(|| Arc::clone(&barrier));
                    tries.fetch_add(1, Ordering::SeqCst);
                    Box::pin(async move {
                        add(connection, first).await?;
                        if let Some(barrier) = wait {
                            barrier.wait().await;
                        }
                        add(connection, second).await?;
                        Ok::<_, MoveError>(())
                    })
                })
                .await
        }
    };

    let (there, back) = tokio::join!(crossing(1, 2), crossing(2, 1));

    there.unwrap();
    back.unwrap();
    assert_eq!(tries.load(Ordering::SeqCst), 3, "one of the two was the deadlock's victim, once");
    let sums: Vec<i32> =
        sqlx::query_scalar("SELECT n FROM accounts ORDER BY id").fetch_all(&pool).await.unwrap();
    assert_eq!(sums, [2, 2]);
}

#[sqlx::test(migrations = false)]
async fn a_conflict_that_does_not_end_is_reported_after_some_tries(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let pool = accounts(&options).await;
    let database = Database::from_options(options);
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);

    let in_vain = database
        .run_tx("in_vain", move |connection| {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                add(connection, 1).await?;
                connection
                    .execute("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock'")
                    .await?;
                Ok::<_, MoveError>(())
            })
        })
        .await;

    assert!(database::is_transient(&in_vain.unwrap_err()));
    assert_eq!(tries.load(Ordering::SeqCst), 6);
    let n: i32 = sqlx::query_scalar("SELECT n FROM accounts WHERE id = 1").fetch_one(&pool).await.unwrap();
    assert_eq!(n, 0);
}

#[sqlx::test(migrations = false)]
async fn a_refusal_rolls_back_and_is_not_tried_again(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let pool = accounts(&options).await;
    let database = Database::from_options(options);
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);

    let refused = database
        .run_tx("refused", move |connection| {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                add(connection, 1).await?;
                Err::<(), _>(MoveError::Refused)
            })
        })
        .await;

    assert!(matches!(refused, Err(MoveError::Refused)));
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    let n: i32 = sqlx::query_scalar("SELECT n FROM accounts WHERE id = 1").fetch_one(&pool).await.unwrap();
    assert_eq!(n, 0);
}

#[sqlx::test(migrations = false)]
async fn a_connection_that_is_killed_in_a_transaction_is_replaced(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let pool = accounts(&options).await;
    let database = Database::from_options(options);
    let killer = pool.clone();
    let was_killed = Arc::new(AtomicU32::new(0));
    let kills = Arc::clone(&was_killed);

    database
        .run_tx("killed", move |connection| {
            let (killer, kills) = (killer.clone(), Arc::clone(&kills));
            Box::pin(async move {
                add(connection, 1).await?;
                if kills.fetch_add(1, Ordering::SeqCst) == 0 {
                    let id: u64 =
                        sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&mut *connection).await?;
                    killer.execute(sqlx::AssertSqlSafe(format!("KILL {id}"))).await?;
                }
                add(connection, 2).await?;
                Ok::<_, MoveError>(())
            })
        })
        .await
        .unwrap();

    assert_eq!(was_killed.load(Ordering::SeqCst), 2);
    let sums: Vec<i32> =
        sqlx::query_scalar("SELECT n FROM accounts ORDER BY id").fetch_all(&pool).await.unwrap();
    assert_eq!(sums, [1, 1]);
}

#[sqlx::test(migrations = false)]
async fn a_duplicate_names_its_key_whatever_the_value_holds(pool: MySqlPool) {
    pool.execute(
        "CREATE TABLE people (id INT NOT NULL, email VARCHAR(50) NOT NULL, CONSTRAINT people_pk PRIMARY KEY (id), \
         CONSTRAINT people_email_key UNIQUE (email))",
    )
    .await
    .unwrap();
    let insert = async |id: i32, email: &str| {
        sqlx::query("INSERT INTO people (id, email) VALUES (?, ?)").bind(id).bind(email).execute(&pool).await
    };
    insert(1, "o'neil' for key 'x").await.unwrap();

    let twice_the_email = insert(2, "o'neil' for key 'x").await.unwrap_err();
    assert_eq!(duplicate_key(&twice_the_email), Some("people_email_key"));
    let twice_the_id = insert(1, "other").await.unwrap_err();
    assert_eq!(duplicate_key(&twice_the_id), Some("PRIMARY"));
    assert_eq!(duplicate_key(&sqlx::Error::RowNotFound), None);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_503_and_a_bug_is_a_500() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let database =
        Database::from_options(MySqlConnectOptions::new().host("127.0.0.1").port(nobody).database("x"));
    let lost = database.check().await.unwrap_err();
    assert_eq!(Problem::database(lost).status().as_u16(), 503);
    assert_eq!(Problem::database(sqlx::Error::RowNotFound).status().as_u16(), 500);
}
