//! An instance dies at each step of a checkout, and another one finishes what it began.

use http::StatusCode;
use order_api::worker::Work;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::support::{Member, Proxy, Stock, Trouble, World, one, settle, take_up};

/// The requests of a checkout, in order: to whom, and what it looks like.
const FORWARD: [(Peer, &str, &str); 3] = [
    (Peer::Store, "PUT /internal/reservations", ""),
    (Peer::Member, "POST /internal/wallets", ""),
    (Peer::Store, "POST /internal/reservations", "/confirm"),
];

/// Those of the way back.
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

/// Begins a checkout in an instance that dies where this request is, before or after it has arrived.
async fn die_at(
    world: &World,
    customer: &Member,
    body: &serde_json::Value,
    step: (Peer, &str, &str),
    moment: Trouble,
) {
    let (peer, head, ends_with) = step;
    let proxy: &Proxy = match peer {
        Peer::Store => &world.to_store,
        Peer::Member => &world.to_member,
    };
    proxy.trouble(head, ends_with, moment, 1);
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
    proxy.happened().await;
    // Like kill -9: whatever it was at is dropped where it stands, its connections too.
    instance.shutdown_background();
    proxy.heal();
}

#[sqlx::test(migrations = "./migrations")]
async fn a_checkout_whose_instance_dies_on_the_way_forward_is_confirmed(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 90)]).await;
    let mut sold = 0;
    for step in FORWARD {
        for moment in [Trouble::HoldRequest, Trouble::HoldReply] {
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
            // The client asks again by the same key, and hears of the one order.
            let customer = world.token(&customer, access::Role::Customer);
            let answer = world.order_by(&customer, "k", &one(cakes[0])).await.expect(StatusCode::CREATED);
            assert_eq!(answer.body["id"], json!(orders[0].0));
            assert_eq!(world.balance(&customer).await, 30_000);
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_checkout_whose_instance_dies_on_the_way_back_fails_and_nothing_has_moved(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 90)]).await;
    for step in BACK {
        for moment in [Trouble::HoldRequest, Trouble::HoldReply] {
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
async fn a_slow_driver_that_lost_its_lease_writes_nothing(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(10_000, 9)]).await;
    // One driver waits for a reply; its lease runs out, and another one comes to the end: forward, or back.
    for end in ["CONFIRMED", "FAILED"] {
        let customer = world.customer(50_000).await;
        let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
        world.to_member.trouble("POST /internal/wallets", "", Trouble::HoldReply, 1);
        let (slow, client) = world.hasty_instance();
        let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&one(cakes[0]));
        let _ = request.send().await.expect(StatusCode::ACCEPTED);
        world.to_member.happened().await;
        if end == "FAILED" {
            world.hand.advance(std::time::Duration::from_secs(900));
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
        // Now the slow one has its reply: the money was taken. It finds that there is nothing left for it to do.
        world.hand.advance(std::time::Duration::from_secs(1));
        world.to_member.let_go();
        settle(&slow).await;
        assert_eq!(rows().await, before);
        assert_eq!((world.count("checkouts").await, world.count("outbox").await), (0, 0));
        let left = if end == "CONFIRMED" { 40_000 } else { 50_000 };
        assert_eq!((world.balance(&customer).await, world.escrow().await), (left, 10_000));
        assert_eq!(world.stock(cakes[0]).await, Stock::of(8, 0, 1, 0));
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn two_workers_never_take_up_the_same_work(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (_, cakes) = world.item(&world.seller().await, &[(1_000, 100)]).await;
    let (hasty, client) = world.hasty_instance();
    world.to_member.down();
    for _ in 0..6 {
        let customer = world.customer(5_000).await;
        let _ = world.add(&customer, cakes[0], 1).await;
        let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&json!({}));
        let _ = request.send().await.expect(StatusCode::ACCEPTED);
    }
    settle(&hasty).await;
    world.to_member.heal();
    world.hand.advance(std::time::Duration::from_secs(60));
    let (other, _) = world.another_instance();
    let (first, second) =
        tokio::join!(take_up(&world.app, Work::Checkouts), take_up(&other, Work::Checkouts));
    assert_eq!((first, second), (false, false));
    let attempts: Vec<(String, i64)> = sqlx::query_as("SELECT status, COUNT(*) FROM orders GROUP BY status")
        .fetch_all(&world.order_rows)
        .await
        .unwrap();
    assert_eq!(attempts, [("CONFIRMED".to_owned(), 6)]);
    assert_eq!(world.escrow().await, 6_000);
}
