//! Every line of the log has the id of its trace.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderMap, Request};
use telemetry::{LogFormat, TraceContext};
use testkit::CapturedLog;
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CALLERS_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A log of one test. No test sets the log of the whole process, which all tests of this file share.
fn log(format: LogFormat, filter: &str) -> (CapturedLog, tracing::Dispatch) {
    let captured = CapturedLog::default();
    let to = captured.clone();
    let subscriber = telemetry::subscriber("test-api", format, filter, move || to.clone()).unwrap();
    (captured, tracing::Dispatch::new(subscriber))
}

async fn handler() -> String {
    tracing::info!(answer = 42, "first line\nsecond line");
    let mut outbound = HeaderMap::new();
    telemetry::inject(&mut outbound);
    outbound[telemetry::TRACEPARENT].to_str().unwrap().to_owned()
}

/// Sends a request from `CALLER` to a handler that logs. The answer is the `traceparent` that the handler would pass on.
async fn call(dispatch: tracing::Dispatch) -> String {
    call_through(telemetry::request_layer(), dispatch).await
}

async fn call_through(layer: telemetry::RequestLayer, dispatch: tracing::Dispatch) -> String {
    let router = Router::new().route("/things/{id}", get(handler)).layer(layer);
    let request = Request::get("/things/7").header("traceparent", CALLER).body(Body::empty()).unwrap();
    let response = router.oneshot(request).with_subscriber(dispatch).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn text_lines_of_a_request_carry_the_callers_trace() {
    let (captured, dispatch) = log(LogFormat::Text, "info");
    call(dispatch).await;
    let lines = captured.lines();
    assert_eq!(lines.len(), 2, "a line break in a value begins no line: {lines:?}");
    assert!(lines.iter().all(|line| line.contains(CALLERS_TRACE)), "{lines:?}");
    assert!(lines[0].contains(r"first line\nsecond line answer=42"), "{}", lines[0]);
    assert!(lines[1].contains("answered status=200") && lines[1].contains("/things/{id}"), "{}", lines[1]);
}

#[tokio::test]
async fn json_lines_of_a_request_carry_the_callers_trace() {
    let (captured, dispatch) = log(LogFormat::Json, "info");
    call(dispatch).await;
    let lines: Vec<serde_json::Value> =
        captured.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["trace_id"], CALLERS_TRACE);
    assert_eq!(lines[0]["service"], "test-api");
    assert_eq!(lines[0]["message"], "first line\nsecond line");
    assert_eq!(lines[0]["answer"], 42);
    assert_eq!(lines[1]["status"], 200);
    assert_eq!(lines[1]["route"], "/things/{id}");
}

#[tokio::test]
async fn an_outgoing_call_continues_the_trace_with_its_own_part() {
    let (_, dispatch) = log(LogFormat::Text, "info");
    let outgoing = call(dispatch).await;
    assert!(outgoing.contains(CALLERS_TRACE), "{outgoing}");
    assert_ne!(outgoing, CALLER);
}

#[tokio::test]
async fn the_trace_of_a_public_caller_is_not_continued() {
    let (_, dispatch) = log(LogFormat::Text, "info");
    let outgoing = call_through(telemetry::request_layer().for_public_callers(), dispatch).await;
    assert!(!outgoing.contains(CALLERS_TRACE), "{outgoing}");
}

#[tokio::test]
async fn a_route_writes_the_same_lines_as_the_layer_in_a_trace_of_its_own() {
    let (captured, dispatch) = log(LogFormat::Text, "info");
    let route = telemetry::Route::new("GET", "/things/{id}");
    let request = async {
        // Other work of the thread, between two polls, is not in the trace.
        tokio::task::yield_now().await;
        http::Response::new(handler().await)
    };
    let answered = route.run(request).with_subscriber(dispatch).await;
    assert_eq!(TraceContext::current(), None);
    let trace = &answered.body()[3..35];
    let lines = captured.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains(trace)), "{trace}: {lines:?}");
    assert!(lines[0].contains(r#"answer=42 method="GET" route="/things/{id}""#), "{}", lines[0]);
    assert!(lines[1].contains("answered status=200"), "{}", lines[1]);
}

#[tokio::test]
async fn the_line_of_an_answer_is_the_same_for_a_route_and_for_the_layer() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let (of_layer, dispatch) = log(format, "info,log_lines=off");
        call(dispatch).await;
        let (of_route, dispatch) = log(format, "info,log_lines=off");
        let route = telemetry::Route::new("GET", "/things/{id}");
        route.run(async { http::Response::new(Body::empty()) }).with_subscriber(dispatch).await;
        let parts = [of_layer, of_route].map(|captured| {
            let [line] = &captured.lines()[..] else { panic!("{:?}", captured.lines()) };
            match format {
                LogFormat::Text => without_what_changes(line),
                LogFormat::Json => {
                    let mut line: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
                    let changing = ["timestamp", "trace_id"].map(|name| line.remove(name).unwrap());
                    let lengths = changing.map(|value| value.as_str().unwrap().len());
                    assert!(line.remove("duration_ms").unwrap().is_u64());
                    (lengths, serde_json::Value::from(line).to_string())
                }
            }
        });
        assert_eq!(parts[0], parts[1]);
        assert!(parts[0].1.contains("telemetry::request"), "{}", parts[0].1);
    }
}

/// How long the time and the trace of a line of text are, and the rest of it, without how long the request took.
fn without_what_changes(line: &str) -> ([usize; 2], String) {
    let (time, rest) = line.split_once(' ').unwrap();
    let (level, rest) = rest.trim_start().split_once(' ').unwrap();
    let (trace, rest) = rest.split_once(' ').unwrap();
    let (answer, rest) = rest.split_once("duration_ms=").unwrap();
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    ([time.len(), trace.len()], format!("{level} {answer}{rest}"))
}

#[tokio::test]
async fn no_filter_loses_the_trace() {
    let (_, dispatch) = log(LogFormat::Text, "off");
    assert!(call(dispatch).await.contains(CALLERS_TRACE));
}

#[tokio::test]
async fn routine_answers_are_logged_only_when_they_are_no_success() {
    for (status, lines) in [(http::StatusCode::OK, 0), (http::StatusCode::SERVICE_UNAVAILABLE, 1)] {
        let (captured, dispatch) = log(LogFormat::Text, "info");
        let router = Router::new()
            .route("/news", get(async move || (status, axum::Extension(telemetry::Routine))))
            .layer(telemetry::request_layer());
        let request = Request::get("/news").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(request).with_subscriber(dispatch).await.unwrap().status(), status);
        assert_eq!(captured.lines().len(), lines, "{:?}", captured.lines());
    }
}

#[test]
fn lines_outside_of_requests_carry_the_trace_of_the_process() {
    let (captured, dispatch) = log(LogFormat::Text, "info");
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::info!("starting");
        assert_eq!(TraceContext::current(), None);
    });
    assert!(
        captured.lines()[0].contains(&TraceContext::process().trace_id.to_string()),
        "{:?}",
        captured.lines()
    );
}

#[test]
fn background_work_has_a_trace_of_its_own() {
    let (captured, dispatch) = log(LogFormat::Text, "info");
    tracing::dispatcher::with_default(&dispatch, || {
        let _entered = telemetry::work_span("saga").entered();
        tracing::info!("taking a step");
        let trace = TraceContext::current().unwrap().trace_id;
        assert_ne!(trace, TraceContext::process().trace_id);
        assert!(captured.lines()[0].contains(&trace.to_string()), "{:?}", captured.lines());
    });
}

#[test]
fn a_filter_that_is_not_understood_is_named() {
    let refused =
        telemetry::subscriber("test-api", LogFormat::Text, "info,,=x=", std::io::stderr).err().unwrap();
    assert_eq!(refused.to_string(), "the log filter `info,,=x=` is not understood");
}
