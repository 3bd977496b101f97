//! A customer, who does everything that a customer can do, in a random order.

use http::{Method, StatusCode};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use system_tests::test_stack::gateway;
use system_tests::{Request, ownership};
use testkit::member::{Member, new_key};
use testkit::shop::Item;
use testkit::{Answer, text};
use tokio::sync::watch;

use crate::history::{KeyedRequest, Kind};
use crate::market::{Market, ask};

/// How often a request without an answer is sent at once. After that it is repeated at the end of the test.
const TRIES: usize = 3;
/// A charge is a multiple of this plus the shopper's number, in won.
const CHARGE_UNIT: u64 = 10_000;

/// A shopper.
pub(crate) struct Shopper {
    market: Market,
    me: Member,
    /// The remainder of each charge by [`CHARGE_UNIT`]. No two shoppers have the same.
    number: u64,
    rng: StdRng,
    /// The items that they can buy. No other shopper can buy the last one.
    items: Vec<Item>,
    /// The ids of all lines that they have bought.
    lines: Vec<String>,
    /// The answers to all orders that are paid.
    orders: Vec<Value>,
}

impl Shopper {
    pub(crate) async fn new(market: Market, number: u64, rng: StdRng) -> Self {
        let me = Member::customer(&gateway(&market.stack), 0).await;
        let items = market.items_of(number);
        Self { market, me, number, rng, items, lines: Vec::new(), orders: Vec::new() }
    }

    /// Goes on until the test is over.
    pub(crate) async fn shop(mut self, ending: watch::Receiver<bool>) {
        self.charge().await;
        while !*ending.borrow() {
            match self.rng.random_range(0..100) {
                0..10 => self.charge().await,
                10..20 => self.change_cart().await,
                20..60 => self.buy().await,
                60..67 => self.look_at_an_order().await,
                67..71 => self.look_at_account().await,
                71..75 => self.list_orders().await,
                75..80 => self.read_statement().await,
                80..88 => self.change_a_line("cancel").await,
                _ => self.change_a_line("refund-request").await,
            }
        }
    }

    async fn charge(&mut self) {
        let amount = self.rng.random_range(1..=40) * CHARGE_UNIT + self.number;
        self.send_until_answered(&KeyedRequest::new(&self.me, Kind::Charge, json!({ "amount": amount })))
            .await;
    }

    /// Fills the cart, reads it, and orders all or some of it. Sometimes sends the order twice at once, by the same key or by
    /// another one, or changes the cart meanwhile.
    async fn buy(&mut self) {
        for _ in 0..self.rng.random_range(1..=3) {
            self.change_cart().await;
        }
        let cart = self.look_at_cart().await;
        let body = self.order_of(cart.as_ref());
        let order = KeyedRequest::new(&self.me, Kind::Order, body.clone());
        let rival = self.rng.random_bool(0.3).then(|| KeyedRequest::new(&self.me, Kind::Order, body.clone()));
        let meanwhile = self.rng.random_bool(0.4).then(|| self.cart_change());
        let twice = self.rng.random_bool(0.3);
        let (history, client) = (self.market.history.clone(), self.market.client.clone());
        let send = |order| history.send(&client, order, self.market.patience());
        let (first, _, _, changed) = tokio::join!(
            send(&order),
            async { if twice { send(&order).await } else { None } },
            async { if let Some(rival) = &rival { send(rival).await } else { None } },
            async { if let Some(change) = meanwhile { self.ask(change).await } else { None } },
        );
        if let Some(cart) = changed {
            self.check_cart(&cart);
        }
        let answer = if first.is_none() { self.send_until_answered(&order).await } else { first };
        if self.rng.random_bool(0.2) {
            self.send_until_answered(&order).await;
        }
        if let Some(answer) = answer.filter(|answer| answer.status == StatusCode::CREATED) {
            self.check_lines(&answer);
            if let Some(cart) = cart.filter(|_| body["cartVersion"].is_string()) {
                check_as_seen(&cart, &answer.body);
            }
            let lines = answer.body["lines"].as_array().cloned().unwrap_or_default();
            self.lines.extend(lines.iter().map(|line| text(line, "id")));
            self.orders.push(answer.body);
        }
    }

    /// Reads the cart. Often wants no more of an option than there is, and acknowledges what has changed.
    async fn look_at_cart(&mut self) -> Option<Value> {
        let answer = self.ask(self.request(Method::GET, "/api/order/cart", None)).await?;
        self.check_cart(&answer);
        let mut cart = answer.body;
        for line in cart["lines"].as_array().cloned().unwrap_or_default() {
            let available = line["available"].as_i64().unwrap_or_default();
            if available >= line["quantity"].as_i64().unwrap_or_default() || self.rng.random_bool(0.2) {
                continue;
            }
            let path = format!("/api/order/cart/lines/{}", text(&line, "optionId"));
            let change = match available {
                0 => self.request(Method::DELETE, &path, None),
                _ => self.request(Method::PUT, &path, Some(&json!({ "quantity": available }))),
            };
            cart = self.ask(change).await?.expect(StatusCode::OK).body;
        }
        if !cart["messages"].as_array().is_none_or(Vec::is_empty) && self.rng.random_bool(0.5) {
            let path = "/api/order/cart/acknowledgements";
            let request = self.request(Method::POST, path, Some(&json!({ "version": cart["version"] })));
            let answer = self.ask(request.key(&new_key())).await?;
            match answer.status {
                StatusCode::OK => cart = answer.body,
                _ => assert_eq!(answer.code(), "CART_CHANGED", "{} {}", answer.status, answer.body),
            }
        }
        Some(cart)
    }

    /// The body of an order of all or some of the cart.
    fn order_of(&mut self, cart: Option<&Value>) -> Value {
        let Some(cart) = cart else { return json!({}) };
        let mut body = json!({});
        let some = self.some_options(cart);
        if !some.is_empty() && self.rng.random_bool(0.4) {
            body["optionIds"] = json!(some);
        }
        if self.rng.random_bool(0.6) {
            body["cartVersion"] = cart["version"].clone();
        }
        body
    }

    /// Checks a cart. 204 says that it was emptied.
    fn check_cart(&self, cart: &Answer) {
        match cart.status {
            StatusCode::NO_CONTENT => assert!(cart.bytes.is_empty()),
            _ => self.check_lines(cart),
        }
    }

    /// Checks that a cart or an order has only items that this shopper can buy, and that its total is the sum of its lines.
    fn check_lines(&self, answer: &Answer) {
        assert!([200, 201].contains(&answer.status.as_u16()), "{} {}", answer.status, answer.body);
        ownership::lines(&self.items, &answer.body)
            .unwrap_or_else(|foreign| panic!("{}: {foreign}", self.me.id));
    }

    async fn look_at_account(&self) {
        if let Some(answer) = self.ask(self.request(Method::GET, "/api/member/me", None)).await {
            ownership::account(&self.me, &answer.expect(StatusCode::OK).body).unwrap();
        }
    }

    /// Checks that each order is in an answer to this shopper, or can belong to a request without an answer.
    async fn list_orders(&self) {
        let Some(answer) = self.ask(self.request(Method::GET, "/api/order/orders?limit=100", None)).await
        else {
            return;
        };
        let page = answer.expect(StatusCode::OK).body;
        let orders = page["items"].as_array().unwrap();
        for order in orders {
            ownership::lines(&self.items, order)
                .unwrap_or_else(|foreign| panic!("{}: {foreign}", self.me.id));
            let answer = self.orders.iter().find(|answer| answer["id"] == order["id"]);
            assert!(
                answer.is_none_or(|answer| answer["total"] == order["total"]),
                "{order}; its answer: {answer:?}"
            );
        }
        let known = self.market.history.orders_of(&self.me.id);
        let unknown = orders.iter().filter(|order| !known.ids.contains(&text(order, "id"))).count();
        assert!(unknown <= known.unanswered, "{unknown} orders of another customer: {page}");
    }

    /// Checks that each charge has this shopper's number in its amount, and that each payment is for an order of this
    /// shopper.
    async fn read_statement(&self) {
        let path = "/api/member/me/wallet/entries?limit=100";
        let Some(answer) = self.ask(self.request(Method::GET, path, None)).await else { return };
        let page = answer.expect(StatusCode::OK).body;
        let known = self.market.history.orders_of(&self.me.id);
        let mut unknown = 0;
        for entry in page["items"].as_array().unwrap() {
            let amount = entry["amount"].as_i64().unwrap();
            if entry["kind"] == "CHARGE" {
                let rest = amount.unsigned_abs() % CHARGE_UNIT;
                assert!(amount > 0 && rest == self.number, "a charge of another customer: {entry}");
            } else if entry["kind"] == "ORDER_PAYMENT" {
                unknown += usize::from(!known.ids.contains(&text(entry, "reference")));
                let order = self.orders.iter().find(|order| order["id"] == entry["reference"]);
                let total = order.map(|order| -order["total"].as_i64().unwrap());
                assert!(total.is_none_or(|total| total == amount), "{entry}; the order: {order:?}");
            }
        }
        assert!(unknown <= known.unanswered, "{unknown} payments of another customer: {page}");
    }

    /// Reads an order that is in an answer, and compares the two.
    async fn look_at_an_order(&mut self) {
        let Some(placed) = pick(&self.orders, &mut self.rng) else { return };
        let path = format!("/api/order/orders/{}", text(&placed, "id"));
        if let Some(answer) = self.ask(self.request(Method::GET, &path, None)).await {
            self.check_lines(&answer);
            let found = answer.expect(StatusCode::OK).body;
            for key in ["id", "status", "total"] {
                assert_eq!(found[key], placed[key], "{found}; its answer: {placed}");
            }
            let lines = |order: &Value| order["lines"].as_array().cloned().unwrap_or_default();
            for (line, answer) in lines(&found).iter().zip(&lines(&placed)) {
                for key in ["id", "optionId", "price", "quantity"] {
                    assert_eq!(line[key], answer[key], "{line}; its answer: {answer}");
                }
            }
            assert_eq!(lines(&found).len(), lines(&placed).len(), "{found}; its answer: {placed}");
        }
    }

    /// Cancels a line, requests a refund or withdraws the request. The seller may decide the refund at the same time.
    async fn change_a_line(&mut self, what: &str) {
        let Some(line_id) = pick(&self.lines, &mut self.rng) else { return };
        let path = format!("/api/order/lines/{line_id}/{what}");
        let withdraw = what != "cancel" && self.rng.random_bool(0.3);
        let reason = (what != "cancel").then(|| json!({ "reason": "생각이 바뀌었어요" }));
        let answer = if withdraw {
            self.ask(self.request(Method::DELETE, &path, None)).await
        } else {
            self.market.write(|| self.request(Method::POST, &path, reason.as_ref())).await
        };
        let Some(answer) = answer else { return };
        match answer.status {
            StatusCode::OK => {
                assert_eq!(answer.body["id"], line_id.as_str(), "{}", answer.body);
                ownership::line(&self.items, &answer.body).unwrap();
                self.market.history.note_change(&line_id, &text(&answer.body, "status"));
            }
            _ => assert_eq!(answer.code(), "LINE_STATE_CONFLICT", "{} {}", answer.status, answer.body),
        }
    }

    async fn change_cart(&mut self) {
        let change = self.cart_change();
        if let Some(cart) = self.ask(change).await {
            self.check_cart(&cart);
        }
    }

    fn cart_change(&mut self) -> Request {
        let own = self.items.len() - 1;
        let place = if self.rng.random_bool(0.4) { own } else { self.rng.random_range(0..own) };
        let option_id = pick(&self.items[place].options, &mut self.rng).unwrap_or_default();
        let quantity = self.rng.random_range(1..=4);
        let line = format!("/api/order/cart/lines/{option_id}");
        match self.rng.random_range(0..100) {
            0..55 => {
                let body = json!({ "optionId": option_id, "quantity": quantity });
                self.request(Method::POST, "/api/order/cart/lines", Some(&body)).key(&new_key())
            }
            55..85 => self.request(Method::PUT, &line, Some(&json!({ "quantity": quantity }))),
            85..97 => self.request(Method::DELETE, &line, None),
            _ => self.request(Method::DELETE, "/api/order/cart", None),
        }
    }

    /// Random options of a cart.
    fn some_options(&mut self, cart: &Value) -> Vec<Value> {
        let lines = cart["lines"].as_array().cloned().unwrap_or_default();
        let mut chosen = lines.iter().map(|line| line["optionId"].clone()).collect::<Vec<_>>();
        chosen.retain(|_| self.rng.random_bool(0.6));
        chosen
    }

    /// Sends a request until it is answered, a few times.
    async fn send_until_answered(&self, request: &KeyedRequest) -> Option<Answer> {
        for _ in 0..TRIES {
            let answer = self.market.history.send(&self.market.client, request, self.market.patience()).await;
            if answer.is_some() {
                return answer;
            }
        }
        None
    }

    async fn ask(&self, call: Request) -> Option<Answer> {
        ask(call, self.market.patience()).await
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Request {
        let request = self.market.client.request(method, path).bearer(&self.me.token);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }
}

/// Checks that an order which names the version of a cart has the names, prices and quantities that this cart showed.
fn check_as_seen(cart: &Value, order: &Value) {
    let shown = cart["lines"].as_array().cloned().unwrap_or_default();
    for line in order["lines"].as_array().cloned().unwrap_or_default() {
        let as_shown = shown.iter().find(|shown| shown["optionId"] == line["optionId"]);
        let as_shown = as_shown.unwrap_or_else(|| panic!("{line} was not in the cart {cart}"));
        for key in ["price", "quantity", "itemName", "optionName", "storeName"] {
            assert_eq!(line[key], as_shown[key], "{line}; the cart showed {as_shown}");
        }
    }
}

fn pick<T: Clone>(of: &[T], rng: &mut StdRng) -> Option<T> {
    if of.is_empty() { None } else { of.get(rng.random_range(0..of.len())).cloned() }
}
