//! What the shoppers and sellers share: a stack with several instances of each service, the items, and the history.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stack::{Override, Stack};
use system_tests::test_stack::{self, database_proxies, gateway};
use system_tests::{Client, Request};
use testkit::member::{Member, new_key};
use testkit::shop::{Item, list_item};
use testkit::{Answer, FaultProxy};

use crate::history::History;
use crate::stock_book::StockBook;

pub(crate) const SHOPPERS: u64 = 8;
const SELLERS: usize = 3;
const ITEMS: usize = 2;
/// The price of a shopper's own item is this plus the shopper's number, in won.
pub(crate) const OWN_ITEM_PRICE: i64 = 2_000;
/// More than a shopper buys.
const OWN_ITEM_PIECES: i64 = 10_000;
/// How long a client waits that does not hang up before. Longer than any answer takes.
pub(crate) const LONG_WAIT: Duration = Duration::from_secs(90);
/// Which part of the writes is sent twice with one key, although there is an answer.
const REPETITIONS: f64 = 0.3;
/// Which part of the requests is hung up.
const HANG_UPS: f64 = 0.15;
const LATEST_HANG_UP_MS: u64 = 200;
/// Further instances, beside the one of each service that every stack has.
const MORE: [&str; 4] = ["order-api", "order-api", "member-api", "store-api"];

/// Its clones share it.
#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) stack: Arc<Stack>,
    /// Before the gateway, and between each service and the database.
    pub(crate) proxies: Arc<[FaultProxy]>,
    /// A client of the gateway, through a proxy.
    pub(crate) client: Client,
    pub(crate) sellers: Vec<Seller>,
    /// One for each shopper. If another shopper finds it in an answer, the answer belongs to somebody else.
    pub(crate) own_items: Vec<Item>,
    pub(crate) history: Arc<History>,
    pub(crate) stock_book: Arc<StockBook>,
    /// Decides which requests are hung up.
    rng: Arc<Mutex<StdRng>>,
}

/// A seller and their items.
#[derive(Clone)]
pub(crate) struct Seller {
    pub(crate) member: Member,
    /// For all shoppers.
    pub(crate) items: Vec<Item>,
    /// For one shopper each.
    pub(crate) own_items: Vec<Item>,
}

fn start() -> (Stack, Vec<FaultProxy>) {
    let mut proxies = Vec::new();
    let stack = test_stack::start_durable(|servers| {
        let (of_services, mut overrides) = database_proxies(servers);
        proxies.extend(of_services.into_iter().map(|(_, proxy)| proxy));
        overrides.extend([
            // Unfinished work is claimed soon.
            Override::new("order-api", "worker.lease-s", 2),
            Override::new("order-api", "worker.poll-ms", 200),
            Override::new("order-api", "checkout.answer-within-ms", 3_000),
            // No member has to sign in again.
            Override::new("member-api", "tokens.access-lifetime-s", 86_400),
        ]);
        overrides
    });
    for service in MORE {
        stack.add_instance(service).expect("a further instance starts");
    }
    proxies.push(FaultProxy::to(stack.gateway_url().trim_start_matches("http://")));
    (stack, proxies)
}

impl Market {
    /// Starts the stack, and lists the items.
    pub(crate) async fn open(rng: &mut StdRng) -> Self {
        let (stack, proxies) = tokio::task::spawn_blocking(start).await.expect("starting does not panic");
        let direct = gateway(&stack);
        let stock_book = StockBook::default();
        let mut sellers = Vec::new();
        for _ in 0..SELLERS {
            let member = Member::seller(&direct).await;
            let mut items = Vec::new();
            for _ in 0..ITEMS {
                let mut offer = || (rng.random_range(1_000..=30_000), rng.random_range(3..=40));
                let offers = [offer(), offer()];
                let item = list_item(&direct, &member, &offers).await;
                for (option_id, (_, pieces)) in item.options.iter().zip(offers) {
                    stock_book.list(option_id, pieces);
                }
                items.push(item);
            }
            sellers.push(Seller { member, items, own_items: Vec::new() });
        }
        let mut own_items = Vec::new();
        for (number, place) in (1..=SHOPPERS).zip((0..SELLERS).cycle()) {
            let seller = &mut sellers[place];
            let price = OWN_ITEM_PRICE + i64::try_from(number).expect("a small number");
            own_items.push(list_item(&direct, &seller.member, &[(price, OWN_ITEM_PIECES)]).await);
            seller.own_items.extend(own_items.last().cloned());
        }
        let port = proxies.last().map_or(0, FaultProxy::port);
        Self {
            stack: Arc::new(stack),
            proxies: proxies.into(),
            client: Client::at(&format!("http://127.0.0.1:{port}")),
            sellers,
            own_items,
            history: Arc::default(),
            stock_book: Arc::new(stock_book),
            rng: Arc::new(Mutex::new(StdRng::seed_from_u64(rng.random()))),
        }
    }

    /// How long the client of the next request waits for its answer.
    pub(crate) fn patience(&self) -> Duration {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let hangs_up = rng.random_bool(HANG_UPS);
        if hangs_up { Duration::from_millis(rng.random_range(1..=LATEST_HANG_UP_MS)) } else { LONG_WAIT }
    }

    /// Sends a write with a new key, and sometimes once more with the same one: what has succeeded succeeds again.
    pub(crate) async fn write(&self, request: impl Fn() -> Request) -> Option<Answer> {
        let key = new_key();
        let first = ask(request().key(&key), self.patience()).await;
        let repeats = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random_bool(REPETITIONS);
        if first.is_some() && !repeats {
            return first;
        }
        let again = ask(request().key(&key), self.patience()).await;
        if let (Some(first), Some(again)) = (&first, &again)
            && first.status.is_success()
        {
            let [first, again] = [first, again].map(|answer| (answer.status, &answer.body["id"]));
            assert_eq!(first, again, "the two answers to one key");
        }
        first.or(again)
    }

    /// A shopper's own item.
    pub(crate) fn own_item(&self, number: u64) -> &Item {
        &self.own_items[usize::try_from(number - 1).expect("a small number")]
    }

    /// All items that a shopper can buy. The last one is the shopper's own.
    pub(crate) fn items_of(&self, number: u64) -> Vec<Item> {
        let shared = self.sellers.iter().flat_map(|seller| &seller.items);
        shared.chain([self.own_item(number)]).cloned().collect()
    }
}

/// Sends a request, and hangs up after a time. `None` if it is not known whether it was done.
///
/// # Panics
/// If the answer is an error that nothing in this test causes.
pub(crate) async fn ask(request: Request, patience: Duration) -> Option<Answer> {
    let answer = request.try_send_within(patience).await?.ok()?;
    let status = answer.status.as_u16();
    assert!(![401, 403, 404, 500].contains(&status), "{status} {}", answer.body);
    let is_final = status < 500 && answer.code() != "IDEMPOTENCY_KEY_IN_USE";
    is_final.then_some(answer)
}
