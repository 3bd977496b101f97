//! Deliveries to services that do not answer at once.

use std::time::Duration;

use access::Role;
use http::StatusCode;
use order_api::state::Rules;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::support::{Fault, Member, Stock, Work, World, claim_and_run, wait_until_idle};

/// A confirmed order of one cake at 10,000 won. Its reservation is not confirmed.
async fn unconfirmed(world: &World, customer: &Member, cake: Uuid) -> String {
    let _ = world.add(customer, cake, 1).await.expect(StatusCode::OK);
    world.to_store.fault_of("POST /internal/reservations", "/confirm", Fault::LoseRequest, usize::MAX);
    let order = world.order(customer, &json!({})).await.expect(StatusCode::CREATED).body;
    world.wait_until_idle().await;
    assert_eq!(world.count("outbox").await, 1);
    order["id"].as_str().expect("an id").to_owned()
}

/// Lets the reservation expire, as the worker of store-api does.
async fn expire(world: &World) {
    world.clock_control.advance(Duration::from_secs(901));
    let database = database::Database::from_options((*world.store_rows.connect_options()).clone());
    store_api::stock::expire_due(&database, &world.clock).await.expect("the database is there");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_confirmation_that_was_lost_is_made_later(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(50_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    unconfirmed(&world, &customer, cakes[0]).await;
    assert_eq!(world.stock(cakes[0]).await, Stock::of(4, 1, 0, 0));
    world.claim_and_run().await;
    assert_eq!((world.stock(cakes[0]).await, world.count("outbox").await), (Stock::of(4, 1, 0, 0), 1));
    world.to_store.restore();
    world.finish_everything().await;
    assert_eq!(world.stock(cakes[0]).await, Stock::of(4, 0, 1, 0));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_expired_reservation_of_a_paid_order_is_made_again(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(50_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let order = unconfirmed(&world, &customer, cakes[0]).await;
    expire(&world).await;
    assert_eq!(world.stock(cakes[0]).await, Stock::of(5, 0, 0, 0));
    world.to_store.restore();
    world.finish_everything().await;
    assert_eq!(world.stock(cakes[0]).await, Stock::of(4, 0, 1, 0));
    assert_eq!(world.show(&customer, &order).await["lines"][0]["status"], "ORDERED");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_paid_order_whose_stock_is_gone_is_paid_back(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(50_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 1)]).await;
    let order = unconfirmed(&world, &customer, cakes[0]).await;
    expire(&world).await;
    world.to_store.restore();
    // Another customer buys the last piece.
    let other = world.customer(50_000).await;
    let _ = world.add(&other, cakes[0], 1).await.expect(StatusCode::OK);
    let _ = world.order(&other, &json!({})).await.expect(StatusCode::CREATED);
    world.finish_everything().await;
    assert_eq!(world.stock(cakes[0]).await, Stock::of(0, 0, 1, 0));
    assert_eq!((world.balance(&customer).await, world.balance(&other).await), (50_000, 40_000));
    assert_eq!(world.escrow().await, 10_000);
    let shown = world.show(&customer, &order).await;
    let line = &shown["lines"][0];
    assert_eq!((&shown["status"], &line["status"]), (&json!("CONFIRMED"), &json!("CANCELLED")));
    assert_eq!(line["history"][0]["actor"], "SYSTEM");
    assert!(line["refundedAt"].is_string());
}

#[sqlx::test(migrations = "./migrations")]
async fn a_line_cancelled_before_its_stock_was_sold_is_restocked_after(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(50_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let order = unconfirmed(&world, &customer, cakes[0]).await;
    let line = world.show(&customer, &order).await["lines"][0]["id"].as_str().unwrap().to_owned();
    let cancel = format!("/api/order/lines/{line}/cancel");
    let _ = world.orders.post(&cancel).bearer(&customer.token).send().await.expect(StatusCode::OK);
    assert_eq!(
        (world.balance(&customer).await, world.stock(cakes[0]).await),
        (50_000, Stock::of(4, 1, 0, 0))
    );
    world.to_store.restore();
    world.finish_everything().await;
    assert_eq!(world.stock(cakes[0]).await, Stock::of(5, 0, 1, 1));
    assert_eq!((world.balance(&customer).await, world.escrow().await), (50_000, 0));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_line_cancelled_before_its_stock_was_gone_is_paid_back_once_and_not_restocked(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(50_000).await, world.seller().await);
    let (item, cakes) = world.item(&seller, &[(10_000, 1), (5_000, 9)]).await;
    let order = unconfirmed(&world, &customer, cakes[0]).await;
    let line = world.show(&customer, &order).await["lines"][0]["id"].as_str().unwrap().to_owned();
    let cancel = format!("/api/order/lines/{line}/cancel");
    let _ = world.orders.post(&cancel).bearer(&customer.token).send().await.expect(StatusCode::OK);
    expire(&world).await;
    let seller = world.token(&seller, Role::Seller);
    let path = format!("/items/{item}/options/{}", cakes[0]);
    world.edit(&seller, http::Method::DELETE, &path, &serde_json::Value::Null).await;
    world.to_store.restore();
    world.finish_everything().await;
    assert_eq!(world.stock(cakes[0]).await, Stock::of(1, 0, 0, 0));
    assert_eq!((world.balance(&customer).await, world.escrow().await), (50_000, 0));
}

#[sqlx::test(migrations = "./migrations")]
async fn without_redis_carts_are_503_and_everything_else_works(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(50_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
    world.wait_until_idle().await;

    let (app, client) = world.instance_with("redis://127.0.0.1:1", Rules::default());
    let add = json!({ "optionId": cakes[0], "quantity": 1 });
    for request in [
        client.get("/api/order/cart"),
        client.delete("/api/order/cart"),
        client.post("/api/order/cart/lines").json(&add),
        client.post("/api/order/cart/acknowledgements").json(&json!({ "version": "x" })),
        client.delete(&format!("/api/order/cart/lines/{}", cakes[0])),
        client.post("/api/order/orders").key("k").json(&json!({})),
    ] {
        let refusal = request.bearer(&customer.token).send().await;
        let refusal = refusal.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
        assert_eq!(refusal.header("retry-after"), "1");
    }
    let show = format!("/api/order/orders/{}", order["id"].as_str().unwrap());
    let _ = client.get(&show).bearer(&customer.token).send().await.expect(StatusCode::OK);
    let cancel = format!("/api/order/lines/{}/cancel", order["lines"][0]["id"].as_str().unwrap());
    let _ = client.post(&cancel).bearer(&customer.token).send().await.expect(StatusCode::OK);
    wait_until_idle(&app).await;
    assert_eq!(world.balance(&customer).await, 50_000);
}

#[sqlx::test(migrations = "./migrations")]
async fn lines_that_could_not_leave_the_cart_leave_it_later(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(50_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    // The order is placed while Redis is up. An instance that cannot reach Redis finishes it.
    world.to_member.end_all();
    let (instance, client) = world.instance_that_does_not_wait();
    let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&json!({}));
    let _ = request.send().await.expect(StatusCode::ACCEPTED);
    wait_until_idle(&instance).await;
    world.to_member.restore();
    world.clock_control.advance(Duration::from_secs(31));
    let (without_redis, _) = world.instance_with("redis://127.0.0.1:1", Rules::default());
    claim_and_run(&without_redis, Work::Checkouts).await;
    wait_until_idle(&without_redis).await;
    assert_eq!(world.orders_of(&customer).await[0].1, "CONFIRMED");
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 1)]);
    world.finish_everything().await;
    assert_eq!(world.in_cart(&customer).await, []);
}
