//! What the clients were told, to be held against the databases in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use system_tests::books::Books;
use system_tests::client::{Answer, Call, Client, number, text};
use system_tests::own;
use system_tests::people::{Person, new_key};
use uuid::Uuid;

use crate::market::{LONG_WAIT, ask};

/// A key whose process died is taken over when its lease is; twice that, for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// A request that takes effect at most once, however often it is sent.
#[derive(Clone)]
pub(crate) struct Keyed {
    customer: Person,
    kind: Kind,
    key: String,
    body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Charge,
    Order,
}

/// What became of a request, as far as its client knows.
#[derive(Clone, Debug)]
enum Outcome {
    /// It was sent, and no answer came.
    Unknown,
    /// 201
    Done(Value),
    /// 202: the order is there, and how it ends is not known.
    UnderWay(Uuid),
    /// 409: the order has failed.
    Failed(Uuid, String),
    /// 409: nothing has happened.
    Refused,
}

/// What is known of a customer's orders.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Those that the customer was told of.
    pub(crate) ids: BTreeSet<String>,
    /// How many requests for one were not answered.
    pub(crate) unanswered: usize,
}

/// Everything that was said. Shared by all clients.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    requests: BTreeMap<String, (Keyed, Outcome)>,
    /// Lines, and states that they were said to be in.
    changes: BTreeSet<(Uuid, String)>,
}

/// How much of what the clients were told was found to be true.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "it is printed")]
pub(crate) struct Told {
    pub(crate) charges: usize,
    pub(crate) confirmed: usize,
    pub(crate) failed: usize,
    pub(crate) under_way: usize,
    pub(crate) refused: usize,
    pub(crate) changes: usize,
}

impl Keyed {
    pub(crate) fn new(customer: &Person, kind: Kind, body: Value) -> Self {
        Self { customer: customer.clone(), kind, key: new_key(), body }
    }

    /// An answer has to do with what was asked for.
    fn check(&self, answer: &Answer) {
        let (asked, told) = (&self.body, &answer.body);
        match self.kind {
            Kind::Charge if answer.status == 201 => assert_eq!(told["amount"], asked["amount"], "{told}"),
            Kind::Order if [201, 202].contains(&answer.status) => {
                let chosen = asked["optionIds"].as_array();
                for line in told["lines"].as_array().expect("an order has lines") {
                    let is_chosen = chosen.is_none_or(|chosen| chosen.contains(&line["optionId"]));
                    assert!(is_chosen, "{line} was not asked for: {asked}");
                }
            }
            Kind::Charge | Kind::Order => {}
        }
    }

    fn call(&self, client: &Client) -> Call {
        let path = match self.kind {
            Kind::Charge => "/api/member/me/wallet/charges",
            Kind::Order => "/api/order/orders",
        };
        client.post(path, &self.body).bearer(&self.customer.token).key(&self.key)
    }
}

impl Memory {
    /// Sends a request once, and remembers the answer.
    pub(crate) async fn send(&self, client: &Client, request: &Keyed, patience: Duration) -> Option<Answer> {
        let first = || (request.clone(), Outcome::Unknown);
        self.seen().requests.entry(request.key.clone()).or_insert_with(first);
        let answer = ask(request.call(client), patience).await?;
        request.check(&answer);
        let mut seen = self.seen();
        let (_, outcome) = seen.requests.get_mut(&request.key).expect("it was put there");
        outcome.hear(&answer);
        Some(answer)
    }

    /// The orders of a customer.
    pub(crate) fn orders_of(&self, customer_id: &str) -> Orders {
        let seen = self.seen();
        let mut orders = Orders::default();
        let own = |request: &Keyed| request.kind == Kind::Order && request.customer.id == customer_id;
        for (_, outcome) in seen.requests.values().filter(|(request, _)| own(request)) {
            match outcome {
                Outcome::Unknown => orders.unanswered += 1,
                _ => orders.ids.extend(outcome.order_id().map(|id| id.to_string())),
            }
        }
        orders
    }

    /// Remembers that a line was said to be in a state.
    pub(crate) fn note_change(&self, line_id: &str, status: &str) {
        self.seen().changes.insert((id(line_id), status.to_owned()));
    }

    /// Sends every request again that has not been answered, until it is.
    pub(crate) async fn ask_again(&self, client: &Client) {
        let unknown: Vec<Keyed> = {
            let seen = self.seen();
            let open = seen.requests.values().filter(|(_, outcome)| matches!(outcome, Outcome::Unknown));
            open.map(|(request, _)| request.clone()).collect()
        };
        let deadline = Instant::now() + PATIENCE;
        for request in unknown {
            while self.send(client, &request, LONG_WAIT).await.is_none() {
                assert!(Instant::now() < deadline, "the request with key {} is never answered", request.key);
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Holds the databases against it all.
    ///
    /// # Panics
    /// If somebody was told what is not so.
    pub(crate) async fn check(&self, client: &Client, books: &Books) -> Told {
        let (requests, changes) = {
            let seen = self.seen();
            (seen.requests.values().cloned().collect::<Vec<_>>(), seen.changes.clone())
        };
        let mut told = Told { changes: changes.len(), ..Told::default() };
        let mut effects: BTreeMap<(String, &str), BTreeSet<Uuid>> = BTreeMap::new();
        let mut customers = BTreeMap::new();
        for (request, outcome) in requests {
            customers.insert(request.customer.id.clone(), request.customer.clone());
            let (kind, effect) = match &outcome {
                Outcome::Unknown => panic!("the request with key {} has no answer", request.key),
                Outcome::Done(charge) if request.kind == Kind::Charge => {
                    check_charge(books, &request, charge).await;
                    told.charges += 1;
                    ("charges", id(&text(charge, "id")))
                }
                Outcome::Done(order) => {
                    check_order(books, &request, order).await;
                    told.confirmed += 1;
                    ("orders", id(&text(order, "id")))
                }
                Outcome::Failed(order_id, code) => {
                    let rows = format!("FROM orders.orders WHERE failure = '{code}' AND id = ?");
                    assert_eq!(books.count(&rows, *order_id).await, 1, "order {order_id} failed with {code}");
                    told.failed += 1;
                    ("orders", *order_id)
                }
                Outcome::UnderWay(order_id) => {
                    told.under_way += 1;
                    ("orders", *order_id)
                }
                Outcome::Refused => {
                    told.refused += 1;
                    continue;
                }
            };
            let is_new = effects.entry((request.customer.id.clone(), kind)).or_default().insert(effect);
            assert!(is_new, "two keys have one effect, {effect}");
        }
        for ((customer, kind), effects) in effects {
            let rows = match kind {
                "orders" => "FROM orders.orders WHERE customer_id = ?",
                _ => {
                    "FROM member.transfers t JOIN member.postings p ON p.transfer_id = t.id \
                     WHERE t.kind = 'CHARGE' AND p.account = ?"
                }
            };
            let found = books.count(rows, id(&customer)).await;
            assert_eq!(usize::try_from(found), Ok(effects.len()), "{kind} of {customer}, one for each key");
        }
        for customer in customers.values() {
            check_wallet(client, books, customer).await;
        }
        for (line_id, status) in changes {
            let rows = format!("FROM orders.line_changes WHERE new_status = '{status}' AND line_id = ?");
            assert!(books.count(&rows, line_id).await > 0, "line {line_id} was said to be {status}");
        }
        told
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    /// Takes an answer in; a second one must not say otherwise than the first.
    fn hear(&mut self, answer: &Answer) {
        let order_id = || answer.body["orderId"].as_str().map(id);
        let heard = match (answer.status, order_id()) {
            (201, _) => Self::Done(answer.body.clone()),
            (202, _) => Self::UnderWay(id(&text(&answer.body, "id"))),
            (409, Some(order_id)) => Self::Failed(order_id, answer.code().to_owned()),
            (409, None) if ["CART_CHANGED", "CART_EMPTY"].contains(&answer.code()) => Self::Refused,
            _ => panic!("{} {}", answer.status, answer.body),
        };
        match (&*self, &heard) {
            (Self::Done(first), Self::Done(again)) => {
                assert_eq!((&first["id"], &first["total"]), (&again["id"], &again["total"]));
                return;
            }
            (Self::Done(_), _) | (Self::Failed(..), Self::Done(_) | Self::Refused) => {
                panic!("{self:?} was answered before, and then {heard:?}")
            }
            (Self::Failed(..) | Self::UnderWay(_), _) => {
                assert_eq!(self.order_id(), heard.order_id(), "{heard:?}");
            }
            (Self::Unknown | Self::Refused, _) => {}
        }
        *self = heard;
    }

    fn order_id(&self) -> Option<Uuid> {
        match self {
            Self::Done(order) => order["id"].as_str().map(id),
            Self::UnderWay(order_id) | Self::Failed(order_id, _) => Some(*order_id),
            Self::Unknown | Self::Refused => None,
        }
    }
}

async fn check_charge(books: &Books, request: &Keyed, charge: &Value) {
    let rows = format!(
        "FROM member.postings WHERE account = {} AND amount = {} AND balance_after = {} AND transfer_id = ?",
        literal(&request.customer.id),
        number(&request.body, "amount"),
        number(charge, "balance"),
    );
    assert_eq!(books.count(&rows, id(&text(charge, "id"))).await, 1, "{charge}");
}

/// Everybody is shown their own account and what the ledger says of their wallet.
async fn check_wallet(client: &Client, books: &Books, customer: &Person) {
    let get = |path| client.get(path).bearer(&customer.token).send();
    own::account(customer, &get("/api/member/me").await.expect(200)).unwrap();
    let balance = number(&get("/api/member/me/wallet").await.expect(200), "balance");
    let rows = format!("FROM member.wallets WHERE balance = {balance} AND member_id = ?");
    assert_eq!(books.count(&rows, id(&customer.id)).await, 1, "{} has no {balance} won", customer.id);
}

async fn check_order(books: &Books, request: &Keyed, order: &Value) {
    let order_id = text(order, "id");
    let rows = format!(
        "FROM orders.orders WHERE status = 'CONFIRMED' AND customer_id = {} AND total = {} AND id = ?",
        literal(&request.customer.id),
        number(order, "total"),
    );
    assert_eq!(books.count(&rows, id(&order_id)).await, 1, "{order}");
    for line in order["lines"].as_array().expect("an order has lines") {
        let rows = format!(
            "FROM orders.order_lines WHERE order_id = {} AND option_id = {} AND price = {} AND quantity = {} AND id = ?",
            literal(&order_id),
            literal(&text(line, "optionId")),
            number(line, "price"),
            number(line, "quantity"),
        );
        assert_eq!(books.count(&rows, id(&text(line, "id"))).await, 1, "{line}");
    }
}

/// An id as SQL writes it.
fn literal(text: &str) -> String {
    format!("x'{}'", id(text).simple())
}

fn id(text: &str) -> Uuid {
    text.parse().unwrap_or_else(|_| panic!("{text} is no id"))
}
