//! Placing orders, and everything that can go wrong.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use time::macros::{date, datetime};
use uuid::Uuid;

use crate::support::{Fault, Stock, World, one, wait_until_idle};

#[sqlx::test(migrations = "./migrations")]
async fn chosen_lines_of_several_sellers_are_ordered_and_the_others_stay(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(200_000).await;
    let [first, second] = [world.seller().await, world.seller().await];
    let (item, cakes) = world.item(&first, &[(32_000, 5), (45_000, 5)]).await;
    let (_, tarts) = world.item(&second, &[(6_000, 10)]).await;
    let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
    let _ = world.add(&customer, cakes[1], 1).await.expect(StatusCode::OK);
    let _ = world.add(&customer, tarts[0], 3).await.expect(StatusCode::OK);

    let answer = world.order(&customer, &json!({ "optionIds": [tarts[0], cakes[0]] })).await;
    let answer = answer.expect(StatusCode::CREATED);
    let order = &answer.body;
    let id = order["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/api/order/orders/{id}"));
    assert_eq!((&order["status"], &order["total"]), (&json!("CONFIRMED"), &json!(82_000)));
    let line = &order["lines"][0];
    assert_eq!((&line["optionId"], &line["itemId"]), (&json!(cakes[0]), &json!(item)));
    assert_eq!(
        (&line["price"], &line["quantity"], &line["lineTotal"]),
        (&json!(32_000), &json!(2), &json!(64_000))
    );
    assert_eq!((&line["itemName"], &line["optionName"]), (&json!("딸기 케이크"), &json!("1호")));
    assert_eq!(order["lines"].as_array().unwrap().len(), 2);
    // When the customer has the answer, the ordered lines have left the cart, and the others are there.
    assert_eq!(world.in_cart(&customer).await, [(cakes[1], 1)]);

    world.wait_until_idle().await;
    assert_eq!((world.balance(&customer).await, world.escrow().await), (118_000, 82_000));
    assert_eq!(world.stock(cakes[0]).await, Stock::of(3, 0, 2, 0));
    assert_eq!(world.stock(tarts[0]).await, Stock::of(7, 0, 3, 0));
    assert_eq!(world.stock(cakes[1]).await, Stock::of(5, 0, 0, 0));
    assert_eq!((world.count("checkouts").await, world.count("outbox").await), (0, 0));
    let mut shown = world.show(&customer, id).await;
    for line in shown["lines"].as_array_mut().unwrap() {
        assert_eq!(line.as_object_mut().unwrap().remove("history"), Some(json!([])));
    }
    assert_eq!(shown, *order);
    let sellers: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT seller_id, status FROM order_lines ORDER BY position")
            .fetch_all(&world.order_rows)
            .await
            .unwrap();
    let ordered = "ORDERED".to_owned();
    assert_eq!(sellers, [(first.id.0, ordered.clone()), (second.id.0, ordered)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn without_a_choice_the_whole_cart_is_ordered(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5), (20_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let _ = world.add(&customer, cakes[1], 2).await.expect(StatusCode::OK);
    let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
    assert_eq!(order["total"], 50_000);
    assert_eq!(world.in_cart(&customer).await, []);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_line_is_paid_on_its_business_day_in_seoul(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let mut days = Vec::new();
    for now in [datetime!(2026-11-22 14:59:59.999999 UTC), datetime!(2026-11-22 15:00 UTC)] {
        world.clock_control.set(now);
        let customer = world.token(&customer, access::Role::Customer);
        let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
        let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
        let row: (time::Date, time::OffsetDateTime) =
            sqlx::query_as("SELECT business_day, paid_at FROM order_lines WHERE order_id = ?")
                .bind(order["id"].as_str().unwrap().parse::<Uuid>().unwrap())
                .fetch_one(&world.order_rows)
                .await
                .unwrap();
        assert_eq!(row.1, now);
        days.push(row.0);
    }
    assert_eq!(days, [date!(2026 - 11 - 22), date!(2026 - 11 - 23)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_07_a_repeated_request_charges_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let first = world.order_by(&customer, "key-1", &one(cakes[0])).await.expect(StatusCode::CREATED);
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let again = world.order_by(&customer, "\"key-1\"", &one(cakes[0])).await.expect(StatusCode::CREATED);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &first.bytes));
    let other = world.order_by(&customer, "key-1", &json!({})).await;
    let _ = other.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!((world.balance(&customer).await, world.count("orders").await), (90_000, 1));
    // Another key places another order.
    let _ = world.order_by(&customer, "key-2", &one(cakes[0])).await.expect(StatusCode::CREATED);
    assert_eq!((world.balance(&customer).await, world.count("orders").await), (80_000, 2));
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_09_two_customers_for_the_last_piece(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 1)]).await;
    let customers = [world.customer(50_000).await, world.customer(50_000).await];
    for customer in &customers {
        let _ = world.add(customer, cakes[0], 1).await.expect(StatusCode::OK);
    }
    // Both have seen the last piece, and order it at the same time.
    world.to_store.fault_of("PUT /internal/reservations", "", Fault::HoldRequest, 2);
    let body = one(cakes[0]);
    let release = async {
        world.to_store.wait_for_fault().await;
        world.to_store.wait_for_fault().await;
        world.to_store.pass_on_held();
    };
    let (one, other, ()) =
        tokio::join!(world.order(&customers[0], &body), world.order(&customers[1], &body), release);
    let (winner, loser, refusal) = match (one.status, other.status) {
        (StatusCode::CREATED, StatusCode::CONFLICT) => (&customers[0], &customers[1], other),
        (StatusCode::CONFLICT, StatusCode::CREATED) => (&customers[1], &customers[0], one),
        statuses => panic!("{statuses:?}"),
    };
    let refusal = refusal.expect_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
    assert_eq!(refusal.body["shortages"], json!([{ "optionId": cakes[0], "wanted": 1, "available": 0 }]));
    world.wait_until_idle().await;
    assert_eq!((world.balance(winner).await, world.balance(loser).await), (40_000, 50_000));
    assert_eq!(world.stock(cakes[0]).await, Stock::of(0, 0, 1, 0));
    assert_eq!(world.in_cart(loser).await, [(cakes[0], 1)]);
    let order_id = refusal.body["orderId"].as_str().unwrap();
    let shown = world.show(loser, order_id).await;
    assert_eq!((&shown["status"], &shown["failure"]), (&json!("FAILED"), &json!("OUT_OF_STOCK")));
    assert_eq!(shown["lines"][0]["status"], "FAILED");
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_01_a_failed_debit_is_no_success_and_the_order_is_not_free(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(9_999).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let refusal = world.order_by(&customer, "poor", &one(cakes[0])).await;
    let refusal = refusal.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
    let again = world.order_by(&customer, "poor", &one(cakes[0])).await;
    assert_eq!(again.expect(StatusCode::CONFLICT).bytes, refusal.bytes);
    assert_eq!((world.balance(&customer).await, world.escrow().await), (9_999, 0));
    assert_eq!(world.stock(cakes[0]).await, Stock::of(5, 0, 0, 0));
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 1)]);
    let [(_, status, failure)] = &world.orders_of(&customer).await[..] else { panic!("one order") };
    assert_eq!((status.as_str(), failure.as_deref()), ("FAILED", Some("INSUFFICIENT_BALANCE")));

    world.charge(&customer, 1_000).await;
    let _ = world.order(&customer, &one(cakes[0])).await.expect(StatusCode::CREATED);
    assert_eq!(world.balance(&customer).await, 999);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_changed_cart_is_not_ordered_until_its_customer_has_acknowledged_it(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(100_000).await, world.seller().await);
    let (item, cakes) = world.item(&seller, &[(10_000, 5), (20_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let _ = world.add(&customer, cakes[1], 1).await.expect(StatusCode::OK);
    let path = format!("/items/{item}/options/{}", cakes[0]);
    world.edit(&seller, Method::PATCH, &path, &json!({ "price": 12_000 })).await;

    for _ in 0..2 {
        let refusal = world.order(&customer, &json!({})).await;
        let refusal = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
        let message = &refusal.body["messages"][0];
        assert_eq!((&message["code"], &message["optionId"]), (&json!("PRICE_CHANGED"), &json!(cakes[0])));
        assert_eq!((&message["oldPrice"], &message["newPrice"]), (&json!(10_000), &json!(12_000)));
    }
    assert_eq!((world.count("orders").await, world.balance(&customer).await), (0, 100_000));
    // A line that has not changed can be ordered.
    let _ = world.order(&customer, &one(cakes[1])).await.expect(StatusCode::CREATED);
    // Reading the cart acknowledges nothing.
    let cart = world.cart(&customer).await;
    let refusal = world.order(&customer, &json!({})).await;
    let _ = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    let _ = world.acknowledge(&customer, &cart["version"]).await.expect(StatusCode::OK);
    let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
    assert_eq!(order["total"], 12_000);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_chosen_option_that_is_not_in_the_cart_is_named_and_nothing_is_taken(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (item, cakes) = world.item(&world.seller().await, &[(10_000, 5), (20_000, 5)]).await;
    for cake in &cakes {
        let _ = world.add(&customer, *cake, 1).await.expect(StatusCode::OK);
    }
    let path = format!("/api/order/cart/lines/{}", cakes[1]);
    let _ = world.orders.delete(&path).bearer(&customer.token).send().await.expect(StatusCode::OK);
    // One was removed, one never was in the cart, and one does not exist.
    let (_, tarts) = world.item(&world.seller().await, &[(5_000, 5)]).await;
    for (missing, named) in [(cakes[1], true), (tarts[0], true), (Uuid::from_u128(1), false)] {
        let version = world.cart(&customer).await["version"].clone();
        for body in [
            json!({ "optionIds": [cakes[0], missing] }),
            json!({ "optionIds": [missing] }),
            json!({ "optionIds": [missing, cakes[0], missing], "cartVersion": version }),
        ] {
            let refusal = world.order(&customer, &body).await;
            let refusal = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
            let [message] = &refusal.body["messages"].as_array().unwrap()[..] else {
                panic!("{}", refusal.body)
            };
            assert_eq!((&message["code"], &message["optionId"]), (&json!("NOT_IN_CART"), &json!(missing)));
            assert_eq!(message["itemName"].is_string(), named);
            assert_eq!(message["itemId"] == json!(item), missing == cakes[1]);
        }
    }
    // Also while nothing is in the cart at all.
    let _ =
        world.orders.delete("/api/order/cart").bearer(&customer.token).send().await.expect(StatusCode::OK);
    let refusal = world.order(&customer, &one(cakes[0])).await;
    let _ = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    assert_eq!((world.count("orders").await, world.balance(&customer).await), (0, 100_000));
    assert_eq!(world.stock(cakes[0]).await, Stock::of(5, 0, 0, 0));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_for_more_than_there_is_is_out_of_stock_and_the_cart_keeps_what_is_wanted(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(100_000).await, world.seller().await);
    let (item, cakes) = world.item(&seller, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 3).await.expect(StatusCode::OK);
    for left in [2, 0] {
        let path = format!("/items/{item}/options/{}", cakes[0]);
        world.edit(&seller, Method::PATCH, &path, &json!({ "quantity": left })).await;
        for version in [Value::Null, world.cart(&customer).await["version"].clone()] {
            let refusal = world.order(&customer, &json!({ "cartVersion": version })).await;
            let refusal = refusal.expect_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
            let shortage = json!([{ "optionId": cakes[0], "wanted": 3, "available": left }]);
            assert_eq!(refusal.body["shortages"], shortage);
        }
        assert_eq!(world.in_cart(&customer).await, [(cakes[0], 3)]);
        assert_eq!(world.stock(cakes[0]).await, Stock::of(left, 0, 0, 0));
    }
    assert_eq!(world.balance(&customer).await, 100_000);
}

#[sqlx::test(migrations = "./migrations")]
async fn there_must_be_something_to_order(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5), (20_000, 5)]).await;
    let _ = world.order(&customer, &json!({})).await.expect_problem(StatusCode::CONFLICT, "CART_EMPTY");
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let many: Vec<Uuid> = (0..101).map(Uuid::from_u128).collect();
    for wrong in [
        json!({ "optionIds": [] }),
        json!({ "optionIds": many }),
        json!({ "optionIds": ["x"] }),
        json!({ "cartVersion": "" }),
        json!({ "cartVersion": 1 }),
        json!({ "cartVersion": "x".repeat(101) }),
    ] {
        let _ =
            world.order(&customer, &wrong).await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    }
    assert_eq!(world.count("orders").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_request_without_a_reply_is_repeated(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 9)]).await;
    for (round, fault) in (1..).zip([Fault::LoseAnswer, Fault::LoseRequest]) {
        world.to_store.fault_of("POST /internal/options", "", fault, 1);
        world.to_store.fault_of("PUT /internal/reservations", "", fault, 1);
        world.to_member.fault_of("POST /internal/wallets", "", fault, 1);
        world.to_store.fault_of("POST /internal/reservations", "/confirm", fault, 1);
        let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
        let _ = world.order(&customer, &one(cakes[0])).await.expect(StatusCode::CREATED);
        world.wait_until_idle().await;
        assert_eq!(world.balance(&customer).await, 100_000 - 20_000 * round);
        assert_eq!(world.stock(cakes[0]).await, Stock::of(9 - 2 * round, 0, 2 * round, 0));
        assert_eq!(world.count("outbox").await, 0);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_08_a_customer_who_was_charged_gets_the_order(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    // The money is taken, but every reply is lost.
    world.to_member.fault_of("POST /internal/wallets", "", Fault::LoseAnswer, usize::MAX);
    let (instance, client) = world.instance_that_does_not_wait();
    let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&one(cakes[0]));
    let answer = request.send().await.expect(StatusCode::ACCEPTED);
    assert_eq!(answer.body["status"], "PENDING");
    let id = answer.body["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/api/order/orders/{id}"));
    wait_until_idle(&instance).await;
    assert_eq!(world.balance(&customer).await, 90_000);
    let shown = world.show(&customer, &id).await;
    assert_eq!((&shown["status"], &shown["lines"][0]["status"]), (&json!("PENDING"), &json!("PENDING")));
    let states: Vec<(String,)> =
        sqlx::query_as("SELECT state FROM checkouts").fetch_all(&world.order_rows).await.unwrap();
    assert_eq!(states, [("PAYING".to_owned(),)]);

    world.to_member.restore();
    world.finish_everything().await;
    assert_eq!(world.show(&customer, &id).await["status"], "CONFIRMED");
    assert_eq!((world.balance(&customer).await, world.escrow().await), (90_000, 10_000));
    assert_eq!(world.stock(cakes[0]).await, Stock::of(4, 0, 1, 0));
    assert_eq!(world.in_cart(&customer).await, []);
    // The repeated request gets the same answer.
    let again =
        client.post("/api/order/orders").bearer(&world.token(&customer, access::Role::Customer).token);
    let again = again.key("k").json(&one(cakes[0])).send().await.expect(StatusCode::ACCEPTED);
    assert_eq!(again.body, answer.body);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_waits_for_a_service_that_is_down_and_ends_by_itself(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    world.to_member.end_all();
    let (instance, client) = world.instance_that_does_not_wait();
    let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&one(cakes[0]));
    let id = request.send().await.expect(StatusCode::ACCEPTED).body["id"].as_str().unwrap().to_owned();
    wait_until_idle(&instance).await;
    world.claim_and_run().await;
    world.claim_and_run().await;
    assert_eq!(world.show(&customer, &id).await["status"], "PENDING");
    assert_eq!(
        (world.stock(cakes[0]).await, world.balance(&customer).await),
        (Stock::of(4, 1, 0, 0), 100_000)
    );
    world.to_member.restore();
    world.finish_everything().await;
    assert_eq!(world.show(&customer, &id).await["status"], "CONFIRMED");
    assert_eq!(
        (world.stock(cakes[0]).await, world.balance(&customer).await),
        (Stock::of(4, 0, 1, 0), 90_000)
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_that_could_not_be_paid_while_the_stock_was_held_fails(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    // For one order the money was taken; for the other it was not.
    for fault in [Fault::LoseAnswer, Fault::LoseRequest] {
        let customer = world.token(&customer, access::Role::Customer);
        let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
        world.to_member.fault_of("POST /internal/wallets", "", fault, usize::MAX);
        let (instance, client) = world.instance_that_does_not_wait();
        let key = Uuid::new_v4().to_string();
        let request = client.post("/api/order/orders").bearer(&customer.token).key(&key).json(&one(cakes[0]));
        let id = request.send().await.expect(StatusCode::ACCEPTED).body["id"].as_str().unwrap().to_owned();
        wait_until_idle(&instance).await;
        let taken = if fault == Fault::LoseAnswer { 10_000 } else { 0 };
        assert_eq!(world.escrow().await, taken);

        world.clock_control.advance(Duration::from_secs(900));
        world.to_member.restore();
        world.finish_everything().await;
        let shown = world.show(&customer, &id).await;
        assert_eq!((&shown["status"], &shown["failure"]), (&json!("FAILED"), &json!("RESERVATION_EXPIRED")));
        assert_eq!((world.balance(&customer).await, world.escrow().await), (100_000, 0));
        assert_eq!(world.stock(cakes[0]).await, Stock::of(5, 0, 0, 0));
        assert_eq!(world.in_cart(&customer).await, [(cakes[0], 1)]);
        world.app.carts.clear(customer.id).await.unwrap();
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_payment_that_arrives_after_its_order_has_failed_moves_nothing(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    world.to_member.end_all();
    let (instance, client) = world.instance_that_does_not_wait();
    let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&one(cakes[0]));
    let id: Uuid =
        request.send().await.expect(StatusCode::ACCEPTED).body["id"].as_str().unwrap().parse().unwrap();
    wait_until_idle(&instance).await;
    world.clock_control.advance(Duration::from_secs(900));
    world.to_member.restore();
    world.finish_everything().await;
    assert_eq!(world.orders_of(&customer).await[0].1, "FAILED");

    let late = member_client::TransferRequest {
        id,
        kind: member_client::TransferKind::OrderPayment,
        amount: money::Won::new(10_000),
        reference: id.to_string(),
    };
    let refused = world.app.member.transfer(customer.id, &late).await;
    assert!(matches!(refused, Err(member_client::TransferError::Mismatch)), "{refused:?}");
    let reserve = store_client::ReserveRequest {
        expires_at: world.clock.now() + Duration::from_secs(60),
        lines: vec![store_client::ReservationLine { option_id: cakes[0], quantity: 1 }],
    };
    let refused = world.app.store.reserve(id, &reserve).await;
    assert!(matches!(refused, Err(store_client::ReserveError::Mismatch)), "{refused:?}");
    assert_eq!(
        (world.balance(&customer).await, world.stock(cakes[0]).await),
        (100_000, Stock::of(5, 0, 0, 0))
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_request_that_was_taken_over_places_no_order(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 9)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    // The first request stands still until it is thought to be dead. Then both have found no order.
    world.to_store.fault_of("POST /internal/options", "", Fault::HoldAnswer, 2);
    let taken_over = async {
        world.to_store.wait_for_fault().await;
        world.clock_control.advance(Duration::from_secs(31));
        let second = async { world.order_by(&customer, "k", &one(cakes[0])).await };
        let both = async {
            world.to_store.wait_for_fault().await;
            world.to_store.pass_on_held();
        };
        tokio::join!(second, both).0
    };
    let chosen = one(cakes[0]);
    let (first, second) = tokio::join!(world.order_by(&customer, "k", &chosen), taken_over);
    let _ = first.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");
    let second = second.expect(StatusCode::CREATED);
    let again = world.order_by(&customer, "k", &one(cakes[0])).await.expect(StatusCode::CREATED);
    assert_eq!(again.bytes, second.bytes);
    world.wait_until_idle().await;
    assert_eq!((world.count("orders").await, world.balance(&customer).await), (1, 90_000));
    assert_eq!(world.stock(cakes[0]).await, Stock::of(8, 0, 1, 0));
}

#[sqlx::test(migrations = "./migrations")]
async fn nothing_is_placed_while_the_store_can_not_be_asked(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    world.to_store.end_all();
    let refusal = world.order_by(&customer, "k", &one(cakes[0])).await;
    let refusal = refusal.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
    assert_eq!((refusal.header("retry-after"), world.count("orders").await), ("1", 0));
    // The same request can be repeated, and succeeds.
    world.to_store.restore();
    let _ = world.order_by(&customer, "k", &one(cakes[0])).await.expect(StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn pieces_that_are_added_during_a_checkout_stay_in_the_cart(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 9)]).await;
    let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
    world.to_member.end_all();
    let (instance, client) = world.instance_that_does_not_wait();
    let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&one(cakes[0]));
    let _ = request.send().await.expect(StatusCode::ACCEPTED);
    wait_until_idle(&instance).await;
    let _ = world.add(&customer, cakes[0], 3).await.expect(StatusCode::OK);
    world.to_member.restore();
    world.finish_everything().await;
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 3)]);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_06_names_prices_and_sellers_never_come_from_the_client(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(100_000).await, world.seller().await);
    let (_, cakes) = world.item(&seller, &[(10_000, 9)]).await;
    let claimed = json!({
        "optionId": cakes[0], "quantity": 1, "price": 1, "sellerId": customer.id, "itemName": "공짜",
    });
    let answer =
        world.orders.post("/api/order/cart/lines").bearer(&customer.token).json(&claimed).send().await;
    let refusal = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(refusal.fault_pointers(), ["/itemName", "/price", "/sellerId"]);
    let claimed = json!({ "optionIds": [cakes[0]], "total": 1, "customerId": seller.id });
    let refusal = world.order(&customer, &claimed).await;
    let refusal = refusal.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(refusal.fault_pointers(), ["/customerId", "/total"]);
    assert_eq!(world.in_cart(&customer).await, []);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_is_made_of_rows_that_the_database_would_refuse_otherwise(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 9)]).await;
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let _: Value = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
    for broken in [
        "UPDATE orders SET status = 'FAILED'",
        "UPDATE orders SET status = 'OTHER'",
        "UPDATE order_lines SET quantity = 0, line_total = 0",
        "UPDATE order_lines SET price = -1, line_total = -1",
        "UPDATE order_lines SET line_total = 1",
        "UPDATE order_lines SET paid_at = NULL",
        "UPDATE order_lines SET business_day = NULL",
        "UPDATE order_lines SET status = 'REFUNDED'",
        "UPDATE order_lines SET refunded_at = paid_at",
    ] {
        assert!(sqlx::query(broken).execute(&world.order_rows).await.is_err(), "{broken}");
    }
}
