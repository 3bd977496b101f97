//! A version of a cart line is in one order that has not failed: at once, on two instances, in part, after a failure, and when
//! Redis comes back older than it was.

use std::time::Duration;

use access::Role;
use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::{Answer, Client};
use uuid::Uuid;

use crate::support::{Fault, Member, Stock, World, one, wait_until_idle};

/// Sends orders with different keys, each to the next of two instances. All have read the cart and the store before one of
/// them is stored.
async fn order_at_once(world: &World, customer: &Member, bodies: &[Value]) -> Vec<Answer> {
    let (other_instance, other) = world.another_instance();
    let clients = [&world.orders, &other];
    world.to_store.fault_of("POST /internal/options", "", Fault::HoldAnswer, bodies.len());
    let orders = bodies.iter().zip(clients.iter().cycle()).map(|(body, client): (_, &&Client)| {
        let key = Uuid::new_v4().to_string();
        client.post("/api/order/orders").bearer(&customer.token).key(&key).json(body).send()
    });
    let all_have_read = async {
        for _ in bodies {
            world.to_store.wait_for_fault().await;
        }
        world.to_store.pass_on_held();
    };
    let (answers, ()) = tokio::join!(join_all(orders), all_have_read);
    wait_until_idle(&other_instance).await;
    answers
}

/// The one order that was placed, and the refusals.
fn one_of(answers: Vec<Answer>) -> (Value, Vec<Value>) {
    let (mut placed, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::CREATED);
    assert_eq!(placed.len(), 1, "{placed:?}");
    let refused =
        refused.into_iter().map(|answer| answer.expect_problem(StatusCode::CONFLICT, "CART_CHANGED").body);
    (placed.remove(0).body, refused.collect())
}

#[sqlx::test(migrations = "./migrations")]
async fn of_eight_orders_at_once_on_two_instances_one_is_placed(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    // There is money and stock for all of them; then there is stock for one.
    for (pieces, whole_cart) in [(90, true), (90, false), (2, true)] {
        let customer = world.customer(1_000_000).await;
        let (_, cakes) = world.item(&world.seller().await, &[(10_000, pieces), (5_000, pieces)]).await;
        for cake in &cakes {
            let _ = world.add(&customer, *cake, 2).await.expect(StatusCode::OK);
        }
        let version = world.cart(&customer).await["version"].clone();
        let body = if whole_cart { json!({ "cartVersion": version }) } else { json!({ "optionIds": cakes }) };
        let (order, refused) = one_of(order_at_once(&world, &customer, &vec![body; 8]).await);
        assert_eq!((&order["total"], refused.len()), (&json!(30_000), 7));
        for refusal in refused {
            let messages = refusal["messages"].as_array().unwrap();
            assert_eq!(messages.len(), 2, "{refusal}");
            for message in messages {
                assert_eq!(
                    (&message["code"], &message["orderId"]),
                    (&json!("IN_ANOTHER_ORDER"), &order["id"])
                );
            }
        }
        world.wait_until_idle().await;
        assert_eq!((world.balance(&customer).await, world.orders_of(&customer).await.len()), (970_000, 1));
        assert_eq!(world.stock(cakes[0]).await, Stock::of(pieces - 2, 0, 2, 0));
        assert_eq!(world.in_cart(&customer).await, []);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn orders_that_share_a_line_are_not_both_placed_and_the_other_lines_stay_free(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(1_000, 90), (2_000, 90), (4_000, 90)]).await;
    for _ in 0..5 {
        let customer = world.customer(100_000).await;
        for cake in &cakes {
            let _ = world.add(&customer, *cake, 1).await.expect(StatusCode::OK);
        }
        // In both orders of the options, so that each could wait for the other.
        let bodies =
            [json!({ "optionIds": [cakes[0], cakes[1]] }), json!({ "optionIds": [cakes[2], cakes[1]] })];
        let (order, refused) = one_of(order_at_once(&world, &customer, &bodies).await);
        let [refusal] = &refused[..] else { panic!("one is refused") };
        let [message] = &refusal["messages"].as_array().unwrap()[..] else { panic!("{refusal}") };
        assert_eq!((&message["optionId"], &message["orderId"]), (&json!(cakes[1]), &order["id"]));
        let left = if order["total"] == 3_000 { cakes[2] } else { cakes[0] };
        assert_eq!(world.in_cart(&customer).await, [(left, 1)]);
        let _ = world.order(&customer, &one(left)).await.expect(StatusCode::CREATED);
        assert_eq!(world.balance(&customer).await, 93_000);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_line_is_taken_while_its_order_is_unfinished_and_free_when_that_has_failed(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 5)]).await;
    let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
    world.to_member.end_all();
    let (instance, client) = world.instance_that_does_not_wait();
    let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&json!({}));
    let pending = request.send().await.expect(StatusCode::ACCEPTED).body;
    wait_until_idle(&instance).await;
    // More pieces of the line do not make another line of it.
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    for body in [json!({}), one(cakes[0])] {
        let refusal = world.order_by(&customer, "other", &body).await;
        if body == json!({}) {
            let refusal = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
            assert_eq!(refusal.body["messages"][0]["orderId"], pending["id"]);
        } else {
            let _ = refusal.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
        }
    }
    assert_eq!(world.in_cart(&customer).await, [(cakes[0], 3)]);

    world.clock_control.advance(Duration::from_secs(900));
    world.to_member.restore();
    world.finish_everything().await;
    let id = pending["id"].as_str().unwrap();
    assert_eq!(world.show(&customer, id).await["failure"], "RESERVATION_EXPIRED");
    let customer = world.token(&customer, Role::Customer);
    // The refusal was final for its key. Another one places the order.
    let again = world.order_by(&customer, "other", &json!({})).await;
    let _ = again.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
    assert_eq!((&order["total"], world.balance(&customer).await), (&json!(30_000), 70_000));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_ordered_line_is_not_ordered_again_if_an_older_state_of_redis_is_restored(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 50), (1_000, 50)]).await;
    let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
    // While two pieces are ordered, three more are added: they are a line of their own afterwards, and are ordered as well.
    world.to_member.fault_of("POST /internal/wallets", "", Fault::HoldRequest, 1);
    let add = async {
        world.to_member.wait_for_fault().await;
        let _ = world.add(&customer, cakes[0], 3).await.expect(StatusCode::OK);
        world.to_member.pass_on_held();
    };
    let body = json!({});
    let (first, ()) = tokio::join!(world.order(&customer, &body), add);
    assert_eq!(first.expect(StatusCode::CREATED).body["total"], 20_000);
    world.wait_until_idle().await;
    let before_second = world.stored_cart(&customer).await.unwrap();
    let _ = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED);
    assert_eq!((world.balance(&customer).await, world.in_cart(&customer).await), (50_000, vec![]));

    world.restore_cart(&customer, &before_second).await;
    let refusal = world.order(&customer, &json!({})).await;
    let refusal = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
    assert_eq!(refusal.body["messages"][0]["code"], "IN_ANOTHER_ORDER");
    // What was ordered has left the cart, so the customer is not refused for ever.
    assert_eq!(world.in_cart(&customer).await, []);
    let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
    let _ = world.add(&customer, cakes[1], 1).await.expect(StatusCode::OK);
    let _ = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED);
    assert_eq!(world.balance(&customer).await, 39_000);
}

#[sqlx::test(migrations = "./migrations")]
async fn pieces_that_stayed_are_the_same_line_when_redis_comes_back_from_before_the_first_order(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 50)]).await;
    let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
    world.to_member.fault_of("POST /internal/wallets", "", Fault::HoldRequest, 1);
    let (stored, body) = (async { world.stored_cart(&customer).await }, json!({}));
    let add = async {
        world.to_member.wait_for_fault().await;
        let _ = world.add(&customer, cakes[0], 3).await.expect(StatusCode::OK);
        let stored = stored.await;
        world.to_member.pass_on_held();
        stored.unwrap()
    };
    let (first, oldest) = tokio::join!(world.order(&customer, &body), add);
    let _ = first.expect(StatusCode::CREATED);
    let _ = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED);
    world.wait_until_idle().await;
    assert_eq!(world.balance(&customer).await, 50_000);

    // All five pieces are back, and all five were paid.
    world.restore_cart(&customer, &oldest).await;
    for left in [vec![(cakes[0], 3)], vec![]] {
        let refusal = world.order(&customer, &json!({})).await;
        let _ = refusal.expect_problem(StatusCode::CONFLICT, "CART_CHANGED");
        assert_eq!(world.in_cart(&customer).await, left);
    }
    assert_eq!(world.balance(&customer).await, 50_000);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_line_that_was_removed_and_added_again_is_another_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(100_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 50)]).await;
    // Removed, cleared, lost with Redis: what is put into the cart after that is new.
    for way in ["remove", "clear", "lose"] {
        let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
        world.to_store.fault_of("PUT /internal/reservations", "", Fault::HoldRequest, 1);
        let anew = async {
            world.to_store.wait_for_fault().await;
            match way {
                "remove" => drop(world.app.carts.remove(customer.id, cakes[0]).await),
                "clear" => {
                    let _ = world.orders.delete("/api/order/cart").bearer(&customer.token).send().await;
                }
                _ => world.app.carts.clear(customer.id).await.unwrap(),
            }
            let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
            let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED);
            world.to_store.pass_on_held();
            order
        };
        let body = json!({});
        let (first, second) = tokio::join!(world.order(&customer, &body), anew);
        assert_ne!(first.expect(StatusCode::CREATED).body["id"], second.body["id"], "{way}");
        world.wait_until_idle().await;
        assert_eq!(world.in_cart(&customer).await, [], "{way}");
    }
    assert_eq!(world.balance(&customer).await, 40_000);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_schema_itself_refuses_a_second_order_of_a_line(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(10_000).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 50)]).await;
    let mut copies = Vec::new();
    for status in ["FAILED", "CONFIRMED"] {
        let _ = world.add(&customer, cakes[0], if status == "FAILED" { 2 } else { 1 }).await;
        let answer = world.order(&customer, &json!({})).await;
        let id = if status == "FAILED" { answer.body["orderId"].clone() } else { answer.body["id"].clone() };
        copies.push(id.as_str().unwrap().parse::<Uuid>().unwrap());
        world.app.carts.clear(customer.id).await.unwrap();
    }
    // As a build inserts it that does not know the rule.
    let copy = "INSERT INTO order_lines (id, order_id, position, seller_id, store_id, store_name, item_id, item_name, \
        option_id, option_name, price, quantity, line_total, wish, status) \
        SELECT ?, order_id, 1, seller_id, store_id, store_name, item_id, item_name, ?, option_name, price, quantity, \
        line_total, wish, 'PENDING' FROM order_lines WHERE order_id = ? ORDER BY position LIMIT 1";
    let insert = async |order: Uuid| {
        let query = sqlx::query(copy).bind(Uuid::new_v4()).bind(Uuid::new_v4()).bind(order);
        query.execute(&world.order_rows).await
    };
    let _ = insert(copies[0]).await.expect("the order has failed, so its version is free");
    let refused = insert(copies[1]).await.expect_err("the order has not failed");
    assert_eq!(database::duplicate_key(&refused), Some("order_lines_held_version_key"));
}
