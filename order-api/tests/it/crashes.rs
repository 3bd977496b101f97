//! An instance dies at each step of a checkout, and another one finishes the checkout.

use http::StatusCode;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::support::{Fault, FaultProxy, Member, Stock, Work, World, claim_and_run, one, wait_until_idle};

/// The requests of a checkout, in order: the service, the beginning of the request line, and the end of the path.
const FORWARD: [(Peer, &str, &str); 3] = [
    (Peer::Store, "PUT /internal/reservations", ""),
    (Peer::Member, "POST /internal/wallets", ""),
    (Peer::Store, "POST /internal/reservations", "/confirm"),
];

/// The requests of a compensation, in order.
const BACK: [(Peer, &str, &str); 3] = [
    (Peer::Member, "POST /internal/wallets", ""),
    (Peer::Member, "POST /internal/transfers", "/void"),
    (Peer::Store, "POST /internal/reservations", "/release"),
];

#[derive(Clone, Copy, Debug)]
enum Peer {
    Store,
    Member,
}

/// Begins a checkout in an instance that dies at this request, before or after the request has arrived.
async fn die_at(
    world: &World,
    customer: &Member,
    body: &serde_json::Value,
    step: (Peer, &str, &str),
    moment: Fault,
) {
    let (peer, head, ends_with) = step;
    let proxy: &FaultProxy = match peer {
        Peer::Store => &world.to_store,
        Peer::Member => &world.to_member,
    };
    proxy.fault_of(head, ends_with, moment, 1);
    let instance = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime for an instance");
    {
        let _in_it = instance.enter();
        let (_, client) = world.another_instance();
        let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(body);
        instance.spawn(request.send());
    }
    proxy.wait_for_fault().await;
    // Like kill -9: all its work is dropped, with its connections.
    instance.shutdown_background();
    proxy.restore();
}

#[sqlx::test(migrations = "./migrations")]
async fn a_checkout_whose_instance_dies_is_confirmed(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 90)]).await;
    let mut sold = 0;
    for step in FORWARD {
        for moment in [Fault::HoldRequest, Fault::HoldAnswer] {
            let customer = world.customer(50_000).await;
            let _ = world.add(&customer, cakes[0], 2).await.expect(StatusCode::OK);
            die_at(&world, &customer, &one(cakes[0]), step, moment).await;
            world.finish_everything().await;
            sold += 2;
            let orders = world.orders_of(&customer).await;
            assert_eq!(orders.len(), 1, "{step:?} {moment:?}");
            assert_eq!((&*orders[0].1, &orders[0].2), ("CONFIRMED", &None), "{step:?} {moment:?}");
            assert_eq!((world.balance(&customer).await, world.escrow().await), (30_000, sold * 10_000));
            assert_eq!(world.stock(cakes[0]).await, Stock::of(90 - sold, 0, sold, 0));
            assert_eq!(world.in_cart(&customer).await, []);
            // The client repeats the request with the same key, and gets the same order.
            let customer = world.token(&customer, access::Role::Customer);
            let answer = world.order_by(&customer, "k", &one(cakes[0])).await.expect(StatusCode::CREATED);
            assert_eq!(answer.body["id"], json!(orders[0].0));
            assert_eq!(world.balance(&customer).await, 30_000);
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_checkout_whose_instance_dies_during_compensation_fails_and_nothing_has_moved(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 90)]).await;
    for step in BACK {
        for moment in [Fault::HoldRequest, Fault::HoldAnswer] {
            let customer = world.customer(9_000).await;
            let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
            die_at(&world, &customer, &one(cakes[0]), step, moment).await;
            world.finish_everything().await;
            let orders = world.orders_of(&customer).await;
            assert_eq!(orders.len(), 1, "{step:?} {moment:?}");
            let end = (&*orders[0].1, orders[0].2.as_deref());
            assert_eq!(end, ("FAILED", Some("INSUFFICIENT_BALANCE")), "{step:?} {moment:?}");
            assert_eq!((world.balance(&customer).await, world.escrow().await), (9_000, 0));
            assert_eq!(world.stock(cakes[0]).await, Stock::of(90, 0, 0, 0));
            assert_eq!(world.in_cart(&customer).await, [(cakes[0], 1)]);
            let customer = world.token(&customer, access::Role::Customer);
            let answer = world.order_by(&customer, "k", &one(cakes[0])).await;
            let _ = answer.expect_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_slow_process_that_lost_its_lease_writes_nothing(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 9)]).await;
    // One process waits for a reply and its lease expires. Another one ends the checkout: confirmed, or failed.
    for end in ["CONFIRMED", "FAILED"] {
        let customer = world.customer(50_000).await;
        let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
        world.to_member.fault_of("POST /internal/wallets", "", Fault::HoldAnswer, 1);
        let (slow, client) = world.instance_that_does_not_wait();
        let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&one(cakes[0]));
        let _ = request.send().await.expect(StatusCode::ACCEPTED);
        world.to_member.wait_for_fault().await;
        if end == "FAILED" {
            world.clock_control.advance(std::time::Duration::from_secs(900));
        }
        world.finish_everything().await;
        let rows = || async {
            let rows: Vec<(String, String, Option<time::OffsetDateTime>)> = sqlx::query_as(
                "SELECT o.status, l.status, l.paid_at FROM orders o JOIN order_lines l ON l.order_id = o.id \
                 WHERE o.customer_id = ?",
            )
            .bind(customer.id.0)
            .fetch_all(&world.order_rows)
            .await
            .expect("an order");
            rows
        };
        let before = rows().await;
        assert_eq!(before[0].0, end);
        // Now the slow process gets its reply: the money was taken. It has lost the lease, and does nothing.
        world.clock_control.advance(std::time::Duration::from_secs(1));
        world.to_member.pass_on_held();
        wait_until_idle(&slow).await;
        assert_eq!(rows().await, before);
        assert_eq!((world.count("checkouts").await, world.count("outbox").await), (0, 0));
        let left = if end == "CONFIRMED" { 40_000 } else { 50_000 };
        assert_eq!((world.balance(&customer).await, world.escrow().await), (left, 10_000));
        assert_eq!(world.stock(cakes[0]).await, Stock::of(8, 0, 1, 0));
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn two_workers_never_claim_the_same_task(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(1_000, 100)]).await;
    let (instance, client) = world.instance_that_does_not_wait();
    world.to_member.end_all();
    for _ in 0..6 {
        let customer = world.customer(5_000).await;
        let _ = world.add(&customer, cakes[0], 1).await;
        let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&json!({}));
        let _ = request.send().await.expect(StatusCode::ACCEPTED);
    }
    wait_until_idle(&instance).await;
    world.to_member.restore();
    world.clock_control.advance(std::time::Duration::from_secs(60));
    let (other, _) = world.another_instance();
    let (first, second) =
        tokio::join!(claim_and_run(&world.app, Work::Checkouts), claim_and_run(&other, Work::Checkouts));
    assert_eq!((first, second), (false, false));
    let attempts: Vec<(String, i64)> = sqlx::query_as("SELECT status, COUNT(*) FROM orders GROUP BY status")
        .fetch_all(&world.order_rows)
        .await
        .unwrap();
    assert_eq!(attempts, [("CONFIRMED".to_owned(), 6)]);
    assert_eq!(world.escrow().await, 6_000);
}
