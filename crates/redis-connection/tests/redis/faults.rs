//! Every wait has a limit, and a connection that has failed is replaced.

use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, RedisError};

use crate::support::{connection, direct, get, new_key, proxy, server, set, soon, url_at};

#[tokio::test]
async fn a_silent_connection_is_replaced_while_redis_answers() {
    let proxy = proxy();
    let redis = connection(&url_at(&proxy), Duration::from_millis(100));
    let key = new_key();
    soon(set(&redis, &key, "1")).await.unwrap();
    proxy.lose_existing();
    let answered = async { while get(&redis, &key).await.is_err() {} };
    soon(answered).await;
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn a_redis_that_stands_still_costs_each_request_a_bounded_time_and_keeps_its_connection() {
    let proxy = proxy();
    let redis = connection(&url_at(&proxy), Duration::from_millis(50));
    let key = new_key();
    soon(set(&redis, &key, "1")).await.unwrap();
    proxy.stall();
    let asked = (0..50).map(|_| get(&redis, &key));
    for answer in soon(futures::future::join_all(asked)).await {
        assert!(answer.unwrap_err().is_timeout());
    }
    // The last command is executed after all that were sent before it on the same connection.
    assert!(soon(set(&redis, &key, "2")).await.unwrap_err().is_timeout());
    assert!(soon(set(&redis, &key, "3")).await.unwrap_err().is_timeout());
    proxy.restore();
    let answered = async { while get(&redis, &key).await.is_err() {} };
    soon(answered).await;
    assert_eq!(soon(get(&redis, &key)).await.unwrap(), "3");
}

#[tokio::test]
async fn a_connection_that_was_cut_is_replaced() {
    let proxy = proxy();
    let redis = connection(&url_at(&proxy), Duration::from_secs(10));
    let key = new_key();
    soon(set(&redis, &key, "1")).await.unwrap();
    proxy.cut();
    soon(get(&redis, &key)).await.unwrap_err();
    assert_eq!(soon(get(&redis, &key)).await.unwrap(), "1");

    proxy.refuse();
    proxy.cut();
    for _ in 0..5 {
        soon(get(&redis, &key)).await.unwrap_err();
    }
    proxy.restore();
    let answered = async { while get(&redis, &key).await.is_err() {} };
    soon(answered).await;
}

#[tokio::test]
async fn a_refused_password_is_not_remembered() {
    let (user, key) = (format!("user-{}", new_key()), new_key());
    let mut admin = direct().await;
    let mut acl = async |password: &str| {
        let mut set_user = redis::cmd("ACL");
        set_user.arg("SETUSER").arg(&user).arg(&["reset", "on", "~*", "+@all"]).arg(format!(">{password}"));
        set_user.query_async::<()>(&mut admin).await.unwrap();
    };
    acl("another").await;
    let url = format!("redis://{user}:right@{}", server());
    let redis = connection(&url, Duration::from_secs(10));
    for _ in 0..2 {
        let refused: RedisError = soon(set(&redis, &key, "1")).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AuthenticationFailed);
    }
    acl("right").await;
    soon(set(&redis, &key, "1")).await.unwrap();

    let mut forget = redis::cmd("ACL");
    forget.arg("DELUSER").arg(&user);
    forget.query_async::<()>(&mut admin).await.unwrap();
}

#[tokio::test]
async fn a_connection_opens_also_when_its_first_caller_gives_up() {
    let proxy = Arc::new(proxy());
    proxy.stall();
    let timeout = Duration::from_millis(200);
    let redis = connection(&url_at(&proxy), timeout);
    let key = new_key();
    let first = tokio::spawn({
        let (redis, key) = (redis.clone(), key.clone());
        async move { get(&redis, &key).await }
    });
    soon(proxy.wait_held(1)).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    proxy.restore();
    // The passing of time is tested here: it is longer than the limit for opening a connection.
    tokio::time::sleep(2 * timeout).await;
    soon(set(&redis, &key, "1")).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_never_answered_costs_each_request_a_bounded_time() {
    let proxy = proxy();
    proxy.stall();
    let redis = connection(&url_at(&proxy), Duration::from_millis(50));
    for _ in 0..3 {
        assert!(soon(get(&redis, "any")).await.unwrap_err().is_timeout());
    }
}
