//! A caller can wait until its settings change, and every other caller notices nothing of it.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use testkit::Request;
use tokio::time::Instant;

use crate::harness::{Harness, STORE_API, only_source};

/// A server with settings of member-api, and the version of these.
async fn server() -> (Harness, String) {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 1");
    let answer = server.settings().await.expect(StatusCode::OK);
    let tag = answer.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", answer.body["version"].as_str().unwrap()));
    (server, tag)
}

fn poll(server: &Harness, tag: &str, wait: &str) -> Request {
    server.get("/member-api/default").header("if-none-match", tag).header("prefer", wait)
}

#[tokio::test]
async fn settings_that_are_known_are_not_sent_again() {
    let (server, tag) = server().await;

    let same = server.get("/member-api/default").header("if-none-match", &tag).send().await;
    let same = same.expect(StatusCode::NOT_MODIFIED);
    assert_eq!(same.header("etag"), tag);
    assert!(same.bytes.is_empty());
    assert!(!same.headers.contains_key("preference-applied"));
    for unknown in ["\"x\"", "x", "\"x\", W/\"y\""] {
        server
            .get("/member-api/default")
            .header("if-none-match", unknown)
            .send()
            .await
            .expect(StatusCode::OK);
    }
    // Without a version, nobody waits.
    let plain = server.get("/member-api/default").header("prefer", "wait=20").send().await;
    plain.expect(StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_change_ends_the_wait() {
    let (server, tag) = server().await;
    let began = Instant::now();

    let change = async {
        server.write("base/member-api.yml", "a: 2");
        server.settings().await;
    };
    let (answer, ()) = tokio::join!(poll(&server, &tag, "wait=20").send(), change);

    let answer = answer.expect(StatusCode::OK);
    assert_eq!(only_source(&answer), &json!({"a": 2}));
    assert_ne!(answer.header("etag"), tag);
    assert_eq!(answer.header("preference-applied"), "wait=20");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_another_application_does_not() {
    let (server, tag) = server().await;
    let began = Instant::now();

    let change = async {
        server.write("base/store-api.yml", "a: 2");
        let other = server.client.get("/store-api/default").header("authorization", STORE_API);
        other.send().await.expect(StatusCode::OK);
    };
    let (answer, ()) = tokio::join!(poll(&server, &tag, "wait=20").send(), change);

    answer.expect(StatusCode::NOT_MODIFIED);
    assert_eq!(began.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_bounded_and_ends_when_the_server_drains() {
    let (server, tag) = server().await;
    let began = Instant::now();
    let answer = poll(&server, &tag, "wait=3600").send().await.expect(StatusCode::NOT_MODIFIED);
    assert_eq!(began.elapsed().as_secs(), 25);
    assert_eq!(answer.header("preference-applied"), "wait=25");

    let began = Instant::now();
    let drain = async { server.drain.cancel() };
    let (answer, ()) = tokio::join!(poll(&server, &tag, "wait=20").send(), drain);
    answer.expect(StatusCode::NOT_MODIFIED);
    poll(&server, &tag, "wait=20").send().await.expect(StatusCode::NOT_MODIFIED);
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_what_it_may_not_read() {
    let (server, tag) = server().await;
    let began = Instant::now();

    let foreign = server.client.get("/member-api/default").header("authorization", STORE_API);
    let foreign = foreign.header("if-none-match", &tag).header("prefer", "wait=20").send().await;

    foreign.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert!(began.elapsed() < Duration::from_secs(1));
}
