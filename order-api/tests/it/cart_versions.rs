//! The version of a cart: what it changes with, and what is ordered or acknowledged by it.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::support::{Fault, Member, Stock, World, one, wait_until_idle};

fn codes(cart: &Value) -> Vec<&str> {
    let messages = cart["messages"].as_array().expect("messages");
    messages.iter().filter_map(|message| message["code"].as_str()).collect()
}

/// A seller's item with options, and a customer who has one piece of each in the cart.
async fn shop(world: &World, prices: &[i64]) -> (Member, Member, Uuid, Vec<Uuid>) {
    let (customer, seller) = (world.customer(100_000).await, world.seller().await);
    let offers: Vec<(i64, i64)> = prices.iter().map(|price| (*price, 9)).collect();
    let (item, cakes) = world.item(&seller, &offers).await;
    for cake in &cakes {
        let _ = world.add(&customer, *cake, 1).await.expect(StatusCode::OK);
    }
    (customer, seller, item, cakes)
}

async fn edit(world: &World, seller: &Member, item: Uuid, option: Uuid, change: Value) {
    world.edit(seller, Method::PATCH, &format!("/items/{item}/options/{option}"), &change).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn it_changes_with_lines_names_prices_and_messages_and_not_with_the_available_pieces(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller, item, cakes) = shop(&world, &[10_000, 20_000]).await;
    let version = async || world.cart(&customer).await["version"].as_str().unwrap().to_owned();
    let first = version().await;
    let (other_app, other) = world.another_instance();
    let shown = other.get("/api/order/cart").bearer(&customer.token).send().await;
    assert_eq!(shown.expect(StatusCode::OK).body["version"], json!(first));
    wait_until_idle(&other_app).await;

    // Others buy, and the seller changes the stock.
    let other = world.customer(100_000).await;
    let _ = world.add(&other, cakes[0], 4).await.expect(StatusCode::OK);
    let _ = world.order(&other, &json!({})).await.expect(StatusCode::CREATED);
    for left in [3, 0] {
        edit(&world, &seller, item, cakes[1], json!({ "quantity": left })).await;
        assert_eq!(version().await, first);
    }
    assert_eq!(codes(&world.cart(&customer).await), ["SOLD_OUT"]);

    let mut versions = vec![first];
    let path = format!("/api/order/cart/lines/{}", cakes[0]);
    for change in 0..7 {
        match change {
            0 => edit(&world, &seller, item, cakes[0], json!({ "price": 11_000 })).await,
            1 => edit(&world, &seller, item, cakes[0], json!({ "name": "큰 것" })).await,
            2 => {
                let name = json!({ "name": "케이크" });
                world.edit(&seller, Method::PATCH, &format!("/items/{item}"), &name).await;
            }
            3 => {
                let cart = world.cart(&customer).await;
                let _ = world.acknowledge(&customer, &cart["version"]).await.expect(StatusCode::OK);
            }
            4 => {
                let body = json!({ "quantity": 2 });
                let _ = world.orders.put(&path).bearer(&customer.token).json(&body).send().await;
            }
            5 => drop(world.add(&customer, cakes[0], 1).await),
            _ => drop(world.orders.delete(&path).bearer(&customer.token).send().await),
        }
        let now = version().await;
        assert!(!versions.contains(&now), "change {change}");
        versions.push(now);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_is_what_its_customer_saw_at_that_version(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller, item, cakes) = shop(&world, &[10_000, 20_000, 1_000]).await;
    let stale = world.cart(&customer).await["version"].clone();
    edit(&world, &seller, item, cakes[0], json!({ "price": 12_000 })).await;
    edit(&world, &seller, item, cakes[1], json!({ "price": 22_000 })).await;
    world.edit(&seller, Method::DELETE, &format!("/items/{item}/options/{}", cakes[2]), &Value::Null).await;
    // The earlier version, and an invented one: no customer has seen the new prices under them.
    for version in [&stale, &json!("made up")] {
        for body in
            [json!({ "cartVersion": version }), json!({ "optionIds": [cakes[0]], "cartVersion": version })]
        {
            let refusal = world.order(&customer, &body).await;
            let refusal = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
            let message = &refusal.body["messages"][0];
            assert_eq!((&message["code"], &message["newPrice"]), (&json!("PRICE_CHANGED"), &json!(12_000)));
        }
    }
    let shown = world.cart(&customer).await;
    // An option that was deleted cannot be ordered, though its customer knows.
    let body = json!({ "optionIds": [cakes[2]], "cartVersion": shown["version"] });
    let refusal = world.order(&customer, &body).await.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    assert_eq!(codes(&refusal.body), ["OPTION_DELETED"]);

    let body = json!({ "optionIds": [cakes[0]], "cartVersion": shown["version"] });
    let order = world.order(&customer, &body).await.expect(StatusCode::CREATED).body;
    assert_eq!(order["total"], 12_000);
    // All messages of that version are acknowledged.
    let cart = world.cart(&customer).await;
    assert_eq!((codes(&cart), &cart["total"]), (vec![], &json!(22_000)));
    assert_eq!(world.in_cart(&customer).await, [(cakes[1], 1)]);
    // The version was of another cart.
    let refusal = world.order(&customer, &json!({ "cartVersion": shown["version"] })).await;
    let _ = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
    assert_eq!((&order["total"], world.balance(&customer).await), (&json!(22_000), 66_000));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_of_a_version_is_refused_if_the_customer_has_changed_the_cart_elsewhere(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, _, _, cakes) = shop(&world, &[10_000]).await;
    let shown = world.cart(&customer).await["version"].clone();
    let _ = world.add(&customer, cakes[0], 4).await.expect(StatusCode::OK);
    for body in [json!({ "cartVersion": shown }), json!({ "optionIds": cakes, "cartVersion": shown })] {
        let _ = world.order(&customer, &body).await.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    }
    let _ = world.orders.delete("/api/order/cart").bearer(&customer.token).send().await;
    let refusal = world.order(&customer, &json!({ "cartVersion": shown })).await;
    let _ = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    let empty = world.cart(&customer).await["version"].clone();
    let refusal = world.order(&customer, &json!({ "cartVersion": empty })).await;
    let _ = refusal.expect_problem(StatusCode::CONFLICT, "CART_EMPTY");
    assert_eq!((world.count("orders").await, world.balance(&customer).await), (0, 100_000));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_that_fails_has_acknowledged_its_version_all_the_same(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller, item, cakes) = shop(&world, &[10_000]).await;
    edit(&world, &seller, item, cakes[0], json!({ "price": 200_000 })).await;
    let shown = world.cart(&customer).await;
    let refusal = world.order(&customer, &json!({ "cartVersion": shown["version"] })).await;
    let _ = refusal.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
    let cart = world.cart(&customer).await;
    assert_eq!((codes(&cart), &cart["lines"]), (vec![], &shown["lines"]));
    world.charge(&customer, 100_000).await;
    let _ = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(world.balance(&customer).await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_change_after_the_cart_was_shown_is_not_acknowledged(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller, item, cakes) = shop(&world, &[10_000]).await;
    edit(&world, &seller, item, cakes[0], json!({ "price": 11_000 })).await;
    let shown = world.cart(&customer).await;
    edit(&world, &seller, item, cakes[0], json!({ "price": 12_000 })).await;
    for version in [&shown["version"], &json!("made up")] {
        let refusal = world.acknowledge(&customer, version).await;
        let refusal = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
        assert_eq!(refusal.body["messages"][0]["newPrice"], 12_000);
    }
    let cart = world.cart(&customer).await;
    assert_eq!((codes(&cart), &cart["messages"][0]["oldPrice"]), (vec!["PRICE_CHANGED"], &json!(10_000)));
    // It changes while it is being acknowledged: after the comparison, before the answer.
    world.to_store.fault_of("POST /internal/options", "", Fault::HoldAnswer, 1);
    let meanwhile = async {
        world.to_store.wait_for_fault().await;
        edit(&world, &seller, item, cakes[0], json!({ "price": 13_000 })).await;
        let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
        world.to_store.pass_on_held();
    };
    let (answer, ()) = tokio::join!(world.acknowledge(&customer, &cart["version"]), meanwhile);
    let cart = answer.expect(StatusCode::OK).body;
    assert_eq!((codes(&cart), &cart["messages"][0]["newPrice"]), (vec!["PRICE_CHANGED"], &json!(13_000)));
    for wrong in [json!(""), json!(null), json!(1), json!("x".repeat(101))] {
        let refusal = world.acknowledge(&customer, &wrong).await;
        let refusal = refusal.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(refusal.fault_pointers(), ["/version"], "{wrong}");
    }
    assert_eq!(world.count("orders").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn pending_reservations_of_others_and_ones_own_never_change_what_is_wanted(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(1_000, 7), (1_000, 5)]).await;
    let [customer, other] = [world.customer(100_000).await, world.customer(100_000).await];
    let _ = world.add(&customer, cakes[0], 5).await.expect(StatusCode::OK);
    let _ = world.add(&customer, cakes[1], 5).await.expect(StatusCode::OK);
    let _ = world.add(&other, cakes[0], 5).await.expect(StatusCode::OK);
    let before = world.cart(&customer).await;
    // The money of both orders is in flight.
    world.to_member.end_all();
    let (instance, client) = world.instance_that_does_not_wait();
    for (buyer, option) in [(&other, cakes[0]), (&customer, cakes[1])] {
        let request = client.post("/api/order/orders").bearer(&buyer.token).key("k").json(&one(option));
        let _ = request.send().await.expect(StatusCode::ACCEPTED);
    }
    wait_until_idle(&instance).await;
    let meanwhile = world.cart(&customer).await;
    assert_eq!((&meanwhile["version"], &meanwhile["total"]), (&before["version"], &before["total"]));
    assert_eq!(codes(&meanwhile), ["QUANTITY_REDUCED", "SOLD_OUT"]);
    let reduced = &meanwhile["messages"][0];
    assert_eq!((&reduced["oldQuantity"], &reduced["newQuantity"]), (&json!(5), &json!(2)));
    let of = |cart: &Value, name: &str| -> Vec<Value> {
        cart["lines"].as_array().unwrap().iter().map(|line| line[name].clone()).collect()
    };
    assert_eq!(
        (of(&meanwhile, "quantity"), of(&meanwhile, "available")),
        (vec![json!(5), json!(5)], vec![json!(2), json!(0)])
    );
    let refusal = world.order(&customer, &one(cakes[0])).await;
    let _ = refusal.expect_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
    let _ = world.acknowledge(&customer, &meanwhile["version"]).await.expect(StatusCode::OK);
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 5), (cakes[1], 5)]);

    // Both fail, and everything can be had again.
    world.clock_control.advance(std::time::Duration::from_secs(900));
    world.to_member.restore();
    world.finish_everything().await;
    let customer = world.token(&customer, access::Role::Customer);
    let after = world.cart(&customer).await;
    assert_eq!(after, before);
    let body = json!({ "cartVersion": before["version"] });
    assert_eq!(world.order(&customer, &body).await.expect(StatusCode::CREATED).body["total"], 10_000);
    world.wait_until_idle().await;
    assert_eq!(world.stock(cakes[0]).await, Stock::of(2, 0, 5, 0));
}
