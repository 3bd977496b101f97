//! The server opens sealed values in its answers, and seals values.

use axum::http::StatusCode;
use proptest::prelude::*;
use sealing::OpeningKey;
use serde_json::json;
use testkit::Answer;

use crate::harness::{Harness, MEMBER_API, OPERATOR, only_source};

fn key(name: &str) -> OpeningKey {
    OpeningKey::generate(name.parse().unwrap())
}

fn seal(key: &OpeningKey, value: &str) -> String {
    key.sealing_key().seal(value).unwrap().to_string()
}

async fn request_seal(server: &Harness, value: impl Into<axum::body::Body>) -> Answer {
    post(server, "/encrypt", value).await
}

async fn post(server: &Harness, path: &str, value: impl Into<axum::body::Body>) -> Answer {
    server.client.post(path).header("authorization", OPERATOR).bytes("text/plain", value).send().await
}

async fn get(server: &Harness, path: &str) -> Answer {
    server.client.get(path).header("authorization", OPERATOR).send().await
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

    request_seal(&server, "").await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    request_seal(&server, "{key:gone}x").await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
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

    let status = get(&with_key, "/encrypt/status").await.expect(StatusCode::OK);

    assert_eq!(status.body, json!({"status": "OK"}));
    get(&without_key, "/encrypt/status").await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    request_seal(&without_key, "x").await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn a_key_is_chosen_by_its_name_and_every_key_opens() {
    let server = Harness::with_keys(vec![key("new"), key("old")]);

    for (value, name, opened) in [
        ("hunter2", "new", "hunter2"),
        ("{key:old}hunter2", "old", "hunter2"),
        ("{plain}{key:old}hunter2", "new", "{key:old}hunter2"),
    ] {
        let sealed = request_seal(&server, value).await.expect(StatusCode::OK).text();
        assert!(sealed.starts_with(&format!("{{key:{name}}}")), "{sealed}");
        for path in ["/decrypt", "/decrypt/member-api/default"] {
            for text in [sealed.clone(), format!(" {{cipher}}{sealed}\n")] {
                assert_eq!(post(&server, path, text).await.expect(StatusCode::OK).text(), opened);
            }
        }
    }
    let public: sealing::SealingKey =
        get(&server, "/key").await.expect(StatusCode::OK).text().parse().unwrap();
    assert_eq!(public.name().as_str(), "new");
    assert_eq!(get(&server, "/key/member-api/default").await.text(), public.to_string());
    get(&Harness::new(), "/key").await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_no_sealed_value_is_not_opened() {
    let server = Harness::with_keys(vec![key("here")]);

    let foreign = key("gone").sealing_key().seal("x").unwrap().unmarked();
    for text in ["", "garbage", "{key:here}AAAA", "{cipher}", &foreign] {
        let text = text.to_owned();
        post(&server, "/decrypt", text).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn an_application_neither_seals_nor_opens_and_the_operator_reads_no_settings() {
    let server = Harness::with_keys(vec![key("here")]);

    for path in ["/encrypt", "/decrypt", "/encrypt/member-api/default", "/decrypt/member-api/default"] {
        let request = server.client.post(path).header("authorization", MEMBER_API).bytes("text/plain", "x");
        request.send().await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
    for path in ["/encrypt/status", "/key", "/key/member-api/default"] {
        server.get(path).send().await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
    for path in ["/member-api/default", "/operator/default", "/member-api-default.yml"] {
        get(&server, path).await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
}

#[tokio::test]
async fn a_blank_before_the_mark_does_not_keep_a_value_sealed() {
    let here = key("here");
    let content = format!("a: ' {}'\n", seal(&here, "hunter2"));
    let server = Harness::with_keys(vec![here]);
    server.write("base/member-api.yml", &content);

    assert_eq!(only_source(&server.settings().await), &json!({"a": "hunter2"}));
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
