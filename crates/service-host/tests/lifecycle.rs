//! The life of a real process, `examples/minimal.rs`: it starts, registers, serves, drains and ends.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

mod process;
mod reload;

use std::time::Duration;

use discovery::{Consul, Discovery};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use process::{Process, consul_url, settings};

/// Longer than any test.
const LONG_MS: u64 = 600_000;

#[tokio::test]
async fn a_ready_process_reports_its_dependencies_and_is_found() {
    let process = Process::ready(settings(json!({}))).await;
    let (status, body) = process.get_management("/healthz").await;
    assert_eq!((status, body), (200, r#"{"status":"alive"}"#.to_owned()));

    let (status, body) = process.get_management("/readyz").await;
    let report: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &report["status"]), (200, &json!("ready")));
    assert_eq!(report["dependencies"]["nothing"], json!({"status": "up", "needed": true}));
    assert_eq!(report["dependencies"]["consul"], json!({"status": "up", "needed": false}));

    let instances = Discovery::new(Consul::new(&consul_url()).unwrap()).instances("minimal-api");
    instances.wait_for_count(|_| process.is_among(&instances)).await;
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn there_are_metrics_of_requests_and_of_the_process() {
    let process = Process::ready(settings(json!({}))).await;
    assert_eq!(process.get("/greeting").await, (200, "hello".to_owned()));
    let (_, metrics) = process.get_management("/metrics").await;
    let counted = metrics.lines().find(|line| line.starts_with("http_requests_total")).unwrap();
    for part in [r#"service="minimal-api""#, r#"method="GET""#, r#"route="/greeting""#, r#"status="200""#] {
        assert!(counted.contains(part), "{counted}");
    }
    assert!(metrics.contains("process_resident_memory_bytes"), "{metrics}");
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn the_management_port_has_the_routes_that_a_service_adds() {
    let process = Process::ready(settings(json!({}))).await;
    assert_eq!(process.get_management("/about").await, (200, "it greets".to_owned()));
    assert_eq!(process.get_management("/nowhere").await.0, 404);
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn bytes_that_are_no_request_are_in_the_log_and_in_the_metrics() {
    let mut process = Process::ready(settings(json!({}))).await;
    let long = "x".repeat(100 * 1024);
    let mut answered = Vec::new();
    for bytes in [
        "NO HTTP\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nhost : x\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {long}{long}{long}\r\n\r\n"),
    ] {
        answered.push(process.send(bytes.as_bytes()).await.0);
    }
    assert!(matches!(answered[..], [400, 400, 414 | 431, 431]), "{answered:?}");
    // Each connection is a task of its own, and counts and logs after its client has the answer.
    let is_counted = |metrics: &str| {
        answered.iter().all(|status| {
            let times = answered.iter().filter(|other| *other == status).count();
            let is_it = |line: &str| {
                line.starts_with("http_requests_total") && line.contains(&format!(r#"status="{status}""#))
            };
            let is_right =
                |line: &str| line.contains(r#"route="(none)""#) && line.ends_with(&format!(" {times}"));
            metrics.lines().find(|line| is_it(line)).is_some_and(is_right)
        })
    };
    let all_are_counted = async {
        while !is_counted(&process.get_management("/metrics").await.1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all_are_counted).await.expect("not all are counted");
    process.signal(Signal::SIGTERM);
    let lines = process.rest_of_log().await;
    let logged = lines.iter().filter(|line| line["message"] == "refused something that is no request");
    let mut logged: Vec<_> = logged.map(|line| line["status"].as_u64().unwrap()).collect();
    logged.sort_unstable();
    answered.sort_unstable();
    assert_eq!(logged, answered.iter().map(|status| u64::from(*status)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_body_that_drips_for_too_long_is_the_fault_of_the_client() {
    let process = Process::ready(settings(json!({"server.request-timeout-ms": 200}))).await;
    let (mut reading, mut writing) = process.connect().await.into_split();
    writing
        .write_all(b"POST /length HTTP/1.1\r\nhost: test\r\ncontent-length: 100000\r\n\r\n")
        .await
        .unwrap();
    // It ends when the process closes the connection.
    let dripping = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut begin = [0; 12];
    reading.read_exact(&mut begin).await.unwrap();
    assert_eq!(std::str::from_utf8(&begin).unwrap(), "HTTP/1.1 408");
    dripping.abort();
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn a_draining_process_says_that_it_will_close_and_answers_what_is_on_its_way() {
    let drain = json!({"server.drain-delay-ms": 0, "server.drain-idle-ms": 60_000, "server.drain-timeout-ms": LONG_MS});
    let process = Process::ready(settings(drain)).await;
    let mut kept = process.connect().await;
    assert!(!process::ask(&mut kept).await.contains("connection: close"));
    process.signal(Signal::SIGTERM);
    process.draining().await;
    assert!(process::ask(&mut kept).await.contains("connection: close"));
    // It was the last connection.
    process.ended_with(0).await;
}

#[tokio::test]
async fn every_line_of_the_log_has_a_trace_id() {
    let mut process = Process::ready(settings(json!({}))).await;
    process.get("/greeting").await;
    assert_eq!(process.get("/panic").await.0, 500);
    process.signal(Signal::SIGTERM);
    let lines = process.rest_of_log().await;
    assert!(lines.len() > 5, "{lines:?}");
    for line in &lines {
        let id = line["trace_id"].as_str().unwrap();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
    }
    assert!(lines.iter().any(|line| line["message"] == "panicked: on purpose"), "{lines:?}");
    let of_request = lines.iter().find(|line| line["message"] == "answered").unwrap();
    assert_ne!(of_request["trace_id"], lines[0]["trace_id"], "a request has a trace of its own");
}

#[tokio::test]
async fn after_sigterm_the_process_finishes_running_work_and_ends_with_0() {
    let mut process = Process::ready(settings(json!({}))).await;
    let instances = Discovery::new(Consul::new(&consul_url()).unwrap()).instances("minimal-api");
    instances.wait_for_count(|_| process.is_among(&instances)).await;
    // It is answered after the port was closed and the workers were told to end.
    let last_words = process.begin("/last-words").await;
    process.signal(Signal::SIGTERM);
    instances.wait_for_count(|_| !process.is_among(&instances)).await;
    assert_eq!(last_words.await.unwrap(), 200);
    let log = process.rest_of_log().await;
    let in_order =
        ["taken off Consul's list", "the worker has finished its step", "stopped with everything finished"];
    let messages = log.iter().filter_map(|line| line["message"].as_str());
    let seen: Vec<_> = messages.filter(|message| in_order.contains(message)).collect();
    assert_eq!(seen, in_order);
    process.ended_with(0).await;
}

#[tokio::test]
async fn a_draining_process_still_serves_until_its_callers_have_noticed() {
    let process = Process::ready(settings(json!({"server.drain-delay-ms": 60_000}))).await;
    process.signal(Signal::SIGTERM);
    process.draining().await;
    let (status, body) = process.get_management("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""status":"draining""#), "{body}");
    assert_eq!(process.get("/greeting").await, (200, "hello".to_owned()));
    process.end(Signal::SIGTERM, 130).await;
}

#[tokio::test]
async fn work_that_does_not_finish_is_dropped_after_the_drain_timeout() {
    let mut process = Process::ready(settings(json!({"server.drain-timeout-ms": 50}))).await;
    let _never = process.begin("/never").await;
    process.signal(Signal::SIGTERM);
    let log = process.rest_of_log().await;
    assert!(log.iter().any(|line| line["message"] == "stopped with work unfinished: drain-timeout is over"));
    process.ended_with(0).await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let process = Process::ready(settings(json!({"server.drain-timeout-ms": LONG_MS}))).await;
    let _never = process.begin("/never").await;
    process.signal(Signal::SIGTERM);
    process.draining().await;
    process.end(Signal::SIGINT, 130).await;
}

#[tokio::test]
async fn a_hangup_ends_nothing() {
    let mut process = Process::ready(settings(json!({}))).await;
    process.signal(Signal::SIGHUP);
    process.logged("SIGHUP changes nothing: new settings are taken as they come").await;
    assert_eq!(process.get("/greeting").await, (200, "hello".to_owned()));
    process.end(Signal::SIGTERM, 0).await;
}

#[tokio::test]
async fn a_worker_that_ends_by_itself_ends_the_process() {
    let mut process = Process::spawn(settings(json!({"lazy-worker": true})));
    let log = process.rest_of_log().await;
    let fault = log.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert_eq!(fault["error"], "the worker `waiter` has ended");
    process.ended_with(1).await;
}

#[tokio::test]
async fn a_wrong_setting_ends_the_start_with_its_key() {
    let wrong = [
        (json!({"server.request-timeout-ms": 1}), "server.request-timeout-ms"),
        (json!({"greeting": ""}), "greeting"),
        (json!({"greetings": "hello"}), "greetings"),
        (json!({"consul.url": "consul"}), "consul.url"),
    ];
    for (wrong, key) in wrong {
        let mut process = Process::spawn(settings(wrong));
        let log = process.rest_of_log().await;
        let last = log.last().unwrap();
        let message = last["message"].as_str().unwrap();
        assert!(message.contains("can't start") && message.contains(key), "{message}");
        assert_eq!(last["level"], "ERROR");
        process.ended_with(1).await;
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut process = Process::spawn(settings(json!({"server.address": address.clone()})));
    let log = process.rest_of_log().await;
    let message = log.last().unwrap()["message"].as_str().unwrap();
    assert!(message.contains(&address) && message.contains("server.address"), "{message}");
    process.ended_with(1).await;
}

#[tokio::test]
async fn help_explains_flags_and_variables() {
    let output = Process::command().arg("--help").output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for text in [
        "Greets.",
        "--listen",
        "DALKOM_LISTEN",
        "DALKOM_MANAGEMENT",
        "DALKOM_PROFILE",
        "DALKOM_LOG",
        "SIGTERM",
    ] {
        assert!(help.contains(text), "{text} is missing in:\n{help}");
    }
}

#[tokio::test]
async fn without_consul_a_process_serves_and_ends_as_usual() {
    let mut process = Process::spawn(settings(json!({"consul.url": "http://127.0.0.1:1"})));
    process.logged("ready").await;
    assert_eq!(process.get("/greeting").await.0, 200);
    process.end(Signal::SIGTERM, 0).await;
}
