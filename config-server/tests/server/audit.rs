//! The log says who has read sealed values and who was refused, and never shows a value or a password.

use axum::http::StatusCode;
use sealing::OpeningKey;
use testkit::captured_log::CapturedLog;
use tracing::instrument::WithSubscriber as _;

use crate::harness::{Harness, OPERATOR};

/// Runs some requests, and gives the lines of the log with these words.
async fn lines(work: impl Future<Output = ()>, words: &str) -> Vec<String> {
    let log = CapturedLog::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    work.with_subscriber(subscriber).await;
    let text = log.text();
    assert!(!text.contains("hunter2") && !text.contains("guessed"), "{text}");
    log.lines().into_iter().filter(|line| line.contains(words)).collect()
}

#[tokio::test]
async fn every_read_of_a_sealed_value_is_logged_by_its_key() {
    let key = OpeningKey::generate("k".parse().unwrap());
    let sealed = key.sealing_key().seal("hunter2").unwrap();
    let server = Harness::with_keys(vec![key]);
    server.write("base/member-api.yml", &format!("db: {{password: '{sealed}', user: shop}}"));
    server.write("base/store-api.yml", "plain: 1");

    for path in ["/member-api/prod/canary", "/canary/member-api-prod.yml", "/member-api/prod/canary/x.txt"] {
        server.write("base/x.txt", "${db.password}");
        let read = async {
            server.get(path).send().await.expect(StatusCode::OK);
        };
        let lines = lines(read, "sealed values were read").await;
        assert_eq!(lines.len(), 1, "{path}: {lines:?}");
        for words in [
            "INFO",
            "audit",
            "who=member-api",
            "application=\"member-api\"",
            "profiles=\"prod\"",
            "label=\"canary\"",
            "version=\"",
            "keys={\"db.password\"}",
        ] {
            assert!(lines[0].contains(words), "{words} in {}", lines[0]);
        }
    }
}

#[tokio::test]
async fn an_answer_without_values_is_no_read() {
    let key = OpeningKey::generate("k".parse().unwrap());
    let sealed = key.sealing_key().seal("hunter2").unwrap();
    let server = Harness::with_keys(vec![key]);
    server.write("base/member-api.yml", &format!("a: '{sealed}'"));
    let tag = server.settings().await.header("etag").to_owned();
    let read = async {
        let request = server.get("/member-api/default").header("if-none-match", &tag);
        request.send().await.expect(StatusCode::NOT_MODIFIED);
    };
    assert!(lines(read, "audit").await.is_empty());
}

#[tokio::test]
async fn a_read_without_sealed_values_is_no_matter_of_the_audit() {
    let server = Harness::new();
    server.write("base/member-api.yml", "a: 1");
    let read = async {
        server.settings().await.expect(StatusCode::OK);
    };
    assert!(lines(read, "audit").await.is_empty());
}

#[tokio::test]
async fn the_operator_leaves_a_trace() {
    let key = OpeningKey::generate("k".parse().unwrap());
    let sealed = key.sealing_key().seal("hunter2").unwrap().to_string();
    let server = Harness::with_keys(vec![key]);
    let open = async {
        let request = server.client.post("/decrypt").header("authorization", OPERATOR);
        request.bytes("text/plain", sealed).send().await.expect(StatusCode::OK);
    };
    assert!(lines(open, "who=\"operator\"").await[0].contains("opened=true"));
}

#[tokio::test]
async fn who_was_refused_is_named() {
    let server = Harness::new();
    // member-api and nobody with the password `guessed`, and a name with a line end.
    for (authorization, named) in [
        ("Basic bWVtYmVyLWFwaTpndWVzc2Vk", "tried=\"member-api\""),
        ("Basic bm9ib2R5Omd1ZXNzZWQ=", "tried=\"nobody\""),
        ("Basic YQpiOmd1ZXNzZWQ=", "tried=\"a\\nb\""),
    ] {
        let read = async {
            let request = server.client.get("/member-api/default").header("authorization", authorization);
            request.send().await.expect(StatusCode::UNAUTHORIZED);
        };
        let lines = lines(read, "wrong name or password").await;
        assert!(lines.len() == 1 && lines[0].contains(named), "{lines:?}");
    }
}
