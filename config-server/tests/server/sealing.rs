//! The server opens sealed values in its answers, and seals values.

use axum::http::StatusCode;
use proptest::prelude::*;
use sealing::OpeningKey;
use serde_json::json;
use testkit::Answer;

use crate::harness::{Harness, MEMBER_API, only_source};

fn key(name: &str) -> OpeningKey {
    OpeningKey::generate(name.parse().unwrap())
}

fn seal(key: &OpeningKey, value: &str) -> String {
    key.sealing_key().seal(value).unwrap().to_string()
}

async fn request_seal(server: &Harness, value: impl Into<axum::body::Body>) -> Answer {
    server.client.post("/encrypt").header("authorization", MEMBER_API).bytes("text/plain", value).send().await
}

#[tokio::test]
async fn sealed_values_are_opened_everywhere_in_a_file() {
    let (new, old) = (key("new"), key("old"));
    let content = format!(
        "password: '{}'\nkeys: ['{}', plain]\nblock: >-\n  {}\n",
        seal(&new, "hunter2"),
        seal(&old, "hunter3"),
        seal(&new, "여러 줄\nhunter4"),
    );
    let server = Harness::with_keys(vec![new, old]);
    server.write("base/member-api.yml", &content);

    let answer = server.settings().await.expect(StatusCode::OK);

    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        only_source(&answer),
        &json!({
            "password": "hunter2",
            "keys[0]": "hunter3",
            "keys[1]": "plain",
            "block": "여러 줄\nhunter4",
        })
    );
}

#[tokio::test]
async fn a_value_that_can_not_be_opened_is_marked_as_spring_marks_it() {
    let (here, gone, impostor) = (key("here"), key("gone"), key("here"));
    let mut tampered = seal(&here, "hunter2").into_bytes();
    let middle = tampered.len() / 2;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    let content = format!(
        "sound: '{}'\ntampered: '{}'\nother: '{}'\nsame-name: '{}'\ngarbage: '{{cipher}}garbage'\n",
        seal(&here, "fine"),
        String::from_utf8(tampered).unwrap(),
        seal(&gone, "x"),
        seal(&impostor, "x"),
    );
    let server = Harness::with_keys(vec![here]);
    server.write("base/member-api.yml", &content);

    let answer = server.settings().await.expect(StatusCode::OK);

    assert_eq!(
        only_source(&answer),
        &json!({
            "sound": "fine",
            "invalid.tampered": "<n/a>",
            "invalid.other": "<n/a>",
            "invalid.same-name": "<n/a>",
            "invalid.garbage": "<n/a>",
        })
    );
}

#[tokio::test]
async fn a_value_that_the_server_sealed_is_served_open() {
    let server = Harness::with_keys(vec![key("dalkom")]);

    let sealed = request_seal(&server, "hunter2: 비밀\n").await.expect(StatusCode::OK);

    assert!(sealed.header("content-type").starts_with("text/plain"));
    let sealed = String::from_utf8(sealed.bytes).unwrap();
    assert!(sealed.starts_with("{key:dalkom}"), "{sealed}");
    server.write("base/member-api.yml", &format!("password: '{{cipher}}{sealed}'"));
    assert_eq!(only_source(&server.settings().await), &json!({"password": "hunter2: 비밀\n"}));
}

#[tokio::test]
async fn invalid_values_are_not_sealed() {
    let server = Harness::with_keys(vec![key("dalkom")]);

    request_seal(&server, b"\xff\xfe".to_vec())
        .await
        .expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    request_seal(&server, "x".repeat(64 * 1024 + 1))
        .await
        .expect_problem(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE");
    request_seal(&server, "x".repeat(64 * 1024)).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_status_shows_whether_there_is_a_key() {
    let with_key = Harness::with_keys(vec![key("dalkom")]);
    let without_key = Harness::new();

    let status = with_key.get("/encrypt/status").send().await.expect(StatusCode::OK);

    assert_eq!(status.body, json!({"status": "OK"}));
    without_key.get("/encrypt/status").send().await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    request_seal(&without_key, "x").await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Every value can be sealed, written into a YAML file, and opened again.
    #[test]
    fn every_value_survives_the_file(value in "\\PC{0,40}(\n\\PC{0,10})?") {
        let key = key("k");
        let content = format!("value: '{}'", seal(&key, &value));
        let server = Harness::with_keys(vec![key]);
        server.write("base/member-api.yml", &content);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

        let answer = runtime.block_on(server.settings());

        prop_assert_eq!(only_source(&answer), &json!({"value": value}));
    }
}
