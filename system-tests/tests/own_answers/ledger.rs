//! What a customer has been told of their money, and what their wallet may hold.

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use system_tests::client::{Answer, Call, Client, text};
use system_tests::own::{Foreign, lines, same};
use system_tests::people::{Person, new_key};
use system_tests::shop::Item;

/// A request with a key, which takes effect at most once.
#[derive(Clone, Debug)]
pub(crate) struct Keyed {
    pub(crate) kind: Kind,
    key: String,
    body: Value,
    /// How much the wallet holds more or less when it is done, in units.
    units: i64,
    tries: usize,
    /// What it was answered.
    pub(crate) told: Option<Told>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Charge,
    Order,
}

/// An answer that is the last word: 201, or 202 for an order that is placed and not yet paid.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// All that one customer has asked for by a key.
pub(crate) struct Ledger {
    /// A prime number of won. All that a customer charges and buys is a multiple of theirs, and no two have the same one.
    pub(crate) unit: i64,
    pub(crate) requests: Vec<Keyed>,
}

impl Keyed {
    fn new(kind: Kind, units: i64, body: Value) -> Self {
        Self { kind, key: new_key(), body, units, tries: 0, told: None }
    }

    pub(crate) fn what(&self) -> String {
        let path = self.path();
        format!("POST {path} {} by {}, try {}", self.body, self.key, self.tries)
    }

    pub(crate) fn call(&mut self, client: &Client, me: &Person) -> Call {
        self.tries += 1;
        client.post(self.path(), &self.body).bearer(&me.token).key(&self.key)
    }

    const fn path(&self) -> &'static str {
        match self.kind {
            Kind::Charge => "/api/member/me/wallet/charges",
            Kind::Order => "/api/order/orders",
        }
    }

    /// What it may be answered. Only a request that was sent before may find that it still runs: an order does also where
    /// it was answered and the answer could not be kept, a charge is kept together with its answer.
    pub(crate) fn allowed(&self) -> &'static [u16] {
        match (self.kind, self.tries > 1) {
            (Kind::Charge, true) if self.told.is_none() => &[201, 409],
            (Kind::Charge, _) => &[201],
            (Kind::Order, false) => &[201, 202],
            (Kind::Order, true) => &[201, 202, 409],
        }
    }

    /// Takes an answer in.
    pub(crate) fn hear(&mut self, answer: &Answer, item: &Item) -> Result<(), Foreign> {
        if answer.status == 409 {
            return same("the code", &answer.body["code"], "IDEMPOTENCY_KEY_IN_USE");
        }
        let told = Told { status: answer.status, body: answer.body.clone() };
        match self.kind {
            Kind::Charge => self.check_charge(&told.body)?,
            Kind::Order => self.check_order(&told, item)?,
        }
        // What is paid stays paid.
        if !self.is_done() {
            self.told = Some(told);
        }
        Ok(())
    }

    fn check_charge(&self, charge: &Value) -> Result<(), Foreign> {
        same("the amount", &charge["amount"], self.body["amount"].clone())?;
        match &self.told {
            Some(before) => same("what was answered before", charge, before.body.clone()),
            None => Ok(()),
        }
    }

    fn check_order(&self, told: &Told, item: &Item) -> Result<(), Foreign> {
        if let Some(before) = &self.told {
            is_same_order(&told.body, &before.body)?;
        }
        lines(std::slice::from_ref(item), &told.body)?;
        let status = if told.status == 201 { "CONFIRMED" } else { "PENDING" };
        same("the order's status", &told.body["status"], status)?;
        same("what was ordered", &told.body["lines"][0]["optionId"], item.options[0].as_str())
    }

    /// The id that it was told: the charge's or the order's.
    pub(crate) fn id(&self) -> Option<String> {
        self.told.as_ref().map(|told| text(&told.body, "id"))
    }

    /// Whether it has just been charged: a repetition is answered with the balance of the first time.
    pub(crate) fn is_new_charge(&self) -> bool {
        self.kind == Kind::Charge && self.tries == 1 && self.is_done()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.told.as_ref().is_some_and(|told| told.status == 201)
    }
}

impl Ledger {
    pub(crate) fn new(unit: i64) -> Self {
        Self { unit, requests: Vec::new() }
    }

    pub(crate) fn charge(&self, units: i64) -> Keyed {
        Keyed::new(Kind::Charge, units, json!({ "amount": units * self.unit }))
    }

    pub(crate) fn order(item: &Item) -> Keyed {
        Keyed::new(Kind::Order, -1, json!({ "optionIds": [item.options[0]] }))
    }

    /// The place of a request that was not answered, of one kind or any.
    pub(crate) fn unanswered(&self, kind: Option<Kind>) -> Option<usize> {
        let is_one = |request: &Keyed| request.told.is_none() && kind.is_none_or(|kind| kind == request.kind);
        self.requests.iter().position(is_one)
    }

    /// The place of some request that was answered.
    pub(crate) fn some_answered(&self, dice: &mut StdRng) -> Option<usize> {
        let place = dice.random_range(0..self.requests.len().max(1));
        self.requests.get(place)?.told.as_ref().map(|_| place)
    }

    /// An order that was told to be paid.
    pub(crate) fn some_order(&self, dice: &mut StdRng) -> Option<&Keyed> {
        let paid = self.requests.iter().filter(|request| request.kind == Kind::Order && request.is_done());
        let paid: Vec<&Keyed> = paid.collect();
        paid.get(dice.random_range(0..paid.len().max(1))).copied()
    }

    /// What is in the wallet for certain, in units.
    pub(crate) fn least(&self) -> i64 {
        let counts = |request: &&Keyed| request.is_done() || request.units < 0;
        self.requests.iter().filter(counts).map(|request| request.units).sum()
    }

    fn most(&self) -> i64 {
        let counts = |request: &&Keyed| request.is_done() || request.units > 0;
        self.requests.iter().filter(counts).map(|request| request.units).sum()
    }

    /// Checks what a wallet is said to hold: what was told, and none, some or all of what was not.
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

    /// Checks a page of the wallet's statement: every entry is the customer's, and all that they were told is there.
    pub(crate) fn check_entries(&self, page: &Value) -> Result<(), Foreign> {
        let entries = page["items"].as_array().ok_or_else(|| format!("no entries in {page}"))?;
        for entry in entries {
            let amount = entry["amount"].as_i64().unwrap_or_default();
            let kind = if amount > 0 { "CHARGE" } else { "ORDER_PAYMENT" };
            same("an entry's kind", &entry["kind"], kind)?;
            let after = entry["balanceAfter"].as_i64().unwrap_or(-1);
            if amount == 0 || amount % self.unit != 0 || after < 0 || after % self.unit != 0 {
                return Err(format!("an entry of somebody else: {entry}"));
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

    /// Checks a page of orders: every one is the customer's, and all that they were told is there.
    pub(crate) fn check_orders(&self, page: &Value, item: &Item) -> Result<(), Foreign> {
        let orders = page["items"].as_array().ok_or_else(|| format!("no orders in {page}"))?;
        for order in orders {
            lines(std::slice::from_ref(item), order)?;
            same("an order's total", &order["total"], self.unit)?;
        }
        let whole = page["nextCursor"].is_null();
        let placed =
            self.requests.iter().filter(|request| request.kind == Kind::Order && request.told.is_some());
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

    /// Whether the customer can pay for one more, whatever has become of the rest.
    pub(crate) fn affords_an_order(&self) -> bool {
        self.least() > 0
    }
}

/// Checks that an order is the one that was told when it was placed.
pub(crate) fn is_same_order(found: &Value, told: &Value) -> Result<(), Foreign> {
    for key in ["id", "total", "createdAt"] {
        same(key, &found[key], told[key].clone())?;
    }
    for key in ["id", "optionId", "optionName", "price", "quantity"] {
        same(key, &found["lines"][0][key], told["lines"][0][key].clone())?;
    }
    Ok(())
}
