//! Workers whose callees stand still, and workers that are dropped where they stand.

use std::time::Duration;

use http::StatusCode;
use order_api::settings::WorkerSettings;
use order_api::state::{AppState, Rules};
use order_api::worker::{self, Work};
use serde_json::json;
use service_host::Progress;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Member, Trouble, World, redis_url, settle, take_up, until};

/// How many customers have unfinished work in these tests, each one piece.
const PIECES: i64 = 5;
const PRICE: i64 = 1_000;

/// Customers who each wait for one piece of work that is due, and of which nobody is at work. It moves money, and the next
/// request for that stands still.
async fn unfinished(world: &World, work: Work) -> Vec<Member> {
    let (_, cakes) = world.item(&world.seller().await, &[(PRICE, 100)]).await;
    let (hasty, client) = world.hasty_instance();
    let mut customers = Vec::new();
    for _ in 0..PIECES {
        let customer = world.customer(PRICE).await;
        let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
        if work == Work::Checkouts {
            world.to_member.down();
            let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&json!({}));
            let _ = request.send().await.expect(StatusCode::ACCEPTED);
            settle(&hasty).await;
        } else {
            let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
            world.settle().await;
            world.to_member.down();
            let cancel =
                format!("/api/order/lines/{}/cancel", order["lines"][0]["id"].as_str().expect("an id"));
            let _ = world.orders.post(&cancel).bearer(&customer.token).send().await.expect(StatusCode::OK);
            world.settle().await;
        }
        world.to_member.heal();
        customers.push(customer);
    }
    assert_eq!(left(world).await, PIECES);
    world.hand.advance(Duration::from_secs(31));
    world.to_member.trouble("POST /internal/wallets", "", Trouble::HoldRequest, 1);
    customers
}

async fn left(world: &World) -> i64 {
    world.count("checkouts").await + world.count("outbox").await
}

/// An instance with one worker, at work until it is told to end.
fn work_on(
    world: &World,
    work: Work,
    worker: WorkerSettings,
) -> (AppState, JoinHandle<()>, CancellationToken) {
    let (app, _) = world.instance_with(&redis_url(), Rules { worker, ..Rules::default() });
    let ending = CancellationToken::new();
    let at_work = worker::take_up(app.clone(), work, Progress::new("test"), ending.clone());
    (app, tokio::spawn(at_work), ending)
}

/// Each piece took effect once, and what followed from it is done.
async fn check_money(world: &World, customers: &[Member], work: Work) {
    world.finish_everything().await;
    let (balance, escrow) = if work == Work::Checkouts { (0, PIECES * PRICE) } else { (PRICE, 0) };
    for customer in customers {
        assert_eq!(world.balance(customer).await, balance);
    }
    assert_eq!(world.escrow().await, escrow);
}

async fn a_slow_piece_is_in_nobodys_way(world: &World, work: Work) {
    let customers = unfinished(world, work).await;
    // Nothing is given up for lack of time here.
    let worker = WorkerSettings { poll_ms: 10, lease_s: 600, at_once: 2 };
    let (app, at_work, ending) = work_on(world, work, worker);
    world.to_member.happened().await;
    until("all others are done", async || left(world).await == 1).await;
    // A process that ends waits for what is under way.
    ending.cancel();
    let background = tokio::spawn(async move { settle(&app).await });
    tokio::task::yield_now().await;
    assert!(!at_work.is_finished() && !background.is_finished());
    world.to_member.let_go();
    at_work.await.expect("the worker ends by itself");
    background.await.expect("waiting does not panic");
    assert_eq!(left(world).await, 0);
    check_money(world, &customers, work).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_delivery_whose_callee_stands_still_holds_up_no_other(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    a_slow_piece_is_in_nobodys_way(&World::new(options).await, Work::Deliveries).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_checkout_whose_callee_stands_still_holds_up_no_other(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    a_slow_piece_is_in_nobodys_way(&World::new(options).await, Work::Checkouts).await;
}

async fn a_slow_piece_ends_with_its_lease(world: &World, work: Work) {
    let customers = unfinished(world, work).await;
    let worker = WorkerSettings { poll_ms: 10, lease_s: 1, at_once: 1 };
    let (app, at_work, ending) = work_on(world, work, worker);
    world.to_member.happened().await;
    // The one place is free again while the request still stands still. On a slow machine others are put off as well, so
    // that the time has to go on.
    until("everything is done", async || {
        world.hand.advance(Duration::from_millis(10));
        left(world).await == 0
    })
    .await;
    ending.cancel();
    at_work.await.expect("the worker ends by itself");
    world.to_member.let_go();
    settle(&app).await;
    check_money(world, &customers, work).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_delivery_ends_with_its_lease(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    a_slow_piece_ends_with_its_lease(&World::new(options).await, Work::Deliveries).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_checkout_ends_with_its_lease(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    a_slow_piece_ends_with_its_lease(&World::new(options).await, Work::Checkouts).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn what_a_dropped_worker_was_at_is_done_by_the_next_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    for work in [Work::Checkouts, Work::Deliveries] {
        let escrow_before = world.escrow().await;
        let customers = unfinished(&world, work).await;
        let (app, at_work, _ending) = work_on(&world, work, WorkerSettings::default());
        world.to_member.happened().await;
        // As the host does with a worker that stands still.
        at_work.abort();
        assert!(at_work.await.unwrap_err().is_cancelled());
        // Its tasks are gone, too: nothing of it is at work any more.
        settle(&app).await;
        world.to_member.let_go();
        world.hand.advance(Duration::from_secs(31));
        while take_up(&world.app, work).await {}
        world.finish_everything().await;
        let balance = if work == Work::Checkouts { 0 } else { PRICE };
        for customer in &customers {
            assert_eq!(world.balance(customer).await, balance);
        }
        let kept = PIECES * (PRICE - balance);
        assert_eq!(world.escrow().await - escrow_before, kept);
    }
}
