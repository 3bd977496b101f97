//! The cart as its customer sees it: compared with the stores, with a message for each change, shown until it is acknowledged.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::support::{Member, World};

fn codes(cart: &Value) -> Vec<&str> {
    let messages = cart["messages"].as_array().expect("messages");
    messages.iter().filter_map(|message| message["code"].as_str()).collect()
}

async fn set(world: &World, customer: &Member, option: Uuid, quantity: i64) -> testkit::Answer {
    let path = format!("/api/order/cart/lines/{option}");
    let body = json!({ "quantity": quantity });
    world.orders.put(&path).bearer(&customer.token).json(&body).send().await
}

#[sqlx::test(migrations = "./migrations")]
async fn names_and_prices_come_from_the_stores(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(0).await;
    let (item, cakes) = world.item(&world.seller().await, &[(32_000, 5), (45_000, 7)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let _ = world.add(&customer, cakes[1], 2).await.expect(StatusCode::OK);
    let answered = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK).body;
    let cart = world.cart(&customer).await;
    assert_eq!(answered, cart);
    assert_eq!((&cart["total"], &cart["messages"]), (&json!(154_000), &json!([])));
    let line = &cart["lines"][0];
    assert_eq!((&line["optionId"], &line["itemId"]), (&json!(cakes[0]), &json!(item)));
    assert_eq!((&line["itemName"], &line["optionName"]), (&json!("딸기 케이크"), &json!("1호")));
    assert_eq!(
        (&line["price"], &line["quantity"], &line["lineTotal"]),
        (&json!(32_000), &json!(2), &json!(64_000))
    );
    assert_eq!(line["available"], 5);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_22_a_message_is_told_until_it_was_acknowledged_and_then_no_more(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(0).await, world.seller().await);
    let (item, cakes) = world.item(&seller, &[(32_000, 5), (45_000, 7), (50_000, 7)]).await;
    for cake in &cakes {
        let _ = world.add(&customer, *cake, 3).await.expect(StatusCode::OK);
    }
    let option = |number: usize| format!("/items/{item}/options/{}", cakes[number]);
    world.edit(&seller, Method::PATCH, &format!("/items/{item}"), &json!({ "name": "망고 케이크" })).await;
    let edited = json!({ "price": 30_000, "name": "작은 것", "quantity": 2 });
    world.edit(&seller, Method::PATCH, &option(0), &edited).await;
    world.edit(&seller, Method::PATCH, &option(1), &json!({ "quantity": 0 })).await;
    world.edit(&seller, Method::DELETE, &option(2), &Value::Null).await;

    // The answer to a change shows the messages too, and acknowledges none.
    let answered = set(&world, &customer, cakes[1], 3).await.expect(StatusCode::OK).body;
    let all = [
        "ITEM_RENAMED",
        "OPTION_RENAMED",
        "PRICE_CHANGED",
        "QUANTITY_REDUCED",
        "OPTION_DELETED",
        "ITEM_RENAMED",
        "SOLD_OUT",
    ];
    let mut found = codes(&answered);
    found.sort_unstable();
    let mut expected = all.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);

    let cart = world.cart(&customer).await;
    let mut found = codes(&cart);
    found.sort_unstable();
    assert_eq!(found, expected);
    let of = |code: &str, option: Uuid| {
        let mut messages = cart["messages"].as_array().unwrap().iter();
        messages
            .find(|message| message["code"] == code && message["optionId"] == json!(option))
            .unwrap()
            .clone()
    };
    let price = of("PRICE_CHANGED", cakes[0]);
    assert_eq!((&price["oldPrice"], &price["newPrice"]), (&json!(32_000), &json!(30_000)));
    assert_eq!((&price["itemId"], &price["itemName"]), (&json!(item), &json!("딸기 케이크")));
    let renamed = of("OPTION_RENAMED", cakes[0]);
    assert_eq!((&renamed["oldName"], &renamed["newName"]), (&json!("1호"), &json!("작은 것")));
    let renamed = of("ITEM_RENAMED", cakes[0]);
    assert_eq!((&renamed["oldName"], &renamed["newName"]), (&json!("딸기 케이크"), &json!("망고 케이크")));
    let reduced = of("QUANTITY_REDUCED", cakes[0]);
    assert_eq!((&reduced["oldQuantity"], &reduced["newQuantity"]), (&json!(3), &json!(2)));
    assert_eq!(of("OPTION_DELETED", cakes[2])["optionName"], "3호");

    // Reading changes nothing: not what is shown, and nothing in Redis.
    let stored = world.stored_cart(&customer).await;
    for method in [Method::HEAD, Method::GET] {
        let answer = world.orders.request(method, "/api/order/cart").bearer(&customer.token).send().await;
        let _ = answer.expect(StatusCode::OK);
        assert_eq!(
            (world.stored_cart(&customer).await, world.cart(&customer).await),
            (stored.clone(), cart.clone())
        );
    }

    let again = world.acknowledge(&customer, &cart["version"]).await.expect(StatusCode::OK).body;
    // A shortage is shown as long as it lasts.
    let mut left = codes(&again);
    left.sort_unstable();
    assert_eq!(left, ["QUANTITY_REDUCED", "SOLD_OUT"]);
    assert_eq!((&again["lines"], &again["total"]), (&cart["lines"], &cart["total"]));
    assert_ne!(again["version"], cart["version"]);
    assert_eq!(world.cart(&customer).await, again);
    let mut left = world.in_cart(&customer).await;
    left.sort_unstable();
    let mut expected = vec![(cakes[0], 3), (cakes[1], 3)];
    expected.sort_unstable();
    assert_eq!(left, expected);
    let sold_out = again["lines"].as_array().unwrap().iter().find(|line| line["optionId"] == json!(cakes[1]));
    assert_eq!((&sold_out.unwrap()["available"], &sold_out.unwrap()["quantity"]), (&json!(0), &json!(3)));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_deleted_item_leaves_the_cart_with_a_message(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(0).await, world.seller().await);
    let (item, cakes) = world.item(&seller, &[(32_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 3).await.expect(StatusCode::OK);
    world.edit(&seller, Method::DELETE, &format!("/items/{item}"), &Value::Null).await;
    // It cannot be added again.
    let _ = world.add(&customer, cakes[0], 1).await.expect_problem(StatusCode::NOT_FOUND, "OPTION_NOT_FOUND");
    let cart = world.cart(&customer).await;
    assert_eq!((codes(&cart), &cart["lines"]), (vec!["ITEM_DELETED"], &json!([])));
    assert_eq!(codes(&world.cart(&customer).await), ["ITEM_DELETED"]);
    let cart = world.acknowledge(&customer, &cart["version"]).await.expect(StatusCode::OK).body;
    assert_eq!(codes(&cart), [] as [&str; 0]);
    assert_eq!(world.in_cart(&customer).await, []);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_26_edits_answer_the_cart_that_was_edited(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(0).await, world.seller().await);
    let (_, cakes) = world.item(&seller, &[(32_000, 5)]).await;
    let (item, tarts) = world.item(&seller, &[(6_000, 5)]).await;
    // A cart that does not exist.
    let empty = world.cart(&customer).await;
    assert_eq!(empty, json!({ "version": empty["version"], "lines": [], "messages": [], "total": 0 }));
    let path = format!("/api/order/cart/lines/{}", cakes[0]);
    let removed = world.orders.delete(&path).bearer(&customer.token).send().await.expect(StatusCode::OK).body;
    assert_eq!(removed["lines"], json!([]));
    let cart = set(&world, &customer, cakes[0], 2).await.expect(StatusCode::OK).body;
    assert_eq!((&cart["lines"][0]["optionId"], &cart["total"]), (&json!(cakes[0]), &json!(64_000)));
    // Each option has its own item, whatever else is in the cart.
    let cart = world.add(&customer, tarts[0], 1).await.expect(StatusCode::OK).body;
    let line = &cart["lines"][1];
    assert_eq!(
        (&line["optionId"], &line["itemId"], &line["price"]),
        (&json!(tarts[0]), &json!(item), &json!(6_000))
    );
    // An item is not an option.
    let _ = world.add(&customer, item, 1).await.expect_problem(StatusCode::NOT_FOUND, "OPTION_NOT_FOUND");
    let cleared = world.orders.delete("/api/order/cart").bearer(&customer.token).send().await;
    assert_eq!(cleared.expect(StatusCode::OK).body, empty);
    assert_eq!(world.in_cart(&customer).await, []);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_05_quantities_are_1_to_999(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(0).await;
    let (_, cakes) = world.item(&world.seller().await, &[(32_000, 5)]).await;
    for wrong in
        [json!(-1), json!(0), json!(1_000), json!(1.5), json!("1"), json!(null), json!(4_294_967_297_i64)]
    {
        let body = json!({ "optionId": cakes[0], "quantity": wrong });
        let answer =
            world.orders.post("/api/order/cart/lines").bearer(&customer.token).json(&body).send().await;
        let refusal = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(refusal.fault_pointers(), ["/quantity"], "{wrong}");
        let path = format!("/api/order/cart/lines/{}", cakes[0]);
        let answer =
            world.orders.put(&path).bearer(&customer.token).json(&json!({ "quantity": wrong })).send().await;
        let _ = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    }
    let _ = set(&world, &customer, cakes[0], 999).await.expect(StatusCode::OK);
    let _ = world.add(&customer, cakes[0], 1).await.expect_problem(StatusCode::CONFLICT, "CART_FULL");
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 999)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn each_customer_has_a_cart_of_their_own(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let [one, other] = [world.customer(0).await, world.customer(0).await];
    let (_, cakes) = world.item(&world.seller().await, &[(32_000, 5)]).await;
    let _ = world.add(&one, cakes[0], 1).await.expect(StatusCode::OK);
    assert_eq!(world.cart(&other).await["lines"], json!([]));
}
