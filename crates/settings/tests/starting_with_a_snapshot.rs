//! The client falls back on its snapshot while all servers are away, and only then.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use settings::client::BackOff;
use settings::{ConfigClient, Report};
use tokio::net::TcpListener;

const SHORT: Duration = Duration::from_millis(1);
const PASSWORD: &str = "a password of many letters";

/// A server that answers with a status, and the paths that it was asked for.
#[derive(Clone, Default)]
struct Server {
    status: Arc<Mutex<StatusCode>>,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> (Self, String) {
        let server = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = server.clone();
        let router = Router::new().fallback(move |request: Request| {
            state.paths.lock().unwrap().push(request.uri().path().to_owned());
            let status = *state.status.lock().unwrap();
            let body = r#"{"name": "shop", "profiles": ["default"], "version": "7", "propertySources": [
                {"name": "shop.yml", "source": {"port": 1}}]}"#;
            let tag = [("etag", "\"7\"")];
            let is_known = request.headers().contains_key("if-none-match");
            let status = if is_known && status == StatusCode::OK { StatusCode::NOT_MODIFIED } else { status };
            async move { (status, tag, body).into_response() }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, url)
    }

    fn answers(&self, status: StatusCode) {
        *self.status.lock().unwrap() = status;
    }
}

fn client(url: &str, label: &str, snapshot: &Path) -> ConfigClient {
    let client = ConfigClient::new(url.parse().unwrap(), "shop", "default", PASSWORD.into()).unwrap();
    let client = client.with_label(label).unwrap().with_snapshot(snapshot).unwrap();
    client.with_back_off(BackOff { first: SHORT, longest: SHORT }).with_patience(SHORT * 20)
}

/// Starts once while the server is there, and gives the folder with the snapshot.
async fn started_once(url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let (_, mut follower) = client(url, "feature/cakes", &path).fetch_and_follow().await.unwrap();
    assert!(follower.started_with_snapshot().is_none());
    assert!(!path.exists(), "settings that were not tried are not kept");
    follower.keep();
    while !path.exists() {
        tokio::time::sleep(SHORT).await;
    }
    folder
}

#[tokio::test]
async fn the_last_good_settings_are_used_while_the_server_is_away_and_confirmed_when_it_is_back() {
    let (server, url) = Server::start().await;
    let folder = started_once(&url).await;
    server.answers(StatusCode::BAD_GATEWAY);

    let starting = client(&url, "feature/cakes", &folder.path().join("snapshot"));
    let (tree, mut follower) = starting.fetch_and_follow().await.unwrap();

    assert_eq!(tree.version(), Some("7"));
    let used = follower.started_with_snapshot().unwrap().clone();
    assert!(!used.is_over());
    server.answers(StatusCode::OK);
    let following = tokio::spawn(async move { follower.next(&Report::default()).await });
    used.over().await;
    assert!(used.is_over());
    following.abort();
    // The label is a part of the address.
    assert!(server.paths.lock().unwrap().iter().all(|path| path == "/shop/default/feature(_)cakes"));
}

#[tokio::test]
async fn a_snapshot_of_another_label_is_not_used() {
    let (server, url) = Server::start().await;
    let folder = started_once(&url).await;
    server.answers(StatusCode::BAD_GATEWAY);
    let other = client(&url, "main", &folder.path().join("snapshot"));
    let fetching = tokio::spawn(async move { other.fetch().await });
    let asked = |server: &Server| server.paths.lock().unwrap().len();
    let before = asked(&server);
    while asked(&server) < before + 60 {
        tokio::time::sleep(SHORT).await;
    }
    assert!(!fetching.is_finished(), "it waits for the server");

    server.answers(StatusCode::OK);
    assert_eq!(fetching.await.unwrap().unwrap().version(), Some("7"));
}

#[tokio::test]
async fn a_password_that_can_be_guessed_seals_no_snapshot() {
    let client =
        ConfigClient::new("http://localhost:1".parse().unwrap(), "shop", "default", "pass".into()).unwrap();
    let refused = client.with_snapshot(Path::new("/nowhere")).unwrap_err();
    assert!(refused.to_string().contains("can't seal a snapshot"), "{refused}");
}
