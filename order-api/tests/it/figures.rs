//! What `/metrics` shows of unfinished work.

use http::StatusCode;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::support::{World, one, settle};

#[sqlx::test(migrations = "./migrations")]
async fn checkouts_are_shown_by_state_with_their_age_retries_and_compensations(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    // A test runs on one thread, and so do the services in it.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let world = World::new(options).await;
    let (rich, poor) = (world.customer(100_000).await, world.customer(0).await);
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    for customer in [&rich, &poor] {
        let _ = world.add(customer, cakes[0], 1).await.expect(StatusCode::OK);
    }
    world.to_member.down();
    let (hasty, client) = world.hasty_instance();
    let request = client.post("/api/order/orders").bearer(&rich.token).key("k").json(&one(cakes[0]));
    let _ = request.send().await.expect(StatusCode::ACCEPTED);
    settle(&hasty).await;
    world.hand.advance(std::time::Duration::from_secs(7));

    order_api::worker::count_unfinished(&world.app).await.unwrap();

    let shown = metrics.render();
    for line in [
        "checkouts_unfinished{state=\"PAYING\"} 1",
        "checkouts_unfinished_oldest_seconds{state=\"PAYING\"} 7",
        "checkouts_unfinished{state=\"UNDOING\"} 0",
        "checkouts_put_off_total{state=\"PAYING\"} 1",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is missing: {shown}");
    }
    world.to_member.heal();
    world.finish_everything().await;
    let _ = world.order(&poor, &json!({})).await.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
    order_api::worker::count_unfinished(&world.app).await.unwrap();
    let shown = metrics.render();
    for line in [
        "checkouts_unfinished{state=\"PAYING\"} 0",
        "checkouts_ended_total{outcome=\"CONFIRMED\"} 1",
        "checkouts_ended_total{outcome=\"INSUFFICIENT_BALANCE\"} 1",
        "checkouts_turned_back_total{failure=\"INSUFFICIENT_BALANCE\"} 1",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is missing: {shown}");
    }
}
