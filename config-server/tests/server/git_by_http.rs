//! A git repository on another machine: real git answers by HTTP, and the server keeps a copy.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use config_server::repository::git::{GitSettings, watch_git};
use garde::Validate as _;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::git::{GitServer, settings};
use crate::git_origin::Origin;

/// Git's own HTTP backend.
#[derive(Clone)]
struct Hosting {
    folder: Arc<std::path::PathBuf>,
    is_away: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
    /// How many requests had a password.
    with_password: Arc<AtomicUsize>,
}

impl Hosting {
    async fn start(origin: &Origin) -> (Self, String) {
        let hosting = Self {
            folder: Arc::new(origin.path().to_owned()),
            is_away: Arc::default(),
            requests: Arc::default(),
            with_password: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/.git", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(hosting.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (hosting, uri)
    }
}

async fn serve(State(hosting): State<Hosting>, request: Request) -> Response {
    hosting.requests.fetch_add(1, Ordering::SeqCst);
    if hosting.is_away.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let (parts, body) = request.into_parts();
    if parts.headers.contains_key(header::AUTHORIZATION) {
        hosting.with_password.fetch_add(1, Ordering::SeqCst);
    }
    if parts.uri.path().starts_with("/locked") {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")])
            .into_response();
    }
    let text = |name: &str| parts.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", hosting.folder.as_os_str())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("CONTENT_TYPE", text("content-type"))
        .env("HTTP_CONTENT_ENCODING", text("content-encoding"))
        .env("GIT_PROTOCOL", text("git-protocol"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git is installed");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut stdin = backend.stdin.take().unwrap();
    stdin.write_all(&body).await.unwrap();
    drop(stdin);
    let output = backend.wait_with_output().await.unwrap().stdout;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let mut response = Response::new(Body::from(output[end + 4..].to_vec()));
    for line in std::str::from_utf8(&output[..end]).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        if name == "Status" {
            *response.status_mut() = value.split(' ').next().unwrap().parse().unwrap();
        } else {
            response
                .headers_mut()
                .append(header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
    }
    response
}

fn remote(uri: &str, mirror: &std::path::Path) -> GitSettings {
    GitSettings { mirror: Some(mirror.to_owned()), ..settings(uri) }
}

/// Fetches in a thread of its own, as the server does.
async fn refresh(server: GitServer) -> (GitServer, Option<String>) {
    tokio::task::spawn_blocking(move || {
        let fault = server.refresh();
        (server, fault)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_copy_is_fetched_and_follows_the_repository_also_where_it_was_forced() {
    let origin = Origin::new();
    origin.commit(&[("member-api.yml", "a: 1")]);
    origin.git(&["branch", "old"]);
    let leaked = origin.commit(&[("member-api.yml", "a: leaked")]);
    let (_hosting, uri) = Hosting::start(&origin).await;
    let mirror = tempfile::tempdir().unwrap();
    let (server, fault) = refresh(GitServer::new(remote(&uri, &mirror.path().join("copy")))).await;
    assert_eq!(fault, None);
    assert_eq!((server.value("main").await, server.value("old").await), (json!("leaked"), json!(1)));

    origin.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    origin.git(&["branch", "--quiet", "-D", "old"]);
    origin.commit(&[("member-api.yml", "a: 2")]);
    let (server, fault) = refresh(server).await;

    assert_eq!(fault, None);
    assert_eq!(server.value("main").await, json!(2));
    for gone in ["old", &leaked] {
        let answer = server.get(&format!("/member-api/default/{gone}")).await;
        answer.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let answer = server.get("/member-api/default").await.expect(StatusCode::OK);
    assert_eq!(answer.body["propertySources"][0]["name"], json!(format!("{uri}/member-api.yml")));
}

#[tokio::test]
async fn a_new_process_starts_from_the_copy_while_the_repository_is_away() {
    let origin = Origin::new();
    origin.commit(&[("member-api.yml", "a: 1")]);
    let (hosting, uri) = Hosting::start(&origin).await;
    let mirror = tempfile::tempdir().unwrap();
    let (_, fault) = refresh(GitServer::new(remote(&uri, mirror.path()))).await;
    assert_eq!(fault, None);
    hosting.is_away.store(true, Ordering::SeqCst);

    let (server, fault) = refresh(GitServer::new(remote(&uri, mirror.path()))).await;

    let fault = fault.unwrap();
    assert!(fault.contains("can't be fetched"), "{fault}");
    assert!(server.repository.check().is_ok() && server.repository.check_latest().is_err());
    assert_eq!(server.value("main").await, json!(1));
    let elsewhere = tempfile::tempdir().unwrap();
    let (server, _) = refresh(GitServer::new(remote(&uri, elsewhere.path()))).await;
    assert!(server.repository.check().is_err(), "an empty copy is not served");
}

#[tokio::test]
async fn a_password_is_never_sent_in_clear_and_nobody_is_asked_for_one() {
    let origin = Origin::new();
    origin.commit(&[("member-api.yml", "a: 1")]);
    let (hosting, uri) = Hosting::start(&origin).await;
    let uri = uri.replace("/.git", "/locked/.git");
    let password = Some(secrecy::SecretString::from("sesame"));
    for password in [None, password] {
        let mirror = tempfile::tempdir().unwrap();
        let settings = GitSettings { password, ..remote(&uri, mirror.path()) };
        assert_eq!(settings.validate().is_err(), settings.password.is_some());
        let (_, fault) = refresh(GitServer::new(settings)).await;
        let fault = fault.unwrap();
        assert!(fault.contains("can't be fetched") && !fault.contains("sesame"), "{fault}");
    }
    assert!(hosting.requests.load(Ordering::SeqCst) > 0);
    assert_eq!(hosting.with_password.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_webhook_fetches_at_once_and_an_application_can_not_ask_for_it() {
    let origin = Origin::new();
    origin.commit(&[("member-api.yml", "a: 1")]);
    let (hosting, uri) = Hosting::start(&origin).await;
    let mirror = tempfile::tempdir().unwrap();
    let server = GitServer::new(remote(&uri, mirror.path()));
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch_git(server.repository.clone(), stop.clone()));
    while server.repository.check().is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    origin.commit(&[("member-api.yml", "a: 2")]);
    let before = hosting.requests.load(Ordering::SeqCst);
    server.post_monitor(crate::harness::MEMBER_API).await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    assert_eq!(hosting.requests.load(Ordering::SeqCst), before, "the interval is an hour");

    // `monitor:hook`
    let answer = server.post_monitor("Basic bW9uaXRvcjpob29r").await.expect(StatusCode::OK);

    assert_eq!(answer.body, json!(["*"]));
    while server.value("main").await != json!(2) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.cancel();
    watching.await.unwrap();
}
