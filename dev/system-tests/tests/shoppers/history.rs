//! The history of all requests with a key and their answers, which is compared with the databases at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::Value;
use system_tests::databases::Databases;
use system_tests::{Client, Request, ownership};
use testkit::member::{Member, new_key};
use testkit::{Answer, integer, text};
use uuid::Uuid;

use crate::market::{LONG_WAIT, ask};

/// A key whose process died can be used again after its lease. This is twice the lease, for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// A request with an Idempotency-Key, which takes effect at most once.
#[derive(Clone)]
pub(crate) struct KeyedRequest {
    customer: Member,
    kind: Kind,
    key: String,
    body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Charge,
    Order,
}

/// What the client of a request knows about it.
#[derive(Clone, Debug)]
enum Outcome {
    /// It has no answer yet.
    Unknown,
    /// 201
    Done(Value),
    /// 202: the order is placed, and not yet paid.
    Unfinished(Uuid),
    /// 409: the order has failed.
    Failed(Uuid, String),
    /// 409: nothing was changed, for good.
    Refused,
    /// 409 `CART_EMPTY`, which is not kept under the key. So a request that was sent twice, and is late once, can still succeed.
    NotNow,
}

/// What a customer knows of their orders.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// The ids in the answers.
    pub(crate) ids: BTreeSet<String>,
    /// The number of orders without an answer.
    pub(crate) unanswered: usize,
}

/// The history, which all clients share.
#[derive(Default)]
pub(crate) struct History(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    /// By their keys.
    requests: BTreeMap<String, (KeyedRequest, Outcome)>,
    /// Lines, with a status from an answer.
    changes: BTreeSet<(Uuid, String)>,
}

/// How many answers were compared with the databases.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "it is printed")]
pub(crate) struct Checked {
    pub(crate) charges: usize,
    pub(crate) confirmed: usize,
    pub(crate) failed: usize,
    pub(crate) unfinished: usize,
    pub(crate) refused: usize,
    pub(crate) changes: usize,
}

impl KeyedRequest {
    pub(crate) fn new(customer: &Member, kind: Kind, body: Value) -> Self {
        Self { customer: customer.clone(), kind, key: new_key(), body }
    }

    /// Checks that an answer fits the request.
    fn check(&self, answer: &Answer) {
        let (asked, answered) = (&self.body, &answer.body);
        match (self.kind, answer.status) {
            (Kind::Charge, StatusCode::CREATED) => {
                assert_eq!(answered["amount"], asked["amount"], "{answered}");
            }
            (Kind::Order, StatusCode::CREATED | StatusCode::ACCEPTED) => {
                let chosen = asked["optionIds"].as_array();
                for line in answered["lines"].as_array().expect("an order has lines") {
                    let is_chosen = chosen.is_none_or(|chosen| chosen.contains(&line["optionId"]));
                    assert!(is_chosen, "{line} was not asked for: {asked}");
                }
            }
            (Kind::Charge | Kind::Order, _) => {}
        }
    }

    fn request(&self, client: &Client) -> Request {
        let path = match self.kind {
            Kind::Charge => "/api/member/me/wallet/charges",
            Kind::Order => "/api/order/orders",
        };
        client.post(path).json(&self.body).bearer(&self.customer.token).key(&self.key)
    }
}

impl History {
    /// Sends a request once, and stores the answer.
    pub(crate) async fn send(
        &self,
        client: &Client,
        request: &KeyedRequest,
        patience: Duration,
    ) -> Option<Answer> {
        let first = || (request.clone(), Outcome::Unknown);
        self.entries().requests.entry(request.key.clone()).or_insert_with(first);
        let answer = ask(request.request(client), patience).await?;
        request.check(&answer);
        let mut entries = self.entries();
        let (_, outcome) = entries.requests.get_mut(&request.key).expect("it was inserted above");
        outcome.update(&answer);
        Some(answer)
    }

    /// The orders of a customer.
    pub(crate) fn orders_of(&self, customer_id: &str) -> Orders {
        let entries = self.entries();
        let mut orders = Orders::default();
        let own = |request: &KeyedRequest| request.kind == Kind::Order && request.customer.id == customer_id;
        for (_, outcome) in entries.requests.values().filter(|(request, _)| own(request)) {
            match outcome {
                Outcome::Unknown => orders.unanswered += 1,
                _ => orders.ids.extend(outcome.order_id().map(|id| id.to_string())),
            }
        }
        orders
    }

    /// Stores that an answer said that a line has a status.
    pub(crate) fn note_change(&self, line_id: &str, status: &str) {
        self.entries().changes.insert((id(line_id), status.to_owned()));
    }

    /// Repeats every request without an answer until it has one, and once more every request whose answer was not kept.
    pub(crate) async fn repeat_unanswered(&self, client: &Client) {
        let unknown: Vec<KeyedRequest> = {
            let entries = self.entries();
            let open = entries
                .requests
                .values()
                .filter(|(_, outcome)| matches!(outcome, Outcome::Unknown | Outcome::NotNow));
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

    /// Compares the databases with the history.
    ///
    /// # Panics
    /// If an answer was wrong.
    pub(crate) async fn check(&self, client: &Client, databases: &Databases) -> Checked {
        let (requests, changes) = {
            let entries = self.entries();
            (entries.requests.values().cloned().collect::<Vec<_>>(), entries.changes.clone())
        };
        let mut checked = Checked { changes: changes.len(), ..Checked::default() };
        let mut effects: BTreeMap<(String, &str), BTreeSet<Uuid>> = BTreeMap::new();
        let mut customers = BTreeMap::new();
        for (request, outcome) in requests {
            customers.insert(request.customer.id.clone(), request.customer.clone());
            let (kind, effect) = match &outcome {
                Outcome::Unknown => panic!("the request with key {} has no answer", request.key),
                Outcome::Done(charge) if request.kind == Kind::Charge => {
                    check_charge(databases, &request, charge).await;
                    checked.charges += 1;
                    ("charges", id(&text(charge, "id")))
                }
                Outcome::Done(order) => {
                    check_order(databases, &request, order).await;
                    checked.confirmed += 1;
                    ("orders", id(&text(order, "id")))
                }
                Outcome::Failed(order_id, code) => {
                    let rows = format!("FROM orders.orders WHERE failure = '{code}' AND id = ?");
                    assert_eq!(
                        databases.count(&rows, *order_id).await,
                        1,
                        "order {order_id} failed with {code}"
                    );
                    checked.failed += 1;
                    ("orders", *order_id)
                }
                Outcome::Unfinished(order_id) => {
                    checked.unfinished += 1;
                    ("orders", *order_id)
                }
                Outcome::Refused | Outcome::NotNow => {
                    checked.refused += 1;
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
            let found = databases.count(rows, id(&customer)).await;
            assert_eq!(usize::try_from(found), Ok(effects.len()), "{kind} of {customer}, one for each key");
        }
        for customer in customers.values() {
            check_wallet(client, databases, customer).await;
        }
        for (line_id, status) in changes {
            let rows = format!("FROM orders.line_changes WHERE new_status = '{status}' AND line_id = ?");
            assert!(databases.count(&rows, line_id).await > 0, "line {line_id} never was {status}");
        }
        checked
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    /// Takes an answer. It must not contradict an earlier one.
    fn update(&mut self, answer: &Answer) {
        let order_id = || answer.body["orderId"].as_str().map(id);
        let new = match (answer.status.as_u16(), order_id()) {
            (201, _) => Self::Done(answer.body.clone()),
            (202, _) => Self::Unfinished(id(&text(&answer.body, "id"))),
            (409, Some(order_id)) => Self::Failed(order_id, answer.code().to_owned()),
            (409, None) if answer.code() == "CART_CHANGED" => Self::Refused,
            (409, None) if answer.code() == "CART_EMPTY" => Self::NotNow,
            _ => panic!("{} {}", answer.status, answer.body),
        };
        match (&*self, &new) {
            (Self::Done(first), Self::Done(again)) => {
                assert_eq!((&first["id"], &first["total"]), (&again["id"], &again["total"]));
                return;
            }
            (Self::Refused, Self::Refused) | (Self::Unknown | Self::NotNow, _) => {}
            (Self::Done(_) | Self::Refused, _)
            | (Self::Failed(..), Self::Done(_) | Self::Refused | Self::NotNow) => {
                panic!("the first answer was {self:?}, and the next {new:?}")
            }
            (Self::Failed(..) | Self::Unfinished(_), _) => {
                assert_eq!(self.order_id(), new.order_id(), "{new:?}");
            }
        }
        *self = new;
    }

    fn order_id(&self) -> Option<Uuid> {
        match self {
            Self::Done(order) => order["id"].as_str().map(id),
            Self::Unfinished(order_id) | Self::Failed(order_id, _) => Some(*order_id),
            Self::Unknown | Self::Refused | Self::NotNow => None,
        }
    }
}

async fn check_charge(databases: &Databases, request: &KeyedRequest, charge: &Value) {
    let rows = format!(
        "FROM member.postings WHERE account = {} AND amount = {} AND balance_after = {} AND transfer_id = ?",
        literal(&request.customer.id),
        integer(&request.body, "amount"),
        integer(charge, "balance"),
    );
    assert_eq!(databases.count(&rows, id(&text(charge, "id"))).await, 1, "{charge}");
}

/// Checks that a customer is shown their own account, and the balance that the database has.
async fn check_wallet(client: &Client, databases: &Databases, customer: &Member) {
    let get = |path| client.get(path).bearer(&customer.token).send();
    ownership::account(customer, &get("/api/member/me").await.expect(StatusCode::OK).body).unwrap();
    let balance = integer(&get("/api/member/me/wallet").await.expect(StatusCode::OK).body, "balance");
    let rows = format!("FROM member.wallets WHERE balance = {balance} AND member_id = ?");
    assert_eq!(databases.count(&rows, id(&customer.id)).await, 1, "{} has no {balance} won", customer.id);
}

async fn check_order(databases: &Databases, request: &KeyedRequest, order: &Value) {
    let order_id = text(order, "id");
    let rows = format!(
        "FROM orders.orders WHERE status = 'CONFIRMED' AND customer_id = {} AND total = {} AND id = ?",
        literal(&request.customer.id),
        integer(order, "total"),
    );
    assert_eq!(databases.count(&rows, id(&order_id)).await, 1, "{order}");
    for line in order["lines"].as_array().expect("an order has lines") {
        let rows = format!(
            "FROM orders.order_lines WHERE order_id = {} AND option_id = {} AND price = {} AND quantity = {} AND id = ?",
            literal(&order_id),
            literal(&text(line, "optionId")),
            integer(line, "price"),
            integer(line, "quantity"),
        );
        assert_eq!(databases.count(&rows, id(&text(line, "id"))).await, 1, "{line}");
    }
}

/// An id as a literal in SQL.
fn literal(text: &str) -> String {
    format!("x'{}'", id(text).simple())
}

fn id(text: &str) -> Uuid {
    text.parse().unwrap_or_else(|_| panic!("{text} is not an id"))
}
