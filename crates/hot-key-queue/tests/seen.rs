//! What operators see of the queue: log lines with the trace of their request, and metrics.

#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use hot_key_queue::{HotKeyQueue, RedisSettings, Settings};
use http::StatusCode;
use metrics_exporter_prometheus::PrometheusBuilder;
use telemetry::LogFormat;
use testkit::{CapturedLog, Client};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// How long work in the background may take.
const TIMEOUT: Duration = Duration::from_secs(10);

fn queue_at(url: &str) -> HotKeyQueue {
    let settings = Settings { wait_ms: 400, redis_timeout_ms: 10_000, ..Settings::default() };
    HotKeyQueue::new("test", &RedisSettings::at(url), &settings).unwrap()
}

#[tokio::test]
async fn every_step_is_logged_with_its_trace_and_counted() {
    // Log and metrics of this thread, on which everything in this test runs.
    let captured = CapturedLog::default();
    let to = captured.clone();
    let log = telemetry::subscriber("test-api", LogFormat::Text, "debug", move || to.clone()).unwrap();
    let _logging = tracing::subscriber::set_default(log);
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let url =
        std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `cargo xtask test`");
    let (queue, key) = (queue_at(&url), uuid::Uuid::new_v4().to_string());
    let handled = Router::new().route("/wallets/{id}", post(async || "done"));
    let client = Client(queue.guard(handled, |Path(id): Path<String>| id).layer(telemetry::request_layer()));
    let request = || client.post(&format!("/wallets/{key}")).header("traceparent", TRACEPARENT).send();

    let _ = request().await.expect(StatusCode::OK);
    for step in ["asked for", "has its turn", "released"] {
        let line = captured.line_with(step, TIMEOUT).await;
        assert!(line.contains(TRACE) && line.contains(&format!("lock=\"test:{key}\"")), "{line}");
    }
    assert!(captured.line_with("has its turn", TIMEOUT).await.contains("outcome=\"taken\""));

    queue.run(&key, async { request().await.expect(StatusCode::OK) }).await;
    let line = captured.line_with("waited in vain", TIMEOUT).await;
    assert!(line.contains("WARN") && line.contains(TRACE), "{line}");

    let nowhere = queue_at("redis://127.0.0.1:1");
    for _ in 0..5 {
        nowhere.run(&key, async {}).await;
    }
    assert!(captured.line_with("requests go on without their lock", TIMEOUT).await.contains("WARN"));

    let metrics = metrics.render();
    for (outcome, count) in [("taken", 2), ("waited_in_vain", 1), ("without_redis", 5)] {
        let line = format!(r#"lock_requests_total{{lock="test",outcome="{outcome}"}} {count}"#);
        assert!(metrics.contains(&line), "no {line} in\n{metrics}");
    }
    assert!(metrics.contains(r#"lock_wait_seconds_count{lock="test"} 8"#), "{metrics}");
    assert!(metrics.contains("lock_redis_failures_total"), "{metrics}");
    let text = captured.text();
    assert_eq!(text.matches("requests go on without their lock").count(), 1, "one warning\n{text}");
}
