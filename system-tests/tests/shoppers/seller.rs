//! A seller who answers requests for refunds, and changes prices and stock under everybody's hands.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::client::{Answer, Call, text};
use system_tests::own;
use system_tests::shop::Item;
use tokio::sync::watch;

use crate::market::{Market, Seller, ask};

/// Sellers have more to do than this.
const PAUSE: Duration = Duration::from_millis(50);

/// A seller at work.
pub(crate) struct Vendor {
    market: Market,
    seller: Seller,
    /// All that they sell.
    goods: Vec<Item>,
    dice: StdRng,
}

impl Vendor {
    pub(crate) fn new(market: Market, seller: Seller, dice: StdRng) -> Self {
        let goods = seller.items.iter().chain(&seller.specials).cloned().collect();
        Self { market, seller, goods, dice }
    }

    /// Goes on until everybody goes home.
    pub(crate) async fn trade(mut self, ending: watch::Receiver<bool>) {
        while !*ending.borrow() {
            match self.dice.random_range(0..100) {
                0..60 => self.answer_a_request().await,
                60..90 => self.edit(Self::more).await,
                _ => self.edit(Self::another_price).await,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Answers a request for a refund; sometimes twice at once, and to different ends.
    async fn answer_a_request(&mut self) {
        let Some(page) = self.ask(self.get("/api/order/sales?status=REFUND_REQUESTED&limit=20")).await else {
            return;
        };
        let sales = page.expect(200)["items"].as_array().cloned().unwrap_or_default();
        for sale in &sales {
            own::line(&self.goods, sale).unwrap();
            assert_eq!(sale["status"], "REFUND_REQUESTED", "{sale}");
        }
        if sales.is_empty() {
            return;
        }
        let line_id = text(&sales[self.dice.random_range(0..sales.len())], "id");
        let (one, other) = (self.decision(&line_id), self.decision(&line_id));
        let twice = self.dice.random_bool(0.3);
        let (one, other) =
            tokio::join!(self.ask(one), async { if twice { self.ask(other).await } else { None } });
        for answer in [one, other].into_iter().flatten() {
            self.note(&line_id, &answer);
        }
    }

    fn note(&self, line_id: &str, answer: &Answer) {
        match answer.status {
            200 => {
                assert_eq!(answer.body["id"], line_id, "{}", answer.body);
                own::line(&self.goods, &answer.body).unwrap();
                self.market.memory.note_change(line_id, &text(&answer.body, "status"));
            }
            _ => assert_eq!(answer.code(), "LINE_STATE_CONFLICT", "{} {}", answer.status, answer.body),
        }
    }

    fn decision(&mut self, line_id: &str) -> Call {
        let path = format!("/api/order/sales/{line_id}/refund");
        let call = if self.dice.random_bool(0.7) {
            self.market.client.call(Method::POST, &format!("{path}/accept"))
        } else {
            self.market.client.post(&format!("{path}/reject"), &json!({ "reason": "이미 먹은 케이크예요" }))
        };
        call.bearer(&self.seller.person.token)
    }

    fn more(dice: &mut StdRng) -> Value {
        json!({ "quantityDelta": dice.random_range(1..=10) })
    }

    fn another_price(dice: &mut StdRng) -> Value {
        json!({ "price": dice.random_range(1_000..=30_000) })
    }

    async fn edit(&mut self, change: fn(&mut StdRng) -> Value) {
        let item = &self.seller.items[self.dice.random_range(0..self.seller.items.len())];
        let option_id = &item.options[self.dice.random_range(0..item.options.len())];
        let path = format!("/api/store/items/{}/options/{option_id}", item.id);
        let change = change(&mut self.dice);
        let call = self.market.client.patch(&path, &change);
        if let Some(answer) = self.ask(call.bearer(&self.seller.person.token)).await {
            let option = answer.expect(200);
            assert_eq!(option["id"], option_id.as_str(), "{option}");
            assert!(
                change["price"].is_null() || option["price"] == change["price"],
                "{option} after {change}"
            );
        }
    }

    async fn ask(&self, call: Call) -> Option<Answer> {
        ask(call, self.market.patience()).await
    }

    fn get(&self, path: &str) -> Call {
        self.market.client.get(path).bearer(&self.seller.person.token)
    }
}
