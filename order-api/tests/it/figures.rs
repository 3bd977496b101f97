//! The metrics of unfinished work.

use http::StatusCode;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::support::{World, one, wait_until_idle};

#[sqlx::test(migrations = "./migrations")]
async fn checkouts_are_shown_by_state_with_their_age_retries_and_compensations(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    // The test and its services run on one thread.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let world = World::new(options).await;
    let (rich, poor) = (world.customer(100_000).await, world.customer(0).await);
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    for customer in [&rich, &poor] {
        let _ = world.add(customer, cakes[0], 1).await.expect(StatusCode::OK);
    }
    world.to_member.end_all();
    let (instance, client) = world.instance_that_does_not_wait();
    let request = client.post("/api/order/orders").bearer(&rich.token).key("k").json(&one(cakes[0]));
    let _ = request.send().await.expect(StatusCode::ACCEPTED);
    wait_until_idle(&instance).await;
    world.clock_control.advance(std::time::Duration::from_secs(7));

    order_api::backlog::show_backlogs(&world.app).await.unwrap();

    let shown = metrics.render();
    for line in [
        "checkouts_unfinished{state=\"PAYING\"} 1",
        "checkouts_unfinished_oldest_seconds{state=\"PAYING\"} 7",
        "checkouts_unfinished{state=\"UNDOING\"} 0",
        "checkouts_rescheduled_total{state=\"PAYING\"} 1",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is missing: {shown}");
    }
    world.to_member.restore();
    world.finish_everything().await;
    let _ = world.order(&poor, &json!({})).await.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
    order_api::backlog::show_backlogs(&world.app).await.unwrap();
    let shown = metrics.render();
    for line in [
        "checkouts_unfinished{state=\"PAYING\"} 0",
        "checkouts_ended_total{outcome=\"CONFIRMED\"} 1",
        "checkouts_ended_total{outcome=\"INSUFFICIENT_BALANCE\"} 1",
        "checkouts_compensated_total{failure=\"INSUFFICIENT_BALANCE\"} 1",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is missing: {shown}");
    }
}
