//! A customer who closes the account at any moment, also while an order of all the money is being placed.

use std::time::Duration;

use http::{Method, StatusCode};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use system_tests::Request;
use system_tests::test_stack::gateway;
use testkit::Answer;
use testkit::member::{Member, new_key};
use testkit::shop::Item;
use tokio::sync::watch;

use crate::market::{LONG_WAIT, Market, OWN_ITEM_PRICE};

/// The longest time before a customer begins to leave.
const LATEST_MS: u64 = 10_000;
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Leaver {
    market: Market,
    me: Member,
    rng: StdRng,
    item: Item,
    /// The price of the item, which is all the money of a customer who buys it.
    price: Option<i64>,
}

impl Leaver {
    /// Signs up. Some have the money for one item.
    pub(crate) async fn new(market: Market, number: u64, rng: StdRng) -> Self {
        let item = market.own_item(number).clone();
        let price = OWN_ITEM_PRICE + i64::try_from(number).expect("a small number");
        let price = number.is_multiple_of(2).then_some(price);
        let me = Member::customer(&gateway(&market.stack), price.unwrap_or_default()).await;
        Self { market, me, rng, item, price }
    }

    /// Leaves a heart and a follow, buys the item, and closes the account until it is closed.
    pub(crate) async fn leave(mut self, mut ending: watch::Receiver<bool>) {
        let wait = Duration::from_millis(self.rng.random_range(0..LATEST_MS));
        let _ = tokio::time::timeout(wait, ending.wait_for(|over| *over)).await;
        let Item { id, store_id, .. } = self.item.clone();
        self.ask(Method::PUT, &format!("/api/store/items/{id}/heart"), None).await;
        self.ask(Method::PUT, &format!("/api/store/stores/{store_id}/follow"), None).await;
        loop {
            let (closed, ()) = tokio::join!(self.close(), self.buy());
            if closed {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// True if the account is closed. 401 says so too: the answer to an earlier request was lost.
    async fn close(&self) -> bool {
        let Some(answer) = self.ask(Method::DELETE, "/api/member/me", None).await else { return false };
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::UNAUTHORIZED => true,
            StatusCode::CONFLICT => {
                assert_eq!(answer.code(), "ACCOUNT_NOT_SETTLED", "{}", answer.body);
                let open = answer.body["open"].as_array().expect("what is open");
                let is_known = |open: &Value| {
                    ["WALLET", "OPEN_ORDER"].contains(&open["kind"].as_str().unwrap_or_default())
                };
                assert!(!open.is_empty() && open.iter().all(is_known), "{}", answer.body);
                false
            }
            status => {
                assert!(status.is_server_error(), "{status} {}", answer.body);
                false
            }
        }
    }

    /// Orders the item. The money is enough for one order.
    async fn buy(&self) {
        if self.price.is_none() {
            return;
        }
        let line = format!("/api/order/cart/lines/{}", self.item.options[0]);
        self.ask(Method::PUT, &line, Some(&json!({ "quantity": 1 }))).await;
        let order = self.request(Method::POST, "/api/order/orders", Some(&json!({}))).key(&new_key());
        let _ = order.try_send_within(LONG_WAIT).await;
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        self.request(method, path, body).try_send_within(self.market.patience()).await?.ok()
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Request {
        let request = self.market.client.request(method, path).bearer(&self.me.token);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }
}
