//! The client waits for a server that does not answer or fails, and not for one that refuses.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use garde::Validate;
use serde::Deserialize;
use settings::client::BackOff;
use settings::{ConfigClient, FetchError};
use tokio::net::TcpListener;

const ENVIRONMENT: &str = r#"{
    "name": "member-api", "profiles": ["default"], "label": null, "version": "7f", "state": null,
    "propertySources": [{"name": "file:config/member-api.yml", "source": {"server.port": 8090}}]
}"#;

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Server {
    #[garde(skip)]
    port: u16,
}

/// The answers of the server, one for each try. The last one is repeated.
type Script = &'static [(StatusCode, &'static str)];

/// A server that counts its requests.
struct ScriptedServer {
    address: String,
    requests: Arc<AtomicUsize>,
}

async fn serve(script: Script) -> ScriptedServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve_on(listener, script)
}

fn serve_on(listener: TcpListener, script: Script) -> ScriptedServer {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(move |request: Request| {
        let (status, body) = script[counted.fetch_add(1, Ordering::SeqCst).min(script.len() - 1)];
        async move {
            assert_eq!(request.uri().path(), "/member-api/default");
            // member-api:pass
            assert_eq!(request.headers()[header::AUTHORIZATION], "Basic bWVtYmVyLWFwaTpwYXNz");
            (status, body).into_response()
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    ScriptedServer { address, requests }
}

fn client(address: &str) -> ConfigClient {
    ConfigClient::new(address.parse().unwrap(), "member-api", "default", "pass".into())
        .unwrap()
        .with_back_off(BackOff { first: Duration::from_millis(1), longest: Duration::from_millis(2) })
}

#[tokio::test]
async fn gets_the_settings() {
    let server = serve(&[(StatusCode::OK, ENVIRONMENT)]).await;

    let mut tree = client(&server.address).fetch().await.unwrap();

    assert_eq!(tree.version(), Some("7f"));
    assert_eq!(tree.take_section::<Server>("server").unwrap().port, 8090);
}

#[tokio::test]
async fn an_address_may_end_in_a_slash() {
    let server = serve(&[(StatusCode::OK, ENVIRONMENT)]).await;

    assert!(client(&format!("{}/", server.address)).fetch().await.is_ok());
}

#[tokio::test]
async fn waits_while_the_server_fails() {
    let server = serve(&[
        (StatusCode::SERVICE_UNAVAILABLE, ""),
        (StatusCode::INTERNAL_SERVER_ERROR, r#"{"detail": "member-api.yml can't be read"}"#),
        (StatusCode::OK, ENVIRONMENT),
    ])
    .await;

    assert!(client(&server.address).fetch().await.is_ok());
    assert_eq!(server.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn waits_while_nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let fetching = tokio::spawn(async move { client(&address).fetch().await });
    for _ in 0..3 {
        let (connection, _) = listener.accept().await.unwrap();
        drop(connection);
    }

    let _server = serve_on(listener, &[(StatusCode::OK, ENVIRONMENT)]);

    assert!(fetching.await.unwrap().is_ok());
}

#[tokio::test]
async fn does_not_wait_when_it_is_refused() {
    let server = serve(&[(StatusCode::UNAUTHORIZED, r#"{"detail": "wrong password"}"#)]).await;

    let error = client(&server.address).fetch().await.unwrap_err();

    assert_eq!(
        error.to_string(),
        format!(
            "config-server at {}/ refuses `member-api`: 401 Unauthorized: wrong password",
            server.address
        )
    );
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn does_not_wait_for_something_else_to_become_a_config_server() {
    let server = serve(&[(StatusCode::OK, "<html>")]).await;

    let error = client(&server.address).fetch().await.unwrap_err();

    assert!(matches!(error, FetchError::Foreign { .. }), "{error}");
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn settings_that_are_no_document_are_an_error() {
    let server = serve(&[(
        StatusCode::OK,
        r#"{"name": "member-api", "profiles": [], "propertySources": [{"name": "x.yml", "source": {"a..b": 1}}]}"#,
    )])
    .await;

    let error = client(&server.address).fetch().await.unwrap_err();

    assert!(matches!(error, FetchError::Settings { .. }), "{error}");
}

#[tokio::test]
async fn the_password_is_not_printed() {
    assert!(!format!("{:?}", client("http://localhost:1")).contains("pass\""));
}

#[tokio::test]
async fn an_address_that_can_never_answer_or_shows_a_password_is_refused_at_once() {
    let new =
        |address: &str| ConfigClient::new(address.parse().unwrap(), "member-api", "default", "pass".into());

    let secret = new("http://member-api:hunter2@localhost:1").unwrap_err();
    assert!(matches!(secret, FetchError::SecretInAddress), "{secret}");
    assert!(!format!("{secret:?} {secret}").contains("hunter2"));
    assert!(matches!(new("ftp://localhost:1").unwrap_err(), FetchError::Scheme(_)));
    assert!(matches!(new("data:hunter2").unwrap_err(), FetchError::Address(_)));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        // What arrives before the request is sent is no answer.
        let _ = connection.read(&mut [0; 1024]).unwrap();
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").unwrap();
        let blanks = vec![b' '; 65_536];
        while connection.write_all(&blanks).is_ok() {}
    });

    let error = client(&address).fetch().await.unwrap_err();

    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
}
