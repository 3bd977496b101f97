//! The follower notices changes: of a server that waits for them, and of one that does not.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use settings::follow::Rhythm;
use settings::report::{HEADER, Refused};
use settings::{ConfigClient, Fault, Follower, Report};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// No test waits for it.
const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

/// Waits for changes if it is asked to, and if it `waits`.
#[derive(Clone)]
struct Server {
    waits: bool,
    /// The status and the port in the settings.
    state: watch::Sender<(StatusCode, u16)>,
    requests: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Server {
    /// A server with the port 1.
    async fn start(waits: bool) -> (Self, String) {
        let server = Self { waits, state: watch::Sender::new((StatusCode::OK, 1)), requests: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, address)
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let headers = request.headers().clone();
    server.requests.lock().unwrap().push(headers.clone());
    let mut state = server.state.subscribe();
    let (mut status, mut port) = *state.borrow_and_update();
    if server.waits
        && let Some(known) = headers.get(header::IF_NONE_MATCH)
    {
        assert_eq!(headers["prefer"], "wait=30");
        while (status, format!("\"{port}\"")) == (StatusCode::OK, known.to_str().unwrap().to_owned()) {
            state.changed().await.unwrap();
            (status, port) = *state.borrow_and_update();
        }
    }
    let key = if port == 0 { "a..b" } else { "port" };
    let body = format!(
        r#"{{"name": "a", "profiles": ["default"], "version": "{port}",
            "propertySources": [{{"name": "x.yml", "source": {{"{key}": {port}}}}}]}}"#
    );
    let mut response = (status, body).into_response();
    if server.waits {
        response.headers_mut().insert(header::ETAG, format!("\"{port}\"").parse().unwrap());
        response.headers_mut().insert("preference-applied", "wait=30".parse().unwrap());
    }
    response
}

async fn follower(address: &str, rhythm: Rhythm) -> Follower {
    let client = ConfigClient::new(address.parse().unwrap(), "a", "default", "pass".into()).unwrap();
    client.fetch_and_follow().await.unwrap().1.with_rhythm(rhythm)
}

fn report() -> Report {
    Report { instance: "a-1".to_owned(), applied: Some("1".to_owned()), ..Report::default() }
}

#[tokio::test]
async fn a_change_arrives_at_once_where_the_server_waits() {
    let (server, address) = Server::start(true).await;
    let mut follower = follower(&address, Rhythm { interval: LONG, early: LONG, first_retry: LONG }).await;

    for port in 2..10 {
        server.state.send_replace((StatusCode::OK, port));
        let version = follower.next(&report()).await;
        assert_eq!(version.name, Some(port.to_string()));
        assert!(version.tree.is_ok());
    }
    assert_eq!(server.requests(), 9, "each version takes one request");
}

#[tokio::test]
async fn a_server_that_does_not_wait_is_asked_again() {
    let (server, address) = Server::start(false).await;
    let mut follower = follower(&address, Rhythm { interval: SHORT, early: LONG, first_retry: LONG }).await;
    let following = tokio::spawn(async move { follower.next(&report()).await });
    while server.requests() < 4 {
        tokio::task::yield_now().await;
    }
    assert!(!following.is_finished(), "the same settings are no change");

    server.state.send_replace((StatusCode::OK, 2));

    assert_eq!(following.await.unwrap().name.as_deref(), Some("2"));
}

#[tokio::test]
async fn failures_and_refusals_are_waited_out() {
    let (server, address) = Server::start(true).await;
    let rhythm = Rhythm { interval: SHORT, early: LONG, first_retry: SHORT };
    let mut follower = follower(&address, rhythm).await;
    let statuses =
        [StatusCode::SERVICE_UNAVAILABLE, StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::FOUND];
    let following = tokio::spawn(async move { follower.next(&report()).await });
    for status in statuses {
        let before = server.requests();
        server.state.send_replace((status, 1));
        while server.requests() < before + 2 {
            tokio::task::yield_now().await;
        }
    }

    server.state.send_replace((StatusCode::OK, 2));

    assert_eq!(following.await.unwrap().name.as_deref(), Some("2"));
}

#[tokio::test]
async fn settings_that_can_not_be_merged_are_told_with_their_version() {
    let (server, address) = Server::start(true).await;
    let mut follower = follower(&address, Rhythm { interval: LONG, early: LONG, first_retry: LONG }).await;
    server.state.send_replace((StatusCode::OK, 0));

    let version = follower.next(&report()).await;

    assert_eq!(version.name.as_deref(), Some("0"));
    assert_eq!(version.tree.unwrap_err().faults()[0].key, "a..b");
    // It is not sent again and again: the next request waits for another one.
    server.state.send_replace((StatusCode::OK, 3));
    assert_eq!(follower.next(&report()).await.name.as_deref(), Some("3"));
}

#[tokio::test]
async fn the_server_is_told_what_the_process_runs_and_what_it_has_refused() {
    let (server, address) = Server::start(true).await;
    let mut follower = follower(&address, Rhythm { interval: LONG, early: LONG, first_retry: LONG }).await;
    let fault = Fault { key: "port".to_owned(), problem: "세 too small".to_owned(), origin: None };
    let refused = Refused { version: Some("2".to_owned()), faults: vec![fault] };
    let report = Report { refused: Some(refused), ..report() };
    server.state.send_replace((StatusCode::OK, 2));

    follower.next(&report).await;

    let told = server.requests.lock().unwrap()[1][HEADER].clone();
    assert_eq!(Report::from_header(told.as_bytes()), Some(report));
}

#[tokio::test]
async fn of_several_servers_the_next_one_is_asked_when_one_fails() {
    let (first, first_address) = Server::start(true).await;
    let (second, second_address) = Server::start(true).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let addresses = [format!("http://{gone}"), first_address, second_address];
    let addresses = addresses.map(|address| address.parse().unwrap()).to_vec();
    let client = ConfigClient::of_servers(addresses, "a", "default", "pass".into()).unwrap();

    let (_, follower) = client.fetch_and_follow().await.unwrap();
    assert_eq!((first.requests(), second.requests()), (1, 0));
    let mut follower = follower.with_rhythm(Rhythm { interval: SHORT, early: LONG, first_retry: SHORT });
    second.state.send_replace((StatusCode::OK, 2));
    first.state.send_replace((StatusCode::SERVICE_UNAVAILABLE, 1));

    assert_eq!(follower.next(&report()).await.name.as_deref(), Some("2"));
    assert!(ConfigClient::of_servers(Vec::new(), "a", "default", "pass".into()).is_err());
}
