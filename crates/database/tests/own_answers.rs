//! Nobody gets the answer to another statement, and no write is lost, whatever is cancelled and when.
//!
//! The first tests show what sqlx 0.9 does when a future is dropped in the middle of an answer. If one of them fails, sqlx has
//! fixed it, and the crate's documentation can say so.

mod notes;
mod support;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use database::Database;
use rand::RngExt;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor, MySqlPool};
use testkit::FaultProxy;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::support::behind;

/// sqlx's own pool with one connection, which is idle.
async fn bare_pool(options: MySqlConnectOptions) -> MySqlPool {
    let options = MySqlPoolOptions::new().max_connections(1).test_before_acquire(false).connect_with(options);
    let bare = options.await.unwrap();
    while bare.num_idle() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bare
}

/// Selects numbers, and says whether each answer is the number that was selected.
async fn answers_are_own<A: AsyncFnMut(String) -> sqlx::Result<i64>>(mut ask: A) -> bool {
    for number in 100..120 {
        let answer = tokio::time::timeout(Duration::from_secs(1), ask(format!("SELECT {number}"))).await;
        if !matches!(answer, Ok(Ok(answered)) if answered == number) {
            return false;
        }
    }
    true
}

/// Starts `work`, and drops it after the server has answered and before any part of the answer has arrived.
async fn dropped_amid_its_answer<W>(proxy: &FaultProxy, work: W)
where
    W: Future<Output: Send + 'static> + Send + 'static,
{
    let held_before = proxy.held();
    proxy.stall_answers();
    let work = tokio::spawn(work);
    proxy.wait_held(held_before + 1).await;
    work.abort();
    assert!(work.await.is_err_and(|error| error.is_cancelled()));
    proxy.restore();
}

#[sqlx::test(migrations = false)]
async fn a_bare_connection_is_out_of_sync_after_a_dropped_prepare(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (proxy, options) = behind(options);
    let connection = Arc::new(Mutex::new(options.connect().await.unwrap()));
    let asked = Arc::clone(&connection);
    dropped_amid_its_answer(&proxy, async move {
        sqlx::query("SELECT ?, ?").bind(1).bind(2).fetch_one(&mut *asked.lock().await).await.map(drop)
    })
    .await;
    let mut connection = connection.lock().await;
    let own =
        answers_are_own(async |sql| sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await);
    assert!(!own.await, "sqlx counts the answers to a dropped prepare now");
}

#[sqlx::test(migrations = false)]
async fn a_bare_pool_gives_anothers_answer_after_a_dropped_ping(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (proxy, options) = behind(options);
    let bare = bare_pool(options).await;
    let mut connection = bare.acquire().await.unwrap();
    dropped_amid_its_answer(&proxy, async move { connection.ping().await }).await;
    let own = answers_are_own(async |sql| sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&bare).await);
    assert!(!own.await, "sqlx counts the answer to a dropped ping now");
}

#[sqlx::test(migrations = false)]
async fn a_bare_pool_loses_a_write_after_a_dropped_begin(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let direct = notes::table(&options).await;
    let (proxy, options) = behind(options);
    let bare = bare_pool(options).await;
    let mut connection = bare.acquire().await.unwrap();
    dropped_amid_its_answer(&proxy, async move { connection.begin().await.map(drop) }).await;
    bare.execute("INSERT INTO notes (id) VALUES (1)").await.unwrap();
    bare.close().await;
    assert_eq!(notes::ids(&direct).await, [0; 0], "sqlx knows of a transaction whose BEGIN was dropped now");
}

/// Drops the work if it is not done after this many polls. Each number of polls means another await.
async fn dropped_after_polls<W: Future>(polls: usize, work: W) -> Option<W::Output> {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Selects a number that only this task has, by a statement that has to be prepared, and then once more.
async fn ask(database: &Database, number: i64, variant: u32) -> sqlx::Result<(i64, i64)> {
    let ask = database.read("ask", move |connection| {
        Box::pin(async move {
            let sql = format!("SELECT ? + {variant}");
            let first: i64 =
                sqlx::query_scalar(AssertSqlSafe(sql)).bind(number).fetch_one(&mut *connection).await?;
            let second: i64 = sqlx::query_scalar("SELECT ?").bind(number).fetch_one(connection).await?;
            Ok::<_, sqlx::Error>((first - i64::from(variant), second))
        })
    });
    ask.await
}

async fn write(database: &Database, id: u32) -> sqlx::Result<()> {
    let write = database.run_tx("write", move |connection| {
        Box::pin(async move {
            let insert = sqlx::query("INSERT INTO notes (id) VALUES (?)");
            insert.bind(id).execute(&mut *connection).await?;
            let found: u32 = sqlx::query_scalar("SELECT id FROM notes WHERE id = ?")
                .bind(id)
                .fetch_one(connection)
                .await?;
            assert_eq!(found, id, "another's row");
            Ok(())
        })
    });
    write.await
}

#[sqlx::test(migrations = false)]
async fn a_read_may_be_dropped_at_each_of_its_awaits(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (proxy, options) = behind(options);
    // Each packet arrives separately, so that each wait for one is an await at which the future can be dropped.
    proxy.split(4);
    proxy.delay(Duration::from_micros(10)..=Duration::from_micros(50));
    let database = Database::from_options(options);
    let mut polls = 0;
    let mut variant = 0;
    loop {
        variant += 1;
        let ended = dropped_after_polls(polls, ask(&database, -1, variant)).await;
        let number = i64::from(variant) + 1_000;
        assert_eq!(ask(&database, number, variant).await.unwrap(), (number, number), "after {polls} polls");
        if ended.is_some() {
            break;
        }
        polls += 1;
    }
    assert!(polls > 20, "only {polls} awaits were met");
}

#[sqlx::test(migrations = false)]
async fn work_that_drops_a_statement_gives_its_connection_up(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let direct = notes::table(&options).await;
    let (proxy, options) = behind(options);
    proxy.split(4);
    proxy.delay(Duration::from_micros(10)..=Duration::from_micros(50));
    let database = Database::from_options(options);
    let mut ended = false;
    let mut polls = 1;
    while !ended {
        // A prepare, in a read and in a transaction which says that all went well.
        let sql = format!("SELECT ? + {polls}");
        let give_up = database.read("give_up", move |connection| {
            Box::pin(async move {
                let asked = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).bind(-1).fetch_one(connection);
                Ok::<_, sqlx::Error>(dropped_after_polls(polls, asked).await.is_some())
            })
        });
        ended = give_up.await.unwrap();
        let id = u32::try_from(polls).unwrap();
        let give_up = database.run_tx("give_up", move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO notes (id) VALUES (?)").bind(id).execute(&mut *connection).await?;
                let asked = sqlx::query("SELECT ?").bind(-1).fetch_all(&mut *connection);
                let all_was_read = dropped_after_polls(polls, asked).await.is_some();
                let next = sqlx::query_scalar::<_, i64>("SELECT 7").fetch_one(connection).await;
                assert_eq!(next.is_ok(), all_was_read, "a connection that is out of sync answers nothing");
                Ok::<_, sqlx::Error>(all_was_read)
            })
        });
        let committed = give_up.await.is_ok();
        assert_eq!(notes::ids(&direct).await.contains(&id), committed, "the result says what happened");
        assert_eq!(ask(&database, 7, 1).await.unwrap(), (7, 7));
        polls += 1;
    }
}

/// The ids of writes.
#[derive(Default)]
struct Written {
    /// The writer was told that the write has happened.
    confirmed: Vec<u32>,
    /// The writer has given up or got an error: the write may have happened.
    unconfirmed: Vec<u32>,
}

/// The tasks of the storm.
const TASKS: u32 = 24;
/// How often each of them reads and writes.
const ROUNDS: u32 = 120;
/// How many writes must be confirmed. On a machine that is busy with other work, the tasks go on until they are.
const CONFIRMED: u32 = 20;
const MOST_ROUNDS: u32 = 50 * ROUNDS;

/// Reads and writes many times, and gives up at random. `confirmed` counts the confirmed writes of all tasks.
async fn storm(database: Database, task: u32, confirmed: Arc<AtomicU32>) -> Written {
    let mut written = Written::default();
    for round in 0..MOST_ROUNDS {
        if round >= ROUNDS && confirmed.load(Ordering::Relaxed) >= CONFIRMED {
            return written;
        }
        let id = task * MOST_ROUNDS + round;
        let number = i64::from(id) * 1_000;
        let patience = Duration::from_micros(rand::rng().random_range(0..30_000));
        if let Ok(Ok(answer)) = tokio::time::timeout(patience, ask(&database, number, id % 97)).await {
            assert_eq!(answer, (number, number), "another's answer");
        }
        let patience = Duration::from_micros(rand::rng().random_range(0..60_000));
        match tokio::time::timeout(patience, write(&database, id)).await {
            Ok(Ok(())) => {
                written.confirmed.push(id);
                confirmed.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Err(error)) => {
                assert!(database::is_unavailable(&error), "only the network may fail: {error:?}");
                written.unconfirmed.push(id);
            }
            Err(_) => written.unconfirmed.push(id),
        }
    }
    panic!("the storm lets too few writes through")
}

/// Makes faults until it is stopped.
async fn make_faults(proxy: Arc<FaultProxy>) {
    loop {
        let pause = Duration::from_millis(rand::rng().random_range(5..150));
        match rand::rng().random_range(0..6) {
            0 => proxy.cut(),
            1 => proxy.stall_answers(),
            2 => proxy.stall(),
            3 => proxy.split(rand::rng().random_range(1..40)),
            4 => proxy.refuse(),
            _ => proxy.restore(),
        }
        tokio::time::sleep(pause).await;
        proxy.restore();
        proxy.delay(Duration::ZERO..=Duration::from_millis(3));
        tokio::time::sleep(pause).await;
    }
}

#[sqlx::test(migrations = false)]
async fn in_a_storm_of_faults_and_cancellations_everybody_gets_their_own_answer(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let direct = notes::table(&options).await;
    let (proxy, options) = behind(options);
    let proxy = Arc::new(proxy);
    let database = Database::from_options(options);
    let faults = tokio::spawn(make_faults(Arc::clone(&proxy)));
    let confirmed = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(storm(database.clone(), task, confirmed.clone()));
    }
    let written: Vec<Written> = tasks.join_all().await;
    faults.abort();
    assert!(faults.await.unwrap_err().is_cancelled());
    proxy.restore();

    // Every connection that is left in the pool gives the right answers.
    let questions = (0..64).map(|number| ask(&database, number, 98));
    let answers = futures::future::try_join_all(questions).await.unwrap();
    assert!(answers.into_iter().zip(0..).all(|(answer, number)| answer == (number, number)));

    // Waits for the work whose callers have given up.
    database.close().await;
    let ids = notes::ids(&direct).await;
    let confirmed: Vec<u32> = written.iter().flat_map(|written| written.confirmed.clone()).collect();
    let lost: Vec<_> = confirmed.iter().filter(|id| ids.binary_search(id).is_err()).collect();
    assert_eq!(lost, [&0; 0], "confirmed and lost");
    let known = |id: &u32| {
        written.iter().any(|written| written.confirmed.contains(id) || written.unconfirmed.contains(id))
    };
    assert!(ids.iter().all(known), "a row that nobody wrote");
}

#[sqlx::test(migrations = false)]
async fn the_transaction_of_a_dropped_caller_is_finished(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let direct = notes::table(&options).await;
    let database = Database::from_options(options);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = tokio::sync::oneshot::channel();
    let signals = std::sync::Mutex::new(Some((begun, may_go_on)));

    let of_request = database.clone();
    let caller = tokio::spawn(async move {
        of_request
            .run_tx("dropped", move |connection| {
                let (begun, may_go_on) = signals.lock().unwrap().take().unwrap();
                Box::pin(async move {
                    connection.execute("INSERT INTO notes (id) VALUES (1)").await?;
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

    // Waits for the connection that is in use.
    database.close().await;
    assert_eq!(notes::ids(&direct).await, [1]);
}
