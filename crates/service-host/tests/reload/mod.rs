//! Changes of the settings reach a running process, `examples/following.rs`, or are refused as a whole.

mod snapshot;
mod tls;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use settings::Report;
use settings::report::HEADER;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::process::{Process, environment};

/// Answers as config-server does: at once with other settings than those that are known, or else when they change.
#[derive(Clone)]
struct ConfigServer {
    environment: watch::Sender<Value>,
    /// The status of its answers in place of settings.
    fails: watch::Sender<Option<StatusCode>>,
    reports: Arc<Mutex<Vec<Report>>>,
    reported: watch::Sender<usize>,
}

impl ConfigServer {
    async fn start(changes: Value) -> (Self, String) {
        let server = Self {
            environment: watch::Sender::new(versioned("1", changes)),
            fails: watch::Sender::new(None),
            reports: Arc::default(),
            reported: watch::Sender::new(0),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = server.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (server, url)
    }

    fn is_away(&self, is_away: bool) {
        self.fails.send_replace(is_away.then_some(StatusCode::SERVICE_UNAVAILABLE));
    }

    fn refuses(&self) {
        self.fails.send_replace(Some(StatusCode::UNAUTHORIZED));
    }

    fn router(&self) -> Router {
        // A service has a fallback of its own.
        Router::new().route("/{*path}", any(answer)).with_state(self.clone())
    }

    fn change(&self, version: &str, changes: Value) {
        self.environment.send_replace(versioned(version, changes));
    }

    /// The report with which the process waits, after this many changes.
    async fn report(&self, changes: usize) -> Report {
        self.reported.subscribe().wait_for(|count| *count > changes).await.unwrap();
        self.reports.lock().unwrap()[changes].clone()
    }
}

fn versioned(version: &str, changes: Value) -> Value {
    let mut environment = environment(changes);
    environment["version"] = json!(version);
    environment
}

async fn answer(State(server): State<ConfigServer>, request: Request) -> Response {
    let known = request.headers().get(header::IF_NONE_MATCH).map(|tag| tag.to_str().unwrap().to_owned());
    if let Some(report) = request.headers().get(HEADER) {
        server.reports.lock().unwrap().push(Report::from_header(report.as_bytes()).unwrap());
        server.reported.send_modify(|count| *count += 1);
    }
    if let Some(status) = *server.fails.borrow() {
        return status.into_response();
    }
    let does_not_wait = known.is_some() && !request.headers().contains_key("prefer");
    let tag = |environment: &Value| format!("\"{}\"", environment["version"].as_str().unwrap());
    let mut environment = server.environment.subscribe();
    if does_not_wait && known.as_deref() == Some(&tag(&environment.borrow())) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let changed = environment.wait_for(|environment| known.as_deref() != Some(&tag(environment))).await;
    let environment = changed.unwrap().clone();
    let headers = [("etag", tag(&environment)), ("preference-applied", "wait=30".to_owned())];
    (headers, environment.to_string()).into_response()
}

async fn settings_of(process: &Process) -> Value {
    let (status, body) = process.get_management("/readyz").await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["settings"].clone()
}

async fn started(changes: Value) -> (ConfigServer, Process) {
    let (server, url) = ConfigServer::start(changes).await;
    let mut process = Process::following(&url);
    process.logged("registered in Consul").await;
    (server, process)
}

#[tokio::test]
async fn a_change_takes_effect_while_the_process_runs() {
    let (server, mut process) = started(json!({})).await;
    assert_eq!(process.get("/greeting").await.1, "hello");
    assert_eq!(settings_of(&process).await, json!({"version": "1"}));
    let report = server.report(0).await;
    assert!(report.instance.starts_with("following-api-127.0.0.1-"), "{report:?}");
    assert_eq!((report.applied.as_deref(), report.refused), (Some("1"), None));

    server.change("2", json!({"greeting": "secret-word"}));

    let line = process.logged("the settings have changed").await;
    assert_eq!((&line["version"], &line["keys"]), (&json!("2"), &json!("{\"greeting\"}")));
    assert_eq!(process.get("/greeting").await.1, "secret-word");
    assert_eq!(settings_of(&process).await, json!({"version": "2"}));
    assert_eq!(server.report(1).await.applied.as_deref(), Some("2"));
    process.signal(Signal::SIGTERM);
    let log = process.rest_of_log().await;
    assert!(log.iter().all(|line| !line.to_string().contains("secret-word")), "{log:?}");
}

#[tokio::test]
async fn wrong_settings_are_refused_as_a_whole_and_the_server_is_told() {
    let (server, mut process) = started(json!({})).await;
    for (version, changes, key, problem) in [
        (
            "2",
            json!({"greeting": "bye", "server.max-connections": 0}),
            "server.max-connections",
            "lower than 1",
        ),
        ("3", json!({"greeting": "bye", "unknown": 1}), "unknown", "is not a known setting"),
        ("4", json!({"greeting": "bye", "a..b": 1}), "a..b", "is not a well-formed key"),
        ("5", json!({"greeting": "an impossible word"}), "greeting", "can't be said"),
        ("6", json!({"greeting": "bye", "log.filter": "a=b=c"}), "log.filter", "is not understood"),
    ] {
        let changes_before = server.reports.lock().unwrap().len();
        server.change(version, changes);

        let line = process.logged("the new settings are refused; the old ones stay").await;
        assert_eq!(line["version"], json!(version));
        assert!(line["reason"].as_str().unwrap().contains(problem), "{line}");
        assert_eq!(process.get("/greeting").await.1, "hello");
        let shown = settings_of(&process).await;
        assert_eq!((&shown["version"], &shown["refused"]["version"]), (&json!("1"), &json!(version)));
        let report = server.report(changes_before).await;
        let refused = report.refused.unwrap();
        assert_eq!((report.applied.as_deref(), refused.version.as_deref()), (Some("1"), Some(version)));
        assert_eq!(refused.faults[0].key, key);
        assert!(refused.faults[0].problem.contains(problem), "{refused:?}");
    }

    server.change("7", json!({"greeting": "bye"}));

    process.logged("the settings have changed").await;
    assert_eq!(process.get("/greeting").await.1, "bye");
    assert_eq!(settings_of(&process).await, json!({"version": "7"}));
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn what_needs_a_restart_is_pending_until_it_is_taken_back() {
    let (server, mut process) = started(json!({"name": "first"})).await;
    server.change("2", json!({"name": "second", "greeting": "bye", "server.max-connections": 99}));

    process.logged("the settings have changed").await;
    let pending = json!(["name", "server.max-connections"]);
    assert_eq!(settings_of(&process).await, json!({"version": "2", "restart-pending": pending}));
    assert_eq!(process.get("/name").await.1, "first");
    assert_eq!(process.get("/greeting").await.1, "bye");
    assert_eq!(server.report(1).await.restart_pending, ["name", "server.max-connections"]);

    server.change("3", json!({"name": "first", "greeting": "bye"}));

    process.logged("the settings have changed").await;
    assert_eq!(settings_of(&process).await, json!({"version": "3"}));
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn the_log_filter_changes_while_the_process_runs() {
    let (server, mut process) = started(json!({"log.filter": "info"})).await;
    server.change("2", json!({"log.filter": "info,telemetry=off"}));
    process.logged("the settings have changed").await;
    process.get("/greeting").await;

    server.change("3", json!({}));
    process.logged("the settings have changed").await;
    process.get("/name").await;

    process.signal(Signal::SIGTERM);
    let log = process.rest_of_log().await;
    let of = |path: &str| log.iter().filter(|line| line["route"] == json!(path)).count();
    assert_eq!((of("/greeting"), of("/name")), (0, 1), "{log:?}");
}

#[tokio::test]
async fn sections_of_shared_files_for_others_are_passed_over_and_wait_for_no_restart() {
    let (server, mut process) = started(json!({})).await;
    let with_shared = |version: &str, level: &str| {
        let mut environment = versioned(version, json!({"greeting": "bye"}));
        let shared = json!({"name": "file:config/application.yml", "source": {"logging.level": level}});
        environment["propertySources"].as_array_mut().unwrap().push(shared);
        environment
    };
    for (version, level) in [("2", "info"), ("3", "debug")] {
        server.environment.send_replace(with_shared(version, level));
        process.logged("the settings have changed").await;
        assert_eq!(settings_of(&process).await, json!({"version": version}));
    }
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn a_profile_without_a_file_is_warned_of() {
    let (_server, url) = ConfigServer::start(json!({})).await;
    let mut process = Process::following_with(&url, &["--profile", "prd,default"]);
    let line = process.logged("no settings file is named after a profile; is it misspelt?").await;
    assert_eq!(line["profiles"], json!("[\"prd\"]"));
    process.logged("registered in Consul").await;
    process.end(Signal::SIGTERM, 0).await;
}
