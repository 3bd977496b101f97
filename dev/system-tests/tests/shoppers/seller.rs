//! A seller, who decides requests for refunds and changes prices and stock while customers order.

use std::time::Duration;

use http::StatusCode;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::json;
use system_tests::{Request, ownership};
use testkit::shop::Item;
use testkit::{Answer, text};
use tokio::sync::watch;

use crate::market::{Market, Seller, ask};
use crate::stock_book::Supply;

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
                60..90 => self.add_stock().await,
                _ => self.change_price().await,
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
        let (one, other) = tokio::join!(self.market.write(one), async {
            if twice { self.market.write(other).await } else { None }
        });
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

    /// A decision, which can be sent again.
    fn decision(&mut self, line_id: &str) -> impl Fn() -> Request + use<> {
        let path = format!("/api/order/sales/{line_id}/refund");
        let (client, token) = (self.market.client.clone(), self.seller.member.token.clone());
        let accepts = self.rng.random_bool(0.7);
        move || {
            let call = if accepts {
                client.post(&format!("{path}/accept"))
            } else {
                client.post(&format!("{path}/reject")).json(&json!({ "reason": "이미 먹은 케이크예요" }))
            };
            call.bearer(&token)
        }
    }

    /// Adds pieces. Sends the request up to three times, whatever is answered.
    async fn add_stock(&mut self) {
        let (item_id, option_id) = self.an_option();
        let supply = Supply::new(&self.seller.member, &item_id, &option_id, self.rng.random_range(1..=10));
        for _ in 0..=self.rng.random_range(0..=2) {
            self.market.stock_book.send(&self.market.client, &supply, self.market.patience()).await;
        }
    }

    async fn change_price(&mut self) {
        let (item_id, option_id) = self.an_option();
        let path = format!("/api/store/items/{item_id}/options/{option_id}");
        let price = self.rng.random_range(1_000..=30_000);
        let change = || {
            self.market.client.patch(&path).json(&json!({ "price": price })).bearer(&self.seller.member.token)
        };
        if let Some(answer) = self.market.write(change).await {
            let option = answer.expect(StatusCode::OK).body;
            assert_eq!((&option["id"], &option["price"]), (&json!(option_id), &json!(price)), "{option}");
        }
    }

    /// The ids of an item and of one of its options.
    fn an_option(&mut self) -> (String, String) {
        let item = &self.seller.items[self.rng.random_range(0..self.seller.items.len())];
        (item.id.clone(), item.options[self.rng.random_range(0..item.options.len())].clone())
    }

    async fn ask(&self, call: Request) -> Option<Answer> {
        ask(call, self.market.patience()).await
    }

    fn get(&self, path: &str) -> Request {
        self.market.client.get(path).bearer(&self.seller.member.token)
    }
}
