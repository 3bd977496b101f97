//! Workers whose tasks wait for a service that does not answer, and workers that are dropped.

use std::time::Duration;

use http::StatusCode;
use jobs::Progress;
use order_api::checkout::DueCheckouts;
use order_api::outbox::DueDeliveries;
use order_api::run_worker;
use order_api::settings::WorkerSettings;
use order_api::state::{AppState, Rules};
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Fault, Member, Work, World, claim_and_run, redis_url, until, wait_until_idle};

/// How many customers there are. Each has one unfinished task.
const TASKS: i64 = 5;
const PRICE: i64 = 1_000;

/// Customers who each have one due task that no process works on. The task moves money; the next request for that is held.
async fn unfinished(world: &World, work: Work) -> Vec<Member> {
    let (_, cakes) = world.item(&world.seller().await, &[(PRICE, 100)]).await;
    let (instance, client) = world.instance_that_does_not_wait();
    let mut customers = Vec::new();
    for _ in 0..TASKS {
        let customer = world.customer(PRICE).await;
        let _ = world.add(&customer, cakes[0], 1).await.expect(StatusCode::OK);
        if work == Work::Checkouts {
            world.to_member.end_all();
            let request = client.post("/api/order/orders").bearer(&customer.token).key("k").json(&json!({}));
            let _ = request.send().await.expect(StatusCode::ACCEPTED);
            wait_until_idle(&instance).await;
        } else {
            let order = world.order(&customer, &json!({})).await.expect(StatusCode::CREATED).body;
            world.wait_until_idle().await;
            world.to_member.end_all();
            let cancel =
                format!("/api/order/lines/{}/cancel", order["lines"][0]["id"].as_str().expect("an id"));
            let _ = world.orders.post(&cancel).bearer(&customer.token).send().await.expect(StatusCode::OK);
            world.wait_until_idle().await;
        }
        world.to_member.restore();
        customers.push(customer);
    }
    assert_eq!(left(world).await, TASKS);
    world.clock_control.advance(Duration::from_secs(31));
    world.to_member.fault_of("POST /internal/wallets", "", Fault::HoldRequest, 1);
    customers
}

async fn left(world: &World) -> i64 {
    world.count("checkouts").await + world.count("outbox").await
}

/// An instance with one worker, which runs until it is shut down.
fn start_worker(
    world: &World,
    work: Work,
    settings: WorkerSettings,
) -> (AppState, JoinHandle<()>, CancellationToken) {
    let (app, _) = world.instance_with(&redis_url(), Rules { worker: settings, ..Rules::default() });
    let (progress, shutdown) = (Progress::new("test"), CancellationToken::new());
    let running = match work {
        Work::Checkouts => {
            let queue = DueCheckouts::new(app.clone());
            tokio::spawn(run_worker(app.clone(), queue, progress, shutdown.clone()))
        }
        Work::Deliveries => {
            let queue = DueDeliveries::new(app.outbox.clone(), app.clone());
            tokio::spawn(run_worker(app.clone(), queue, progress, shutdown.clone()))
        }
    };
    (app, running, shutdown)
}

/// Checks that each task took effect once, and that what follows from it is done.
async fn check_money(world: &World, customers: &[Member], work: Work) {
    world.finish_everything().await;
    let (balance, escrow) = if work == Work::Checkouts { (0, TASKS * PRICE) } else { (PRICE, 0) };
    for customer in customers {
        assert_eq!(world.balance(customer).await, balance);
    }
    assert_eq!(world.escrow().await, escrow);
}

async fn a_slow_task_blocks_no_other(world: &World, work: Work) {
    let customers = unfinished(world, work).await;
    // No task runs out of time here.
    let settings = WorkerSettings { poll_ms: 10, lease_s: 600, at_once: 2 };
    let (app, worker, shutdown) = start_worker(world, work, settings);
    world.to_member.wait_for_fault().await;
    until("all others are done", async || left(world).await == 1).await;
    // A process that shuts down waits for running tasks.
    shutdown.cancel();
    let background = tokio::spawn(async move { wait_until_idle(&app).await });
    tokio::task::yield_now().await;
    assert!(!worker.is_finished() && !background.is_finished());
    world.to_member.pass_on_held();
    worker.await.expect("the worker ends by itself");
    background.await.expect("waiting does not panic");
    assert_eq!(left(world).await, 0);
    check_money(world, &customers, work).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_delivery_to_a_service_that_does_not_answer_blocks_no_other(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    a_slow_task_blocks_no_other(&World::new(options).await, Work::Deliveries).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_checkout_with_a_service_that_does_not_answer_blocks_no_other(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    a_slow_task_blocks_no_other(&World::new(options).await, Work::Checkouts).await;
}

async fn a_slow_task_ends_with_its_lease(world: &World, work: Work) {
    let customers = unfinished(world, work).await;
    let settings = WorkerSettings { poll_ms: 10, lease_s: 1, at_once: 1 };
    let (app, worker, shutdown) = start_worker(world, work, settings);
    world.to_member.wait_for_fault().await;
    // The only slot is free again while the request is still held. On a slow machine other tasks may be rescheduled too, so
    // the clock has to go on.
    until("everything is done", async || {
        world.clock_control.advance(Duration::from_millis(10));
        left(world).await == 0
    })
    .await;
    shutdown.cancel();
    worker.await.expect("the worker ends by itself");
    world.to_member.pass_on_held();
    wait_until_idle(&app).await;
    check_money(world, &customers, work).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_delivery_ends_with_its_lease(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    a_slow_task_ends_with_its_lease(&World::new(options).await, Work::Deliveries).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_checkout_ends_with_its_lease(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    a_slow_task_ends_with_its_lease(&World::new(options).await, Work::Checkouts).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn the_tasks_of_a_dropped_worker_are_done_by_the_next_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    for work in [Work::Checkouts, Work::Deliveries] {
        let escrow_before = world.escrow().await;
        let customers = unfinished(&world, work).await;
        let (app, worker, _shutdown) = start_worker(&world, work, WorkerSettings::default());
        world.to_member.wait_for_fault().await;
        // The host does this with a worker that reports nothing.
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
        // Its tasks are dropped too.
        wait_until_idle(&app).await;
        world.to_member.pass_on_held();
        world.clock_control.advance(Duration::from_secs(31));
        while claim_and_run(&world.app, work).await {}
        world.finish_everything().await;
        let balance = if work == Work::Checkouts { 0 } else { PRICE };
        for customer in &customers {
            assert_eq!(world.balance(customer).await, balance);
        }
        let kept = TASKS * (PRICE - balance);
        assert_eq!(world.escrow().await - escrow_before, kept);
    }
}
