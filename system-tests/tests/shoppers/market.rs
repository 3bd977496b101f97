//! Where it all takes place: a stack with several instances of everything, shops, and what everybody was told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stack::{Override, Stack};
use system_tests::arena;
use system_tests::client::{Answer, Call, Client};
use system_tests::people::Person;
use system_tests::shop::{Item, list_item};
use system_tests::trap::Proxy;

use crate::memory::Memory;

pub(crate) const SHOPPERS: u64 = 8;
const SELLERS: usize = 3;
const ITEMS: usize = 2;
/// What a special costs, in won, but for its shopper's number.
const SPECIAL_PRICE: i64 = 2_000;
/// More than one shopper buys.
const SPECIAL_PIECES: i64 = 10_000;
/// How long everybody waits for an answer who does not hang up before: longer than any takes.
pub(crate) const LONG_WAIT: Duration = Duration::from_secs(90);
/// How many of the clients hang up.
const HANG_UPS: f64 = 0.15;
const LATEST_HANG_UP_MS: u64 = 200;
/// Further instances, beside the one that every stack has.
const MORE: [&str; 4] = ["order-api", "order-api", "member-api", "store-api"];

/// The market. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) stack: Arc<Stack>,
    /// Before the gateway, and between each service and the database.
    pub(crate) proxies: Vec<Proxy>,
    /// To the gateway, by a way that is cut now and then.
    pub(crate) client: Client,
    pub(crate) sellers: Vec<Seller>,
    /// One for each shopper, and for nobody else: where another finds it in an answer, the answer is not theirs.
    pub(crate) specials: Vec<Item>,
    pub(crate) memory: Arc<Memory>,
    /// Decides who hangs up.
    dice: Arc<Mutex<StdRng>>,
}

/// A seller, and what they sell.
#[derive(Clone)]
pub(crate) struct Seller {
    pub(crate) person: Person,
    /// To everybody.
    pub(crate) items: Vec<Item>,
    /// To one shopper each.
    pub(crate) specials: Vec<Item>,
}

fn start() -> (Stack, Vec<Proxy>) {
    let mut proxies = Vec::new();
    let stack = arena::start_durable(|servers| {
        let mut overrides = vec![
            // What is left lying is taken up soon.
            Override::new("order-api", "worker.lease-s", 2),
            Override::new("order-api", "worker.poll-ms", 200),
            Override::new("order-api", "checkout.answer-within-ms", 3_000),
            // Nobody has to sign in again.
            Override::new("member-api", "tokens.access-lifetime-s", 86_400),
        ];
        for (service, schema) in [("member-api", "member"), ("store-api", "store"), ("order-api", "orders")] {
            let proxy = Proxy::before(servers.database_port());
            let url = format!("mysql://127.0.0.1:{}/{schema}", proxy.port());
            overrides.push(Override::new(service, "database.url", url));
            // A cut falls between two messages of MySQL's protocol; in an encrypted connection there are others.
            overrides.push(Override::new(service, "database.tls", "disabled"));
            proxies.push(proxy);
        }
        overrides
    });
    for service in MORE {
        stack.add_instance(service).expect("a further instance starts");
    }
    let url = stack.gateway_url();
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the gateway has a port");
    proxies.push(Proxy::before(port));
    (stack, proxies)
}

impl Market {
    /// Starts everything, and fills the shelves.
    pub(crate) async fn open(dice: &mut StdRng) -> Self {
        let (stack, proxies) = tokio::task::spawn_blocking(start).await.expect("starting does not panic");
        let direct = Client::of(&stack);
        let mut sellers = Vec::new();
        for _ in 0..SELLERS {
            let person = Person::seller(&direct).await;
            let mut items = Vec::new();
            for _ in 0..ITEMS {
                let mut offer = || (dice.random_range(1_000..=30_000), dice.random_range(3..=40));
                items.push(list_item(&direct, &person, &[offer(), offer()]).await);
            }
            sellers.push(Seller { person, items, specials: Vec::new() });
        }
        let mut specials = Vec::new();
        for (number, place) in (1..=SHOPPERS).zip((0..SELLERS).cycle()) {
            let seller = &mut sellers[place];
            let price = SPECIAL_PRICE + i64::try_from(number).expect("a small number");
            specials.push(list_item(&direct, &seller.person, &[(price, SPECIAL_PIECES)]).await);
            seller.specials.extend(specials.last().cloned());
        }
        let entrance = proxies.last().map_or(0, Proxy::port);
        Self {
            stack: Arc::new(stack),
            proxies,
            client: Client::at(format!("http://127.0.0.1:{entrance}")),
            sellers,
            specials,
            memory: Arc::default(),
            dice: Arc::new(Mutex::new(StdRng::seed_from_u64(dice.random()))),
        }
    }

    /// How long a client waits for the next answer.
    pub(crate) fn patience(&self) -> Duration {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let hangs_up = dice.random_bool(HANG_UPS);
        if hangs_up { Duration::from_millis(dice.random_range(1..=LATEST_HANG_UP_MS)) } else { LONG_WAIT }
    }

    /// Everything that a shopper can buy.
    pub(crate) fn goods_of(&self, number: u64) -> Vec<Item> {
        let special = self.specials.get(usize::try_from(number - 1).expect("a small number"));
        self.sellers.iter().flat_map(|seller| &seller.items).chain(special).cloned().collect()
    }
}

/// Sends a call, and hangs up after a time; `None` where it is not known what has become of it.
///
/// # Panics
/// If the answer says that something was not foreseen.
pub(crate) async fn ask(call: Call, patience: Duration) -> Option<Answer> {
    let answer = call.try_send_within(patience).await?.ok()?;
    assert!(![401, 403, 404, 500].contains(&answer.status), "{} {}", answer.status, answer.body);
    let settled = answer.status < 500 && answer.code() != "IDEMPOTENCY_KEY_IN_USE";
    settled.then_some(answer)
}
