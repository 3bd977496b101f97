//! Many callers ask for values that only they know, and are cancelled at any moment. Every answer reaches its own caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use redis::{ErrorKind, RedisResult, Script};
use redis_connection::RedisConnection;
use testkit::{Cancel, FaultProxy};

use crate::support::{connection, new_key, proxy, soon, url_at};

const ASKERS: usize = 24;
const ROUNDS: usize = 150;
/// Mostly longer than an answer takes behind the proxy.
const LONGEST: Duration = Duration::from_millis(8);

/// How the requests ended.
#[derive(Debug, Default)]
struct Outcomes {
    answered: AtomicUsize,
    failed: AtomicUsize,
    cancelled: AtomicUsize,
}

/// Several kinds of requests. Each gives the answer, which must be `own`.
async fn ask(redis: &RedisConnection, own: &str, kind: usize) -> RedisResult<String> {
    let redis = &mut redis.clone();
    match kind {
        0 => redis::cmd("ECHO").arg(own).query_async(redis).await,
        // It is so long that the answer has several pieces.
        1 => {
            let long = own.repeat(60);
            let answer: String = redis::cmd("ECHO").arg(&long).query_async(redis).await?;
            Ok(if answer == long { own.to_owned() } else { answer })
        }
        // Redis has never seen this script: the call is refused, the script is loaded, and the call is sent again.
        2 => Script::new(&format!("return KEYS[1] -- {own}")).key(own).invoke_async(redis).await,
        // When a script has answered, the value that it has stored is there.
        3 => {
            let store = Script::new("redis.call('SET', KEYS[1], ARGV[1], 'EX', 600) return ARGV[1]");
            let stored: String = store.key(own).arg(own).invoke_async(redis).await?;
            let found: Option<String> = redis::cmd("GET").arg(own).query_async(redis).await?;
            Ok(if found.as_ref() == Some(&stored) { stored } else { format!("{stored}, then {found:?}") })
        }
        _ => {
            let mut transaction = redis::pipe();
            transaction.atomic().set_ex(own, own, 600).ignore().get(own).get(own);
            let (first, second): (String, String) = transaction.query_async(redis).await?;
            Ok(if first == second { first } else { format!("{first}, then {second}") })
        }
    }
}

async fn ask_often(redis: RedisConnection, outcomes: Arc<Outcomes>) {
    for round in 0..ROUNDS {
        let own = new_key();
        match Cancel::by_chance(LONGEST).run(ask(&redis, &own, round % 5)).await {
            Some(Ok(told)) => {
                assert_eq!(told, own, "the answer is another's");
                outcomes.answered.fetch_add(1, Ordering::Relaxed);
            }
            Some(Err(error)) => {
                // An answer that was cut can't be read.
                assert!(error.is_io_error() || error.kind() == ErrorKind::Parse, "{error}");
                outcomes.failed.fetch_add(1, Ordering::Relaxed);
            }
            None => {
                outcomes.cancelled.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn run(redis: &RedisConnection) -> Arc<Outcomes> {
    let outcomes = Arc::new(Outcomes::default());
    let askers = (0..ASKERS).map(|_| tokio::spawn(ask_often(redis.clone(), outcomes.clone())));
    for end in soon(join_all(askers.collect::<Vec<_>>())).await {
        end.unwrap();
    }
    outcomes
}

fn count(number: &AtomicUsize) -> usize {
    number.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_request_leaves_no_answer_to_the_next() {
    let proxy = proxy();
    proxy.delay(Duration::ZERO..=Duration::from_millis(1));
    proxy.split(1_000);
    let redis = connection(&url_at(&proxy), Duration::from_secs(30));
    let outcomes = run(&redis).await;
    assert_eq!(count(&outcomes.failed), 0, "the connection was never lost");
    assert_eq!(proxy.connections(), 1, "cancelled callers cost no connection");
    // Both must happen often, or this test has tested nothing.
    assert!(count(&outcomes.answered) > ASKERS * ROUNDS / 8, "{outcomes:?}");
    assert!(count(&outcomes.cancelled) > ASKERS * ROUNDS / 8, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_request_leaves_no_answer_to_the_next_on_a_faulty_network() {
    let proxy = Arc::new(proxy());
    let redis = connection(&url_at(&proxy), Duration::from_millis(20));
    let is_over = Arc::new(AtomicBool::new(false));
    let troubling = tokio::spawn(trouble(proxy.clone(), is_over.clone()));
    let outcomes = run(&redis).await;
    is_over.store(true, Ordering::Relaxed);
    troubling.await.unwrap();
    assert!(count(&outcomes.answered) > 0 && count(&outcomes.failed) > 0, "{outcomes:?}");
    assert!(count(&outcomes.cancelled) > ASKERS * ROUNDS / 8, "{outcomes:?}");
    assert!(proxy.connections() > 3, "connections were replaced");
    // At the end it works again.
    let works = async { while ask(&redis, &new_key(), 3).await.is_err() {} };
    soon(works).await;
}

async fn trouble(proxy: Arc<FaultProxy>, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::Relaxed) {
        proxy.delay(Duration::ZERO..=Duration::from_millis(3));
        proxy.split(500);
        pause(5..30).await;
        match rand::random_range(0..4) {
            0 => proxy.stall(),
            1 => proxy.stall_answers(),
            2 => proxy.cut(),
            _ => proxy.lose_existing(),
        }
        pause(1..40).await;
        proxy.restore();
    }
}

/// Gives requests time to meet the fault.
async fn pause(ms: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(ms))).await;
}
