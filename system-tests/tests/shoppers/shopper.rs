//! A customer who does anything that a customer can do, in any order.

use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::client::{Answer, Call, Client, text};
use system_tests::people::Person;
use tokio::sync::watch;

use crate::market::{Market, ask};
use crate::memory::{Keyed, Kind};

/// How often a request without an answer is sent again at once; after that its client comes back to it in the end.
const TRIES: usize = 3;

/// A customer.
pub(crate) struct Shopper {
    market: Market,
    me: Person,
    dice: StdRng,
    options: Vec<String>,
    /// The ids of all lines that were ever bought.
    lines: Vec<String>,
    orders: Vec<String>,
}

impl Shopper {
    pub(crate) async fn new(market: Market, dice: StdRng) -> Self {
        let me = Person::customer(&Client::of(&market.stack), 0).await;
        let options = market.options().map(str::to_owned).collect();
        Self { market, me, dice, options, lines: Vec::new(), orders: Vec::new() }
    }

    /// Goes on until everybody goes home.
    pub(crate) async fn shop(mut self, ending: watch::Receiver<bool>) {
        self.charge().await;
        while !*ending.borrow() {
            match self.dice.random_range(0..100) {
                0..10 => self.charge().await,
                10..25 => self.change_cart().await,
                25..70 => self.buy().await,
                70..80 => self.look_at_an_order().await,
                80..88 => self.change_a_line("cancel").await,
                _ => self.change_a_line("refund-request").await,
            }
        }
    }

    async fn charge(&mut self) {
        let amount = self.dice.random_range(1..=40) * 10_000;
        self.insist(&Keyed::new(&self.me, Kind::Charge, json!({ "amount": amount }))).await;
    }

    /// Fills the cart, looks at it, and orders: all of it or some, once or twice at a time, and changes the cart
    /// meanwhile.
    async fn buy(&mut self) {
        for _ in 0..self.dice.random_range(1..=3) {
            self.change_cart().await;
        }
        let cart = ask(self.call(Method::GET, "/api/order/cart", None)).await;
        let body = match cart.map(|cart| self.some_of(&cart.body)) {
            Some(some) if !some.is_empty() && self.dice.random_bool(0.4) => json!({ "optionIds": some }),
            _ => json!({}),
        };
        let order = Keyed::new(&self.me, Kind::Order, body);
        let meanwhile = self.dice.random_bool(0.4).then(|| self.cart_change());
        let twice = self.dice.random_bool(0.3);
        let (memory, client) = (self.market.memory.clone(), self.market.client.clone());
        let (first, _, _) = tokio::join!(
            memory.send(&client, &order),
            async { if twice { memory.send(&client, &order).await } else { None } },
            async { if let Some(change) = meanwhile { ask(change).await } else { None } },
        );
        let answer = if first.is_none() { self.insist(&order).await } else { first };
        if self.dice.random_bool(0.2) {
            self.insist(&order).await;
        }
        if let Some(answer) = answer.filter(|answer| answer.status == 201) {
            self.orders.push(text(&answer.body, "id"));
            let lines = answer.body["lines"].as_array().cloned().unwrap_or_default();
            self.lines.extend(lines.iter().map(|line| text(line, "id")));
        }
    }

    /// Whoever has been told of an order finds it.
    async fn look_at_an_order(&mut self) {
        let Some(order_id) = pick(&self.orders, &mut self.dice) else { return };
        let path = format!("/api/order/orders/{order_id}");
        if let Some(answer) = ask(self.call(Method::GET, &path, None)).await {
            assert_eq!(
                (answer.status, &answer.body["status"]),
                (200, &json!("CONFIRMED")),
                "{}",
                answer.body
            );
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
        let Some(answer) = ask(call).await else { return };
        match answer.status {
            200 => self.market.memory.note_change(&line_id, &text(&answer.body, "status")),
            _ => assert_eq!(answer.code(), "LINE_STATE_CONFLICT", "{} {}", answer.status, answer.body),
        }
    }

    async fn change_cart(&mut self) {
        let change = self.cart_change();
        ask(change).await;
    }

    fn cart_change(&mut self) -> Call {
        let option_id = pick(&self.options, &mut self.dice).unwrap_or_default();
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
            let answer = self.market.memory.send(&self.market.client, request).await;
            if answer.is_some() {
                return answer;
            }
        }
        None
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

fn pick(of: &[String], dice: &mut StdRng) -> Option<String> {
    if of.is_empty() { None } else { of.get(dice.random_range(0..of.len())).cloned() }
}
