//! The model of one customer: the requests that they have made, and what their wallet, entries and orders can be then.

use http::StatusCode;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use system_tests::ownership::{Foreign, lines, same};
use system_tests::{Client, Request};
use testkit::member::{Member, new_key};
use testkit::shop::Item;
use testkit::{Answer, text};

/// A request with an Idempotency-Key, which takes effect at most once.
#[derive(Clone, Debug)]
pub(crate) struct KeyedRequest {
    pub(crate) kind: Kind,
    key: String,
    body: Value,
    /// By how much it changes the wallet when it is done, in units.
    units: i64,
    tries: usize,
    /// Its answer, if there was one.
    pub(crate) answer: Option<FinalAnswer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Charge,
    Order,
}

/// An answer after which the request need not be repeated: 201, or 202 for an order that is placed and not yet paid.
#[derive(Clone, Debug)]
pub(crate) struct FinalAnswer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// All requests with a key of one customer.
pub(crate) struct Model {
    /// A prime number of won, which no other customer has. All that the customer charges and buys is a multiple of it.
    pub(crate) unit: i64,
    pub(crate) requests: Vec<KeyedRequest>,
}

impl KeyedRequest {
    fn new(kind: Kind, units: i64, body: Value) -> Self {
        Self { kind, key: new_key(), body, units, tries: 0, answer: None }
    }

    pub(crate) fn what(&self) -> String {
        let path = self.path();
        format!("POST {path} {} by {}, try {}", self.body, self.key, self.tries)
    }

    pub(crate) fn request(&mut self, client: &Client, me: &Member) -> Request {
        self.tries += 1;
        client.post(self.path()).json(&self.body).bearer(&me.token).key(&self.key)
    }

    const fn path(&self) -> &'static str {
        match self.kind {
            Kind::Charge => "/api/member/me/wallet/charges",
            Kind::Order => "/api/order/orders",
        }
    }

    /// The statuses that its answer may have. 409 says that the request still runs, which only a repetition can find. It can find
    /// it even after an answer: another repetition whose client has hung up may still run, and wait for the database.
    pub(crate) fn allowed(&self) -> &'static [StatusCode] {
        match (self.kind, self.tries > 1) {
            (Kind::Charge, false) => &[StatusCode::CREATED],
            (Kind::Charge, true) => &[StatusCode::CREATED, StatusCode::CONFLICT],
            (Kind::Order, false) => &[StatusCode::CREATED, StatusCode::ACCEPTED],
            (Kind::Order, true) => &[StatusCode::CREATED, StatusCode::ACCEPTED, StatusCode::CONFLICT],
        }
    }

    /// Checks an answer, and stores it.
    pub(crate) fn take_answer(&mut self, answer: &Answer, item: &Item) -> Result<(), Foreign> {
        if answer.status == StatusCode::CONFLICT {
            return same("the code", &answer.body["code"], "IDEMPOTENCY_KEY_IN_USE");
        }
        let answer = FinalAnswer { status: answer.status, body: answer.body.clone() };
        match self.kind {
            Kind::Charge => self.check_charge(&answer.body)?,
            Kind::Order => self.check_order(&answer, item)?,
        }
        // A later 202 does not replace a 201: what is paid stays paid.
        if !self.is_done() {
            self.answer = Some(answer);
        }
        Ok(())
    }

    fn check_charge(&self, charge: &Value) -> Result<(), Foreign> {
        same("the amount", &charge["amount"], self.body["amount"].clone())?;
        match &self.answer {
            Some(before) => same("the repeated answer", charge, before.body.clone()),
            None => Ok(()),
        }
    }

    fn check_order(&self, answer: &FinalAnswer, item: &Item) -> Result<(), Foreign> {
        if let Some(before) = &self.answer {
            check_same_order(&answer.body, &before.body)?;
        }
        lines(std::slice::from_ref(item), &answer.body)?;
        let status = if answer.status == StatusCode::CREATED { "CONFIRMED" } else { "PENDING" };
        same("the order's status", &answer.body["status"], status)?;
        same("the ordered option", &answer.body["lines"][0]["optionId"], item.options[0].as_str())
    }

    /// The id in its answer: the charge's or the order's.
    pub(crate) fn id(&self) -> Option<String> {
        self.answer.as_ref().map(|answer| text(&answer.body, "id"))
    }

    /// Whether it is a charge that was sent once. A repetition is answered with the balance of the first time.
    pub(crate) fn is_new_charge(&self) -> bool {
        self.kind == Kind::Charge && self.tries == 1 && self.is_done()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.status == StatusCode::CREATED)
    }
}

impl Model {
    pub(crate) fn new(unit: i64) -> Self {
        Self { unit, requests: Vec::new() }
    }

    pub(crate) fn charge(&self, units: i64) -> KeyedRequest {
        KeyedRequest::new(Kind::Charge, units, json!({ "amount": units * self.unit }))
    }

    pub(crate) fn order(item: &Item) -> KeyedRequest {
        KeyedRequest::new(Kind::Order, -1, json!({ "optionIds": [item.options[0]] }))
    }

    /// The position of a request without an answer, of one kind or of any.
    pub(crate) fn unanswered(&self, kind: Option<Kind>) -> Option<usize> {
        let is_one =
            |request: &KeyedRequest| request.answer.is_none() && kind.is_none_or(|kind| kind == request.kind);
        self.requests.iter().position(is_one)
    }

    /// The position of a random request with an answer.
    pub(crate) fn some_answered(&self, rng: &mut StdRng) -> Option<usize> {
        let place = rng.random_range(0..self.requests.len().max(1));
        self.requests.get(place)?.answer.as_ref().map(|_| place)
    }

    /// A random order whose answer says that it is paid.
    pub(crate) fn some_order(&self, rng: &mut StdRng) -> Option<&KeyedRequest> {
        let paid = self.requests.iter().filter(|request| request.kind == Kind::Order && request.is_done());
        let paid: Vec<&KeyedRequest> = paid.collect();
        paid.get(rng.random_range(0..paid.len().max(1))).copied()
    }

    /// The least that the wallet can hold, in units.
    pub(crate) fn least(&self) -> i64 {
        let counts = |request: &&KeyedRequest| request.is_done() || request.units < 0;
        self.requests.iter().filter(counts).map(|request| request.units).sum()
    }

    /// The most that the wallet can hold, in units.
    fn most(&self) -> i64 {
        let counts = |request: &&KeyedRequest| request.is_done() || request.units > 0;
        self.requests.iter().filter(counts).map(|request| request.units).sum()
    }

    /// Checks a balance: requests with an answer count, and those without one may count.
    pub(crate) fn check_balance(&self, wallet: &Value) -> Result<(), Foreign> {
        same("the currency", &wallet["currency"], "KRW")?;
        let balance = wallet["balance"].as_i64().ok_or_else(|| format!("no balance in {wallet}"))?;
        let (least, most) = (self.least() * self.unit, self.most() * self.unit);
        let possible = balance % self.unit == 0 && (least..=most).contains(&balance);
        let unit = self.unit;
        if possible {
            Ok(())
        } else {
            Err(format!("{balance} won, and not {least} to {most} in steps of {unit}"))
        }
    }

    /// Checks a page of the wallet's entries: every entry belongs to the customer, and there is one for each request that is
    /// done.
    pub(crate) fn check_entries(&self, page: &Value) -> Result<(), Foreign> {
        let entries = page["items"].as_array().ok_or_else(|| format!("no entries in {page}"))?;
        for entry in entries {
            let amount = entry["amount"].as_i64().unwrap_or_default();
            let kind = if amount > 0 { "CHARGE" } else { "ORDER_PAYMENT" };
            same("an entry's kind", &entry["kind"], kind)?;
            let after = entry["balanceAfter"].as_i64().unwrap_or(-1);
            if amount == 0 || amount % self.unit != 0 || after < 0 || after % self.unit != 0 {
                return Err(format!("an entry of another member: {entry}"));
            }
        }
        let whole = page["nextCursor"].is_null();
        for request in self.requests.iter().filter(|request| request.is_done()) {
            let id = request.id();
            let entry = entries.iter().find(|entry| entry["id"].as_str() == id.as_deref());
            match entry {
                Some(entry) => same("an entry's amount", &entry["amount"], request.units * self.unit)?,
                None if whole => return Err(format!("no entry of {request:?}")),
                None => {}
            }
        }
        Ok(())
    }

    /// Checks a page of orders: every order belongs to the customer, and there is one for each answer.
    pub(crate) fn check_orders(&self, page: &Value, item: &Item) -> Result<(), Foreign> {
        let orders = page["items"].as_array().ok_or_else(|| format!("no orders in {page}"))?;
        for order in orders {
            lines(std::slice::from_ref(item), order)?;
            same("an order's total", &order["total"], self.unit)?;
        }
        let whole = page["nextCursor"].is_null();
        let placed =
            self.requests.iter().filter(|request| request.kind == Kind::Order && request.answer.is_some());
        for request in placed {
            let id = request.id();
            let order = orders.iter().find(|order| order["id"].as_str() == id.as_deref());
            match order {
                Some(order) if request.is_done() => same("an order's status", &order["status"], "CONFIRMED")?,
                None if whole => return Err(format!("no order of {request:?}")),
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Whether the customer can pay for one more order, whatever happens to the requests without an answer.
    pub(crate) fn affords_an_order(&self) -> bool {
        self.least() > 0
    }
}

/// Checks that an order is the same as in the answer when it was placed.
pub(crate) fn check_same_order(found: &Value, placed: &Value) -> Result<(), Foreign> {
    for key in ["id", "total", "createdAt"] {
        same(key, &found[key], placed[key].clone())?;
    }
    for key in ["id", "optionId", "optionName", "price", "quantity"] {
        same(key, &found["lines"][0][key], placed["lines"][0][key].clone())?;
    }
    Ok(())
}
