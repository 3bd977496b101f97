//! Orders as their customers see them.

use std::time::Duration;

use access::Role;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::support::{Member, World};

async fn list(world: &World, customer: &Member, query: &str) -> Value {
    let customer = world.token(customer, Role::Customer);
    let path = format!("/api/order/orders{query}");
    world.orders.get(&path).bearer(&customer.token).send().await.expect(StatusCode::OK).body
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items").iter();
    items.map(|order| order["id"].as_str().expect("an id").to_owned()).collect()
}

/// Places an order of one tart. Returns its id.
async fn buy(world: &World, customer: &Member, tart: Uuid) -> String {
    let customer = world.token(customer, Role::Customer);
    let _ = world.add(&customer, tart, 1).await.expect(StatusCode::OK);
    let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
    order["id"].as_str().expect("an id").to_owned()
}

#[sqlx::test(migrations = "./migrations")]
async fn pages_have_no_gap_and_no_repeat_while_orders_are_placed(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, tarts) = world.item(&world.seller().await, &[(1_000, 50)]).await;
    let mut placed = Vec::new();
    for number in 0..7 {
        placed.insert(0, buy(&world, &customer, tarts[0]).await);
        if number % 2 == 0 {
            world.clock_control.advance(Duration::from_millis(1));
        }
    }
    assert_eq!(ids(&list(&world, &customer, "").await), placed);
    let mut found = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = list(&world, &customer, &query).await;
        found.extend(ids(&page));
        buy(&world, &customer, tarts[0]).await;
        let Some(next) = page["nextCursor"].as_str() else { break };
        query = format!("?limit=2&cursor={next}");
    }
    assert_eq!(found, placed);
}

#[sqlx::test(migrations = "./migrations")]
async fn orders_are_found_by_day_and_state(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(1_500).await;
    let (_, tarts) = world.item(&world.seller().await, &[(1_000, 50)]).await;
    world.clock_control.set(time::macros::datetime!(2026-11-22 14:59:59.999999 UTC));
    let bought = buy(&world, &customer, tarts[0]).await;
    world.clock_control.set(time::macros::datetime!(2026-11-22 15:00 UTC));
    let customer = world.token(&customer, Role::Customer);
    let _ = world.add(&customer, tarts[0], 1).await.expect(StatusCode::OK);
    let refusal = world.order(&customer, &json!({})).await.expect(StatusCode::CONFLICT);
    let failed = refusal.body["orderId"].as_str().unwrap().to_owned();
    for (query, expected) in [
        ("?to=2026-11-22", vec![&bought]),
        ("?from=2026-11-23", vec![&failed]),
        ("?from=2026-11-22&to=2026-11-23", vec![&failed, &bought]),
        ("?from=2026-11-24", vec![]),
        ("?status=CONFIRMED", vec![&bought]),
        ("?status=FAILED", vec![&failed]),
        ("?status=PENDING", vec![]),
    ] {
        assert_eq!(
            ids(&list(&world, &customer, query).await).iter().collect::<Vec<_>>(),
            expected,
            "{query}"
        );
    }
    let page = list(&world, &customer, "?status=FAILED").await;
    let order = &page["items"][0];
    assert_eq!(
        (&order["failure"], &order["lines"][0]["status"]),
        (&json!("INSUFFICIENT_BALANCE"), &json!("FAILED"))
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_list_refuses_unknown_parameters_and_values(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(0).await, world.seller().await);
    for (path, who) in [("/api/order/orders", &customer), ("/api/order/sales", &seller)] {
        for query in
            ["?limit=0", "?limit=101", "?from=2026-13-01", "?status=LOST", "?customerId=1", "?storeId=x"]
        {
            let answer = world.orders.get(&format!("{path}{query}")).bearer(&who.token).send().await;
            let _ = answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
        }
        let answer = world.orders.get(&format!("{path}?cursor=bWFkZSB1cA")).bearer(&who.token).send().await;
        let _ = answer.expect_problem(StatusCode::BAD_REQUEST, "BAD_CURSOR");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn somebody_elses_order_is_not_found(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let [owner, other] = [world.customer(100_000).await, world.customer(0).await];
    let (_, tarts) = world.item(&world.seller().await, &[(1_000, 50)]).await;
    let order = buy(&world, &owner, tarts[0]).await;
    let ask = async |id: &str| {
        let path = format!("/api/order/orders/{id}");
        world.orders.get(&path).bearer(&other.token).send().await
    };
    let theirs = ask(&order).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let nobodys = ask(&Uuid::nil().to_string()).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(theirs.body["title"], nobodys.body["title"]);
    assert_eq!(theirs.body.get("detail"), nobodys.body.get("detail"));
    let _ = ask("x").await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    assert_eq!(list(&world, &other, "").await["items"], json!([]));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_stays_readable_when_its_item_is_gone(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(100_000).await, world.seller().await);
    let (item, tarts) = world.item(&seller, &[(1_000, 50)]).await;
    let order = buy(&world, &customer, tarts[0]).await;
    let before = world.show(&customer, &order).await;
    world
        .edit(&seller, http::Method::PATCH, &format!("/items/{item}"), &json!({ "name": "다른 이름" }))
        .await;
    world.edit(&seller, http::Method::DELETE, &format!("/items/{item}"), &Value::Null).await;
    assert_eq!(world.show(&customer, &order).await, before);
}
