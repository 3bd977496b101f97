//! `kill -9` of a service at every moment of a checkout: the order ends by itself, and everything adds up.
//!
//! Between each service and its database lies a proxy with a trap (`system_tests::trap`): the service is killed
//! at the first request to the database, at the second, and so on, until a checkout is through before the trap
//! is sprung; each once before the database hears of it, and once before the service hears of what the database
//! has done. Then come moments chosen by chance, which also fall between two requests.

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use stack::{Override, Stack};
use system_tests::arena;
use system_tests::books::Books;
use system_tests::client::{Answer, Client};
use system_tests::people::{Person, new_key};
use system_tests::shop::{Item, list_item};
use system_tests::trap::{Moment, Proxy};
use tokio::sync::watch;

const MONEY: i64 = 100_000_000;
const LARGEST_CHARGE: i64 = 10_000_000;
const PRICE: i64 = 7_000;
const PIECES: i64 = 100_000;
/// A service makes at least so many requests to its database in a checkout: a transfer is three statements, the key with
/// its answer, and COMMIT. Fewer would mean that the traps are not where the work is.
const FEWEST_MOMENTS: usize = 5;
const RANDOM_KILLS: usize = 30;
/// Longer than a checkout takes.
const LATEST_RANDOM_KILL: Duration = Duration::from_millis(60);
/// How long a service may take until it is used again.
const PATIENCE: Duration = Duration::from_secs(20);
/// A key whose process died is taken over when its lease is.
const KEY_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// A stack with its traps, and a customer with something to buy.
struct World {
    stack: Arc<Stack>,
    traps: Vec<(&'static str, Proxy)>,
    client: Client,
    books: Books,
    customer: Person,
    item: Item,
}

/// A stack in which every service reaches its database through a trap, and takes up unfinished work quickly.
fn start_with_traps() -> (Stack, Vec<(&'static str, Proxy)>) {
    let mut traps = Vec::new();
    let stack = arena::start(|servers| {
        let mut overrides = vec![
            // A step ends with its lease. It may wait a second for the lock of the wallet, which a killed process leaves.
            Override::new("order-api", "worker.lease-s", 2),
            Override::new("order-api", "worker.poll-ms", 200),
        ];
        for (service, schema) in [("member-api", "member"), ("store-api", "store"), ("order-api", "orders")] {
            let proxy = Proxy::before(servers.database_port());
            let url = format!("mysql://127.0.0.1:{}/{schema}", proxy.port());
            overrides.push(Override::new(service, "database.url", url));
            // A trap counts requests, and in an encrypted connection there are others.
            overrides.push(Override::new(service, "database.tls", "disabled"));
            traps.push((service, proxy));
        }
        overrides
    });
    (stack, traps)
}

impl World {
    async fn new() -> Self {
        let (stack, traps) = tokio::task::spawn_blocking(start_with_traps).await.unwrap();
        let client = Client::of(&stack);
        let seller = Person::seller(&client).await;
        let item = list_item(&client, &seller, &[(PRICE, PIECES)]).await;
        let customer = Person::customer(&client, 0).await;
        for _ in 0..MONEY / LARGEST_CHARGE {
            customer.charge(LARGEST_CHARGE).await;
        }
        let books = Books::of(&stack).await;
        Self { stack: Arc::new(stack), traps, client, books, customer, item }
    }

    fn trap(&self, service: &str) -> &Proxy {
        let (_, proxy) = self.traps.iter().find(|(name, _)| *name == service).expect("it has a trap");
        proxy
    }

    /// Waits until the whole path of a checkout is served, and leaves one piece in the cart.
    async fn fill_cart(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let cart = self.customer.set_cart_line(&self.item.options[0], 1).await;
            let wallet = self.client.get("/api/member/me/wallet").bearer(&self.customer.token).send().await;
            if cart.status == 200 && wallet.status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "{} {}; {}", cart.status, cart.body, wallet.body);
            tokio::time::sleep(POLL).await;
        }
    }

    async fn start_again(&self, service: &'static str) {
        let stack = self.stack.clone();
        tokio::task::spawn_blocking(move || stack.start_again(service)).await.unwrap().unwrap();
    }

    /// Orders. While the gateway has not heard yet that a killed service is back, it says so by a 503.
    fn order_in_background(&self, key: &str) -> tokio::task::JoinHandle<Answer> {
        let (customer, key) = (self.customer.clone(), key.to_owned());
        tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let answer = customer.order_by(&key).await;
                if answer.status != 503 || Instant::now() > deadline {
                    return answer;
                }
                tokio::time::sleep(POLL).await;
            }
        })
    }

    /// Kills a service at a moment of a checkout, and starts it again. False where the checkout was through before.
    async fn kill_at(&self, service: &'static str, nth: usize, moment: Moment, key: &str) -> bool {
        self.fill_cart().await;
        let (tell, mut killed) = watch::channel(false);
        let stack = self.stack.clone();
        self.trap(service).set(nth, moment, move || {
            stack.kill(service).unwrap();
            tell.send_replace(true);
        });
        let mut order = self.order_in_background(key);
        let answer = tokio::select! {
            answer = &mut order => Some(answer.unwrap()),
            _ = killed.wait_for(|killed| *killed) => None,
        };
        if let Some(answer) = &answer {
            tokio::select! {
                () = self.books.is_through(&answer.body) => {}
                _ = killed.wait_for(|killed| *killed) => {}
            }
            if self.trap(service).take_away() {
                assert_eq!(answer.status, 201, "{}", answer.body);
                return false;
            }
        }
        killed.wait_for(|killed| *killed).await.unwrap();
        self.start_again(service).await;
        if answer.is_none() {
            order.await.unwrap();
        }
        true
    }

    /// Sends every request again, until it has its answer: each has made one order, and no more.
    async fn repeat_all(&self, keys: &[String]) {
        let deadline = Instant::now() + KEY_PATIENCE;
        for key in keys {
            loop {
                self.fill_cart().await;
                let answer = self.customer.order_by(key).await;
                if answer.status == 201 {
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

    /// Every key is one confirmed order, paid once; and all the books agree.
    async fn check(&self, keys: &[String]) {
        self.books.check_when_quiet().await;
        self.repeat_all(keys).await;
        self.books.check_when_quiet().await;
        let orders = i64::try_from(keys.len()).unwrap();
        assert_eq!(self.books.orders(&self.customer.id, "CONFIRMED").await, orders);
        assert_eq!(self.books.orders(&self.customer.id, "FAILED").await, 0);
        assert_eq!(self.customer.balance().await, MONEY - orders * PRICE);
    }
}

async fn kill_at_every_request(service: &'static str) {
    let world = World::new().await;
    // Connections are made and statements prepared: what is counted from here on is a checkout's own.
    world.fill_cart().await;
    let mut keys = vec![new_key()];
    world.customer.order_by(&keys[0]).await.expect(201);
    world.books.quiet().await;

    for moment in [Moment::BeforeRequest, Moment::BeforeReply] {
        for nth in 1.. {
            keys.push(new_key());
            if !world.kill_at(service, nth, moment, &keys[keys.len() - 1]).await {
                assert!(nth > FEWEST_MOMENTS, "{service} was through after {nth} requests");
                break;
            }
            world.books.check().await;
        }
    }
    world.check(&keys).await;
}

#[tokio::test]
async fn order_api_killed_at_every_request_to_its_database() {
    kill_at_every_request("order-api").await;
}

#[tokio::test]
async fn store_api_killed_at_every_request_to_its_database() {
    kill_at_every_request("store-api").await;
}

#[tokio::test]
async fn member_api_killed_at_every_request_to_its_database() {
    kill_at_every_request("member-api").await;
}

#[tokio::test]
async fn any_of_them_killed_at_any_time() {
    let world = World::new().await;
    let mut keys = Vec::new();
    for _ in 0..RANDOM_KILLS {
        let (victim, delay) = {
            let mut random = rand::rng();
            let victim = ["member-api", "store-api", "order-api"][random.random_range(0..3)];
            (victim, LATEST_RANDOM_KILL.mul_f64(random.random()))
        };
        world.fill_cart().await;
        keys.push(new_key());
        let order = world.order_in_background(&keys[keys.len() - 1]);
        tokio::time::sleep(delay).await;
        world.stack.kill(victim).unwrap();
        world.start_again(victim).await;
        order.await.unwrap();
        world.books.check().await;
    }
    world.check(&keys).await;
}
