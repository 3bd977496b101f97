//! A customer who does anything that a customer can do, in any order.

use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::client::{Answer, Call, Client, text};
use system_tests::own;
use system_tests::people::Person;
use system_tests::shop::Item;
use tokio::sync::watch;

use crate::market::{Market, ask};
use crate::memory::{Keyed, Kind};

/// How often a request without an answer is sent again at once; after that its client comes back to it in the end.
const TRIES: usize = 3;
/// Charges are multiples of this, in won, and the shopper's number.
const CHARGED: u64 = 10_000;

/// A customer.
pub(crate) struct Shopper {
    market: Market,
    me: Person,
    /// What is left of the amount of a charge beyond [`CHARGED`] won. Every shopper has another one.
    number: u64,
    dice: StdRng,
    /// All that they can buy. The last is for nobody else.
    goods: Vec<Item>,
    /// The ids of all lines that were ever bought.
    lines: Vec<String>,
    /// All orders that were said to be paid, as they were told.
    orders: Vec<Value>,
}

impl Shopper {
    pub(crate) async fn new(market: Market, number: u64, dice: StdRng) -> Self {
        let me = Person::customer(&Client::of(&market.stack), 0).await;
        let goods = market.goods_of(number);
        Self { market, me, number, dice, goods, lines: Vec::new(), orders: Vec::new() }
    }

    /// Goes on until everybody goes home.
    pub(crate) async fn shop(mut self, ending: watch::Receiver<bool>) {
        self.charge().await;
        while !*ending.borrow() {
            match self.dice.random_range(0..100) {
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
        let amount = self.dice.random_range(1..=40) * CHARGED + self.number;
        self.insist(&Keyed::new(&self.me, Kind::Charge, json!({ "amount": amount }))).await;
    }

    /// Fills the cart, looks at it, and orders: all of it or some, once or twice at a time, and changes the cart
    /// meanwhile.
    async fn buy(&mut self) {
        for _ in 0..self.dice.random_range(1..=3) {
            self.change_cart().await;
        }
        let cart = self.ask(self.call(Method::GET, "/api/order/cart", None)).await;
        if let Some(cart) = &cart {
            self.check_cart(cart);
        }
        let body = match cart.map(|cart| self.some_of(&cart.body)) {
            Some(some) if !some.is_empty() && self.dice.random_bool(0.4) => json!({ "optionIds": some }),
            _ => json!({}),
        };
        let order = Keyed::new(&self.me, Kind::Order, body);
        let meanwhile = self.dice.random_bool(0.4).then(|| self.cart_change());
        let twice = self.dice.random_bool(0.3);
        let (memory, client) = (self.market.memory.clone(), self.market.client.clone());
        let (first, _, changed) = tokio::join!(
            memory.send(&client, &order, self.market.patience()),
            async { if twice { memory.send(&client, &order, self.market.patience()).await } else { None } },
            async { if let Some(change) = meanwhile { self.ask(change).await } else { None } },
        );
        if let Some(cart) = changed {
            self.check_cart(&cart);
        }
        let answer = if first.is_none() { self.insist(&order).await } else { first };
        if self.dice.random_bool(0.2) {
            self.insist(&order).await;
        }
        if let Some(answer) = answer.filter(|answer| answer.status == 201) {
            self.check_lines(&answer);
            let lines = answer.body["lines"].as_array().cloned().unwrap_or_default();
            self.lines.extend(lines.iter().map(|line| text(line, "id")));
            self.orders.push(answer.body);
        }
    }

    /// An answer with a cart, or nothing: a cart was emptied.
    fn check_cart(&self, cart: &Answer) {
        match cart.status {
            204 => assert_eq!(cart.body, Value::Null),
            _ => self.check_lines(cart),
        }
    }

    /// A cart or an order holds what this shopper can buy, and its total is that of its lines.
    fn check_lines(&self, answer: &Answer) {
        assert!([200, 201].contains(&answer.status), "{} {}", answer.status, answer.body);
        own::lines(&self.goods, &answer.body).unwrap_or_else(|foreign| panic!("{}: {foreign}", self.me.id));
    }

    async fn look_at_account(&self) {
        if let Some(answer) = self.ask(self.call(Method::GET, "/api/member/me", None)).await {
            own::account(&self.me, &answer.expect(200)).unwrap();
        }
    }

    /// Each order is one that this shopper was told of, or may have placed without having been told.
    async fn list_orders(&self) {
        let Some(answer) = self.ask(self.call(Method::GET, "/api/order/orders?limit=100", None)).await else {
            return;
        };
        let page = answer.expect(200);
        let orders = page["items"].as_array().unwrap();
        for order in orders {
            own::lines(&self.goods, order).unwrap_or_else(|foreign| panic!("{}: {foreign}", self.me.id));
            let told = self.orders.iter().find(|told| told["id"] == order["id"]);
            assert!(
                told.is_none_or(|told| told["total"] == order["total"]),
                "{order}, and was told {told:?}"
            );
        }
        let known = self.market.memory.orders_of(&self.me.id);
        let untold = orders.iter().filter(|order| !known.ids.contains(&text(order, "id"))).count();
        assert!(untold <= known.unanswered, "{untold} orders of somebody else: {page}");
    }

    /// Each charge has this shopper's number in its amount, and each payment is for an order of theirs.
    async fn read_statement(&self) {
        let path = "/api/member/me/wallet/entries?limit=100";
        let Some(answer) = self.ask(self.call(Method::GET, path, None)).await else { return };
        let page = answer.expect(200);
        let known = self.market.memory.orders_of(&self.me.id);
        let mut untold = 0;
        for entry in page["items"].as_array().unwrap() {
            let amount = entry["amount"].as_i64().unwrap();
            if entry["kind"] == "CHARGE" {
                let rest = amount.unsigned_abs() % CHARGED;
                assert!(amount > 0 && rest == self.number, "a charge of somebody else: {entry}");
            } else if entry["kind"] == "ORDER_PAYMENT" {
                untold += usize::from(!known.ids.contains(&text(entry, "reference")));
                let order = self.orders.iter().find(|order| order["id"] == entry["reference"]);
                let total = order.map(|order| -order["total"].as_i64().unwrap());
                assert!(total.is_none_or(|total| total == amount), "{entry}, and was told {order:?}");
            }
        }
        assert!(untold <= known.unanswered, "{untold} payments of somebody else: {page}");
    }

    /// Whoever has been told of an order finds it.
    async fn look_at_an_order(&mut self) {
        let Some(told) = pick(&self.orders, &mut self.dice) else { return };
        let path = format!("/api/order/orders/{}", text(&told, "id"));
        if let Some(answer) = self.ask(self.call(Method::GET, &path, None)).await {
            self.check_lines(&answer);
            let found = answer.expect(200);
            for key in ["id", "status", "total"] {
                assert_eq!(found[key], told[key], "{found}, and was told {told}");
            }
            let lines = |order: &Value| order["lines"].as_array().cloned().unwrap_or_default();
            for (line, told) in lines(&found).iter().zip(&lines(&told)) {
                for key in ["id", "optionId", "price", "quantity"] {
                    assert_eq!(line[key], told[key], "{line}, and was told {told}");
                }
            }
            assert_eq!(lines(&found).len(), lines(&told).len(), "{found}, and was told {told}");
        }
    }

    /// Cancels a line, asks for its money or changes their mind. The seller may be doing something to it at this moment.
    async fn change_a_line(&mut self, what: &str) {
        let Some(line_id) = pick(&self.lines, &mut self.dice) else { return };
        let path = format!("/api/order/lines/{line_id}/{what}");
        let withdraw = what != "cancel" && self.dice.random_bool(0.3);
        let call = match what {
            _ if withdraw => self.call(Method::DELETE, &path, None),
            "cancel" => self.call(Method::POST, &path, None),
            _ => self.call(Method::POST, &path, Some(&json!({ "reason": "생각이 바뀌었어요" }))),
        };
        let Some(answer) = self.ask(call).await else { return };
        match answer.status {
            200 => {
                assert_eq!(answer.body["id"], line_id.as_str(), "{}", answer.body);
                own::line(&self.goods, &answer.body).unwrap();
                self.market.memory.note_change(&line_id, &text(&answer.body, "status"));
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

    fn cart_change(&mut self) -> Call {
        let special = self.goods.len() - 1;
        let place = if self.dice.random_bool(0.4) { special } else { self.dice.random_range(0..special) };
        let option_id = pick(&self.goods[place].options, &mut self.dice).unwrap_or_default();
        let quantity = self.dice.random_range(1..=4);
        let line = format!("/api/order/cart/lines/{option_id}");
        match self.dice.random_range(0..100) {
            0..55 => self.call(
                Method::POST,
                "/api/order/cart/lines",
                Some(&json!({ "optionId": option_id, "quantity": quantity })),
            ),
            55..85 => self.call(Method::PUT, &line, Some(&json!({ "quantity": quantity }))),
            85..97 => self.call(Method::DELETE, &line, None),
            _ => self.call(Method::DELETE, "/api/order/cart", None),
        }
    }

    /// Some of the options in a cart.
    fn some_of(&mut self, cart: &Value) -> Vec<Value> {
        let lines = cart["lines"].as_array().cloned().unwrap_or_default();
        let mut chosen = lines.iter().map(|line| line["optionId"].clone()).collect::<Vec<_>>();
        chosen.retain(|_| self.dice.random_bool(0.6));
        chosen
    }

    /// Sends a request until it is answered, a few times.
    async fn insist(&self, request: &Keyed) -> Option<Answer> {
        for _ in 0..TRIES {
            let answer = self.market.memory.send(&self.market.client, request, self.market.patience()).await;
            if answer.is_some() {
                return answer;
            }
        }
        None
    }

    async fn ask(&self, call: Call) -> Option<Answer> {
        ask(call, self.market.patience()).await
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Call {
        let call = match (body, &method) {
            (Some(body), &Method::POST) => self.market.client.post(path, body),
            (Some(body), _) => self.market.client.put(path, body),
            (None, _) => self.market.client.call(method, path),
        };
        call.bearer(&self.me.token)
    }
}

fn pick<T: Clone>(of: &[T], dice: &mut StdRng) -> Option<T> {
    if of.is_empty() { None } else { of.get(dice.random_range(0..of.len())).cloned() }
}
