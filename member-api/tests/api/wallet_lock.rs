//! The wallet lock: requests wait for it, and no result depends on it.

use std::time::Duration;

use hot_key_queue::{HotKeyQueue, Settings};
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Request;
use tokio::sync::Notify;

use crate::world::{Person, World, proxy_to_redis, redis_url, wallet_lock};

/// Long enough for a request that does not wait for the lock.
const HOLD_TIME: Duration = Duration::from_millis(300);

fn charge(world: &World, who: &Person) -> Request {
    let request = world.client.post("/api/member/me/wallet/charges").bearer(&who.token);
    request.key(&world.state.clock.new_id().to_string()).json(&json!({"amount": 1_000}))
}

fn refund(world: &World, who: &Person) -> Request {
    let body =
        json!({"id": world.state.clock.new_id(), "kind": "REFUND", "amount": 1_000, "reference": "order-1"});
    let token = world.people.service_token("order-api", "member-api");
    world.client.post(&format!("/internal/wallets/{}/transfers", who.id)).bearer(&token).json(&body)
}

/// The wallet lock of another instance, whose requests wait without a limit.
fn another_instance() -> HotKeyQueue {
    wallet_lock(&redis_url(), &unlimited_wait())
}

fn unlimited_wait() -> Settings {
    Settings { wait_ms: 3_600_000, redis_timeout_ms: 10_000, ..Settings::default() }
}

#[sqlx::test(migrations = "./migrations")]
async fn every_route_that_moves_a_wallets_money_waits_for_its_lock(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).with_wallet_lock(another_instance());
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    for (request, status) in
        [(charge(&world, &kim), StatusCode::CREATED), (refund(&world, &kim), StatusCode::OK)]
    {
        let (balance, _) = world.wallet(&kim).await;
        let is_held = Notify::new();
        let holding = async {
            is_held.notify_one();
            tokio::time::sleep(HOLD_TIME).await;
            assert_eq!(world.wallet(&kim).await.0, balance);
            // Other wallets have other locks, and reading needs no lock.
            world.charge(&lee, 1_000).await;
            let wallet = world.client.get("/api/member/me/wallet").bearer(&kim.token).send().await;
            assert_eq!(wallet.expect(StatusCode::OK).body["balance"], balance);
        };
        let waiting = async {
            is_held.notified().await;
            let _ = request.send().await.expect(status);
        };
        let other = another_instance();
        tokio::join!(Box::pin(other.run(kim.id, holding)), waiting);
        assert_eq!(world.wallet(&kim).await.0, balance + 1_000);
    }
}

/// Checks that two concurrent requests for a wallet are both made.
async fn check_concurrent_requests(world: &World) {
    let kim = world.customer("kim").await;
    let (charged, refunded) = tokio::join!(charge(world, &kim).send(), refund(world, &kim).send());
    let _ = (charged.expect(StatusCode::CREATED), refunded.expect(StatusCode::OK));
    assert_eq!(world.wallet(&kim).await, (2_000, 2));
}

#[sqlx::test(migrations = "./migrations")]
async fn without_redis_the_wallet_check_concurrent_requests(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (proxy, url) = proxy_to_redis();
    proxy.end_all();
    check_concurrent_requests(&World::new(options).with_wallet_lock(wallet_lock(&url, &unlimited_wait())))
        .await;
}

#[sqlx::test(migrations = "./migrations")]
async fn without_the_lock_the_wallet_check_concurrent_requests(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    check_concurrent_requests(&World::new(options).with_wallet_lock(HotKeyQueue::off())).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_wallet_whose_lock_does_not_come_back_check_concurrent_requests(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let short_wait = wallet_lock(&redis_url(), &Settings { wait_ms: 50, ..unlimited_wait() });
    let world = World::new(options).with_wallet_lock(short_wait);
    let kim = world.customer("kim").await;
    let held = async {
        let _ = charge(&world, &kim).send().await.expect(StatusCode::CREATED);
    };
    another_instance().run(kim.id, held).await;
    assert_eq!(world.wallet(&kim).await, (1_000, 1));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_replay_does_not_wait(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).with_wallet_lock(another_instance());
    let kim = world.customer("kim").await;
    let send = async || -> Value {
        let request = world.client.post("/api/member/me/wallet/charges").bearer(&kim.token).key("k1");
        request.json(&json!({"amount": 1_000})).send().await.expect(StatusCode::CREATED).body
    };
    let first = send().await;
    assert_eq!(another_instance().run(kim.id, send()).await, first);
    assert_eq!(world.wallet(&kim).await, (1_000, 1));
}
