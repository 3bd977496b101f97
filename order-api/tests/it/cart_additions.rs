//! An addition or acknowledgement with an Idempotency-Key takes effect once, also if its answer is lost or its process dies.

use std::time::Duration;

use access::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::{Answer, Client};
use uuid::Uuid;

use crate::support::{Fault, Member, World};

async fn add(client: &Client, customer: &Member, key: &str, option: Uuid, pieces: u32) -> Answer {
    let body = json!({ "optionId": option, "quantity": pieces });
    client.post("/api/order/cart/lines").bearer(&customer.token).key(key).json(&body).send().await
}

#[sqlx::test(migrations = "./migrations")]
async fn a_repeated_addition_adds_once_on_all_instances(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(0).await;
    let (_, cakes) = world.item(&world.seller().await, &[(1_000, 50)]).await;
    let (_, other) = world.another_instance();
    let first = add(&world.orders, &customer, "k", cakes[0], 2).await.expect(StatusCode::OK);
    let again = add(&other, &customer, "k", cakes[0], 2).await.expect(StatusCode::OK);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &first.bytes));
    let reused = add(&other, &customer, "k", cakes[0], 3).await;
    let _ = reused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    let malformed = add(&other, &customer, "a b", cakes[0], 3).await;
    let _ = malformed.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID");
    // Another key, and none, add once more.
    let _ = add(&other, &customer, "l", cakes[0], 2).await.expect(StatusCode::OK);
    let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 6)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_addition_whose_instance_dies_after_it_was_made_is_not_made_again(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(0).await;
    let (_, cakes) = world.item(&world.seller().await, &[(1_000, 50)]).await;
    let instance =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    {
        let _in_it = instance.enter();
        let (_, client) = world.another_instance();
        let body = json!({ "optionId": cakes[0], "quantity": 2 });
        let request = client.post("/api/order/cart/lines").bearer(&customer.token).key("k").json(&body);
        // The store is asked before the pieces are added, and once more for the answer.
        world.to_store.fault_of("POST /internal/options", "", Fault::HoldAnswer, 1);
        instance.spawn(request.send());
    }
    world.to_store.wait_for_fault().await;
    world.to_store.fault_of("POST /internal/options", "", Fault::HoldAnswer, 1);
    world.to_store.pass_on_held();
    world.to_store.wait_for_fault().await;
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 2)]);
    instance.shutdown_background();
    world.to_store.restore();

    let running = add(&world.orders, &customer, "k", cakes[0], 2).await;
    let _ = running.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");
    world.clock_control.advance(Duration::from_secs(31));
    let customer = world.token(&customer, Role::Customer);
    let answer = add(&world.orders, &customer, "k", cakes[0], 2).await.expect(StatusCode::OK);
    assert_eq!(answer.body["lines"][0]["quantity"], 2);
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 2)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_acknowledgement_that_is_tried_again_succeeds_again(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(0).await, world.seller().await);
    let (item, cakes) = world.item(&seller, &[(1_000, 50)]).await;
    let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
    let path = format!("/items/{item}/options/{}", cakes[0]);
    world.edit(&seller, Method::PATCH, &path, &json!({ "price": 2_000 })).await;
    let version = world.cart(&customer).await["version"].as_str().unwrap().to_owned();
    let acknowledge = async |key: &str, version: &Value| {
        let request = world.orders.post("/api/order/cart/acknowledgements").bearer(&customer.token).key(key);
        request.json(&json!({ "version": version })).send().await
    };
    for _ in 0..3 {
        let acknowledged = acknowledge("interrupted", &json!(version)).await.expect(StatusCode::OK);
        assert_eq!(acknowledged.body["messages"], json!([]));
        assert_eq!(acknowledged.header("idempotency-replayed"), "");
        world.lose_answers().await;
    }
    // Another acknowledgement names a version that the cart does not have any more.
    let _ = world
        .acknowledge(&customer, &json!(version))
        .await
        .expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    let current = world.cart(&customer).await["version"].clone();
    let first = acknowledge("k", &current).await.expect(StatusCode::OK);
    let again = acknowledge("k", &current).await.expect(StatusCode::OK);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &first.bytes));
}
