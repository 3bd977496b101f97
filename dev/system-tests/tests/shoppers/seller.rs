//! A seller, who decides requests for refunds and changes prices and stock while customers order.

use std::time::Duration;

use http::StatusCode;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use system_tests::{Request, ownership};
use testkit::shop::Item;
use testkit::{Answer, text};
use tokio::sync::watch;

use crate::market::{Market, Seller, ask};

/// The time between two requests.
const PAUSE: Duration = Duration::from_millis(50);

/// A seller at work.
pub(crate) struct Vendor {
    market: Market,
    seller: Seller,
    /// All items of the seller.
    items: Vec<Item>,
    rng: StdRng,
}

impl Vendor {
    pub(crate) fn new(market: Market, seller: Seller, rng: StdRng) -> Self {
        let items = seller.items.iter().chain(&seller.own_items).cloned().collect();
        Self { market, seller, items, rng }
    }

    /// Goes on until the test is over.
    pub(crate) async fn trade(mut self, ending: watch::Receiver<bool>) {
        while !*ending.borrow() {
            match self.rng.random_range(0..100) {
                0..60 => self.decide_a_refund().await,
                60..90 => self.edit(Self::more_stock).await,
                _ => self.edit(Self::another_price).await,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Decides a request for a refund. Sometimes twice at once, and differently.
    async fn decide_a_refund(&mut self) {
        let Some(page) = self.ask(self.get("/api/order/sales?status=REFUND_REQUESTED&limit=20")).await else {
            return;
        };
        let sales = page.expect(StatusCode::OK).body["items"].as_array().cloned().unwrap_or_default();
        for sale in &sales {
            ownership::line(&self.items, sale).unwrap();
            assert_eq!(sale["status"], "REFUND_REQUESTED", "{sale}");
        }
        if sales.is_empty() {
            return;
        }
        let line_id = text(&sales[self.rng.random_range(0..sales.len())], "id");
        let (one, other) = (self.decision(&line_id), self.decision(&line_id));
        let twice = self.rng.random_bool(0.3);
        let (one, other) =
            tokio::join!(self.ask(one), async { if twice { self.ask(other).await } else { None } });
        for answer in [one, other].into_iter().flatten() {
            self.note(&line_id, &answer);
        }
    }

    fn note(&self, line_id: &str, answer: &Answer) {
        match answer.status {
            StatusCode::OK => {
                assert_eq!(answer.body["id"], line_id, "{}", answer.body);
                ownership::line(&self.items, &answer.body).unwrap();
                self.market.history.note_change(line_id, &text(&answer.body, "status"));
            }
            _ => assert_eq!(answer.code(), "LINE_STATE_CONFLICT", "{} {}", answer.status, answer.body),
        }
    }

    fn decision(&mut self, line_id: &str) -> Request {
        let path = format!("/api/order/sales/{line_id}/refund");
        let call = if self.rng.random_bool(0.7) {
            self.market.client.post(&format!("{path}/accept"))
        } else {
            self.market
                .client
                .post(&format!("{path}/reject"))
                .json(&json!({ "reason": "이미 먹은 케이크예요" }))
        };
        call.bearer(&self.seller.member.token)
    }

    fn more_stock(rng: &mut StdRng) -> Value {
        json!({ "quantityDelta": rng.random_range(1..=10) })
    }

    fn another_price(rng: &mut StdRng) -> Value {
        json!({ "price": rng.random_range(1_000..=30_000) })
    }

    async fn edit(&mut self, change: fn(&mut StdRng) -> Value) {
        let item = &self.seller.items[self.rng.random_range(0..self.seller.items.len())];
        let option_id = &item.options[self.rng.random_range(0..item.options.len())];
        let path = format!("/api/store/items/{}/options/{option_id}", item.id);
        let change = change(&mut self.rng);
        let call = self.market.client.patch(&path).json(&change);
        if let Some(answer) = self.ask(call.bearer(&self.seller.member.token)).await {
            let option = answer.expect(StatusCode::OK).body;
            assert_eq!(option["id"], option_id.as_str(), "{option}");
            assert!(
                change["price"].is_null() || option["price"] == change["price"],
                "{option} after {change}"
            );
        }
    }

    async fn ask(&self, call: Request) -> Option<Answer> {
        ask(call, self.market.patience()).await
    }

    fn get(&self, path: &str) -> Request {
        self.market.client.get(path).bearer(&self.seller.member.token)
    }
}
