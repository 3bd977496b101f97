//! The management port: `/healthz` (alive), `/readyz` (ready to be called), `/metrics` (Prometheus).

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use tower::ServiceExt;

use crate::process_metrics;
use crate::readiness::Readiness;

/// The upper bounds of the histograms, in seconds: all of our histograms are about times.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Begins to record the metrics of the process.
pub(crate) fn record_metrics(service: &'static str) -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .and_then(|builder| builder.add_global_label("service", service).install_recorder())
        .context("metrics can't be recorded")?;
    telemetry::describe_metrics();
    process_metrics::describe();
    Ok(recorder)
}

/// The routes that a service adds. The port answers before the service has started.
pub(crate) type OwnRoutes = Arc<OnceLock<Router>>;

/// The routes of the management port.
pub(crate) fn router(readiness: Arc<Readiness>, metrics: PrometheusHandle, own: OwnRoutes) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({"status": "alive"}))))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(scrape).with_state(metrics))
        .fallback(move |request| of_service(Arc::clone(&own), request))
}

async fn of_service(own: OwnRoutes, request: Request) -> Response {
    let Some(router) = own.get().cloned() else { return StatusCode::NOT_FOUND.into_response() };
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

async fn ready(State(readiness): State<Arc<Readiness>>) -> impl IntoResponse {
    let report = readiness.report().await;
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

async fn scrape(State(metrics): State<PrometheusHandle>) -> impl IntoResponse {
    process_metrics::update();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}
