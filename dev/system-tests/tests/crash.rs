//! Services are killed (`kill -9`) at every moment of a checkout: the order is finished by itself, and the promises are
//! kept.
//!
//! A `testkit::FaultProxy` stands between each service and its database. The service is killed at its first request to the
//! database, at the second and so on, until a checkout is finished before the kill: once before the database gets the
//! request, and once before the service gets the answer. Then services are killed at random times, which can also fall
//! between two requests.

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use rand::RngExt as _;
use stack::{Override, Stack};
use system_tests::Client;
use system_tests::databases::Databases;
use system_tests::test_stack::{self, blocking, database_proxies, gateway, start_again};
use testkit::member::{Member, new_key};
use testkit::shop::{Item, list_item};
use testkit::{Answer, Fault, FaultProxy, eventually};

const MONEY: i64 = 100_000_000;
const LARGEST_CHARGE: i64 = 10_000_000;
const PRICE: i64 = 7_000;
const PIECES: i64 = 100_000;
/// The least number of requests that a service makes to its database in a checkout: a transfer is three statements, the
/// key with its answer, and COMMIT. Fewer mean that the proxy does not see the work.
const FEWEST_MOMENTS: usize = 5;
const RANDOM_KILLS: usize = 30;
/// Longer than a checkout takes.
const LATEST_RANDOM_KILL: Duration = Duration::from_millis(60);
/// How long it may take until a service is used again.
const PATIENCE: Duration = Duration::from_secs(20);
/// A key whose process died can be used again when its lease has expired.
const KEY_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// A stack with its proxies, a customer, and an item to buy.
struct World {
    stack: Arc<Stack>,
    proxies: Vec<(&'static str, FaultProxy)>,
    client: Client,
    databases: Databases,
    customer: Member,
    item: Item,
}

/// A stack in which every service reaches its database through a proxy, and unfinished work is claimed quickly.
fn start_with_proxies() -> (Stack, Vec<(&'static str, FaultProxy)>) {
    let mut proxies = Vec::new();
    let stack = test_stack::start(|servers| {
        let (all, mut overrides) = database_proxies(servers);
        proxies = all;
        overrides.extend([
            // A step ends with its lease. It may wait a second for the wallet's lock, which a killed process leaves behind.
            Override::new("order-api", "worker.lease-s", 2),
            Override::new("order-api", "worker.poll-ms", 200),
        ]);
        overrides
    });
    (stack, proxies)
}

impl World {
    async fn new() -> Self {
        let (stack, proxies) = tokio::task::spawn_blocking(start_with_proxies).await.unwrap();
        let client = gateway(&stack);
        let seller = Member::seller(&client).await;
        let item = list_item(&client, &seller, &[(PRICE, PIECES)]).await;
        let customer = Member::customer(&client, 0).await;
        for _ in 0..MONEY / LARGEST_CHARGE {
            customer.charge(LARGEST_CHARGE).await;
        }
        let databases = Databases::of(&stack).await;
        Self { stack: Arc::new(stack), proxies, client, databases, customer, item }
    }

    fn proxy(&self, service: &str) -> &FaultProxy {
        let (_, proxy) = self.proxies.iter().find(|(name, _)| *name == service).expect("it has a proxy");
        proxy
    }

    /// Waits until every service of a checkout is served, and puts one piece into the cart.
    async fn fill_cart(&self) {
        eventually(PATIENCE, async || {
            let cart = self.customer.set_cart_line(&self.item.options[0], 1).await;
            let wallet = self.client.get("/api/member/me/wallet").bearer(&self.customer.token).send().await;
            if cart.status == StatusCode::OK && wallet.status == StatusCode::OK {
                return Ok(());
            }
            Err(format!("{} {}; {}", cart.status, cart.body, wallet.body))
        })
        .await;
    }

    /// Orders. The answer is 503 until the gateway has heard that a killed service is back.
    fn order_in_background(&self, key: &str) -> tokio::task::JoinHandle<Answer> {
        let (customer, key) = (self.customer.clone(), key.to_owned());
        tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let answer = customer.order_by(&key).await;
                if answer.status != StatusCode::SERVICE_UNAVAILABLE || Instant::now() > deadline {
                    return answer;
                }
                tokio::time::sleep(POLL).await;
            }
        })
    }

    /// Kills a service at a request of a checkout, and starts it again. False if the checkout was finished before.
    async fn kill_at(&self, service: &'static str, nth: usize, fault: Fault, key: &str) -> bool {
        self.fill_cart().await;
        let proxy = self.proxy(service);
        proxy.fault_at(nth, fault);
        let kill = async {
            proxy.wait_for_fault().await;
            blocking(&self.stack, move |stack| stack.kill(service)).await.unwrap();
            proxy.lose_held();
        };
        tokio::pin!(kill);
        let mut order = self.order_in_background(key);
        let answer = tokio::select! {
            answer = &mut order => Some(answer.unwrap()),
            () = &mut kill => None,
        };
        match answer {
            // It was killed while the checkout waited for it.
            None => {
                start_again(&self.stack, service).await;
                order.await.unwrap();
            }
            Some(answer) => {
                let is_killed = tokio::select! {
                    () = self.databases.wait_until_finished(&answer.body) => false,
                    () = &mut kill => true,
                };
                if proxy.cancel_request_faults() {
                    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
                    return false;
                }
                if !is_killed {
                    kill.await;
                }
                start_again(&self.stack, service).await;
            }
        }
        true
    }

    /// Sends every request again until it is answered by its order.
    async fn repeat_all(&self, keys: &[String]) {
        let deadline = Instant::now() + KEY_PATIENCE;
        for key in keys {
            loop {
                self.fill_cart().await;
                let answer = self.customer.order_by(key).await;
                if answer.status == StatusCode::CREATED {
                    break;
                }
                assert!(
                    answer.code() == "IDEMPOTENCY_KEY_IN_USE" && Instant::now() < deadline,
                    "{} {}",
                    answer.status,
                    answer.body
                );
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Checks that every key has made one confirmed order, which was paid once, and that all promises are kept.
    async fn check(&self, keys: &[String]) {
        self.databases.check_when_idle().await;
        self.repeat_all(keys).await;
        self.databases.check_when_idle().await;
        let orders = i64::try_from(keys.len()).unwrap();
        assert_eq!(self.databases.orders(&self.customer.id, "CONFIRMED").await, orders);
        assert_eq!(self.databases.orders(&self.customer.id, "FAILED").await, 0);
        assert_eq!(self.customer.balance().await, MONEY - orders * PRICE);
    }
}

async fn kill_at_every_request(service: &'static str) {
    let world = World::new().await;
    // It opens the connections and prepares the statements, so that later requests are the checkout's own.
    world.fill_cart().await;
    let mut keys = vec![new_key()];
    world.customer.order_by(&keys[0]).await.expect(StatusCode::CREATED);
    world.databases.wait_until_idle().await;

    for fault in [Fault::HoldRequest, Fault::HoldAnswer] {
        for nth in 1.. {
            keys.push(new_key());
            if !world.kill_at(service, nth, fault, &keys[keys.len() - 1]).await {
                assert!(nth > FEWEST_MOMENTS, "{service} was finished after {nth} requests");
                break;
            }
            world.databases.check().await;
        }
    }
    world.check(&keys).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn order_api_killed_at_every_request_to_its_database() {
    kill_at_every_request("order-api").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn store_api_killed_at_every_request_to_its_database() {
    kill_at_every_request("store-api").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn member_api_killed_at_every_request_to_its_database() {
    kill_at_every_request("member-api").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_of_them_killed_at_any_time() {
    let world = World::new().await;
    let mut keys = Vec::new();
    for _ in 0..RANDOM_KILLS {
        let (victim, delay) = {
            let mut rng = rand::rng();
            let victim = ["member-api", "store-api", "order-api"][rng.random_range(0..3)];
            (victim, LATEST_RANDOM_KILL.mul_f64(rng.random()))
        };
        world.fill_cart().await;
        keys.push(new_key());
        let order = world.order_in_background(&keys[keys.len() - 1]);
        tokio::time::sleep(delay).await;
        world.stack.kill(victim).unwrap();
        start_again(&world.stack, victim).await;
        order.await.unwrap();
        world.databases.check().await;
    }
    world.check(&keys).await;
}
