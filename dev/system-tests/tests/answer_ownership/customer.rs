//! A customer, who asks for what belongs to them and compares it with what they know.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use rand::RngExt as _;
use serde_json::{Value, json};
use system_tests::forged_tokens::Token;
use system_tests::ownership::{self, Foreign, same};
use system_tests::{Client, Request};
use testkit::member::Member;
use testkit::shop::Item;
use testkit::{Answer, text};

use crate::model::{Kind, Model, check_same_order};
use crate::record::{Asker, Phase};

/// The most units of a charge.
const MOST_UNITS: i64 = 5;
/// Most orders are finished by then.
const LATEST_HANG_UP_MS: u64 = 60;
/// How long an order may take whose client has hung up, while no part is paused. Shorter than the lease of its key: the
/// order must be finished by the request itself, not by a worker after the lease.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// The price of the second option, in units. It stays in the cart and is never ordered. The first option costs one unit.
pub(crate) const SECOND_PRICE: i64 = 2;

/// A customer.
pub(crate) struct Customer {
    pub(crate) me: Member,
    pub(crate) model: Model,
    /// The item that only this customer buys and has a heart for.
    item: Item,
    /// The quantity of the second option in the cart. It never changes, and no other customer has the same.
    second_quantity: i64,
    client: Client,
    asker: Asker,
    /// Unknown after a refresh without an answer.
    refresh_token: Option<String>,
    phone_changes: u32,
}

impl Customer {
    /// Signs up a customer with money, a heart and a cart.
    pub(crate) async fn new(
        client: &Client,
        item: Item,
        unit: i64,
        second_quantity: i64,
        asker: Asker,
    ) -> Self {
        let me = Member::customer(client, 0).await;
        let model = Model::new(unit);
        let refresh_token = Some(me.refresh_token.clone());
        let client = client.clone();
        let mut new =
            Self { me, model, item, second_quantity, client, asker, refresh_token, phone_changes: 0 };
        let quantity = u32::try_from(second_quantity).expect("a small quantity");
        new.me.set_cart_line(&new.item.options[1], quantity).await.expect(StatusCode::OK);
        new.request(Method::PUT, &format!("/api/store/items/{}/heart", new.item.id))
            .send()
            .await
            .expect(StatusCode::NO_CONTENT);
        new.model.requests.push(new.model.charge(MOST_UNITS));
        new.repeat_unanswered().await;
        new
    }

    /// Makes one random request.
    pub(crate) async fn ask(&mut self) {
        match self.asker.rng.random_range(0..100) {
            0..18 => self.look_at_account().await,
            18..34 => self.look_at_wallet().await,
            34..42 => self.read_statement().await,
            42..50 => self.look_at_cart().await,
            50..56 => self.list_orders().await,
            56..62 => self.look_at_an_order().await,
            62..66 => self.look_at_item().await,
            66..70 => self.list_hearts().await,
            70..84 => self.send_by_key(Kind::Charge).await,
            84..92 => self.order().await,
            92..96 => self.send_again().await,
            96..98 => self.change_phone().await,
            _ => self.stay_signed_in().await,
        }
    }

    /// Places an order, hangs up at a random moment, and repeats the request with the same key.
    ///
    /// # Panics
    /// If the order is not finished in time: then nothing works on it.
    pub(crate) async fn hang_up_on_an_order(&mut self) {
        if !self.model.affords_an_order() {
            self.send_by_key(Kind::Charge).await;
        }
        // Another answer is a fault, which is found at the end.
        if !self.model.affords_an_order() || self.put_into_cart().await.is_none() {
            return;
        }
        let place = self.begin(Kind::Order);
        let request = &mut self.model.requests[place];
        let (call, what) = (request.request(&self.client, &self.me), request.what());
        let patience = Duration::from_millis(self.asker.rng.random_range(1..=LATEST_HANG_UP_MS));
        if let Some(Ok(answer)) = call.try_send_within(patience).await {
            let checked = self.take_answer(place, &answer);
            self.check(&what, checked);
        }
        let deadline = Instant::now() + PATIENCE;
        while self.model.requests[place].answer.is_none() {
            assert!(
                Instant::now() < deadline,
                "{what}, hung up after {patience:?}: the order is not finished\n{}",
                self.asker.record.report()
            );
            self.send(place, true).await;
            tokio::time::sleep(POLL).await;
        }
    }

    /// Repeats the first request without an answer. True if all have one afterwards.
    pub(crate) async fn repeat_unanswered(&mut self) -> bool {
        if let Some(place) = self.model.unanswered(None) {
            self.send(place, true).await;
        }
        self.model.unanswered(None).is_none()
    }

    async fn look_at_account(&mut self) {
        let call = self.get("/api/member/me");
        let Some(account) = self.asker.ask("GET /api/member/me", call, &[StatusCode::OK]).await else {
            return;
        };
        self.check("GET /api/member/me", self.check_account(&account.body));
    }

    fn check_account(&self, account: &Value) -> Result<(), Foreign> {
        ownership::account(&self.me, account)?;
        let prefix = format!("010{}", self.model.unit);
        match account["phone"].as_str() {
            Some(phone) if !phone.starts_with(&prefix) => {
                Err(format!("the phone of another member: {phone}"))
            }
            _ => Ok(()),
        }
    }

    async fn look_at_wallet(&mut self) {
        let call = self.get("/api/member/me/wallet");
        let Some(wallet) = self.asker.ask("GET wallet", call, &[StatusCode::OK]).await else { return };
        self.check("GET wallet", self.model.check_balance(&wallet.body));
    }

    async fn read_statement(&mut self) {
        let call = self.get("/api/member/me/wallet/entries?limit=100");
        let Some(page) = self.asker.ask("GET entries", call, &[StatusCode::OK]).await else { return };
        self.check("GET entries", self.model.check_entries(&page.body));
    }

    async fn look_at_cart(&mut self) {
        let call = self.get("/api/order/cart");
        let Some(cart) = self.asker.ask("GET cart", call, &[StatusCode::OK]).await else { return };
        self.check("GET cart", self.check_cart(&cart.body));
    }

    fn check_cart(&self, cart: &Value) -> Result<(), Foreign> {
        ownership::lines(std::slice::from_ref(&self.item), cart)?;
        let lines = cart["lines"].as_array().into_iter().flatten();
        let second = lines.clone().find(|line| line["optionId"] == self.item.options[1].as_str());
        let second = second.ok_or_else(|| format!("no line of the second option: {cart}"))?;
        same("the quantity of the second option", &second["quantity"], self.second_quantity)?;
        same("the price of the second option", &second["price"], SECOND_PRICE * self.model.unit)
    }

    async fn list_orders(&mut self) {
        let call = self.get("/api/order/orders?limit=100");
        let Some(page) = self.asker.ask("GET orders", call, &[StatusCode::OK]).await else { return };
        self.check("GET orders", self.model.check_orders(&page.body, &self.item));
    }

    async fn look_at_an_order(&mut self) {
        let Some(order) = self.model.some_order(&mut self.asker.rng) else { return };
        let (id, answer) = (order.id().unwrap_or_default(), order.answer.clone());
        let call = self.get(&format!("/api/order/orders/{id}"));
        let what = format!("GET order {id}");
        let Some(found) = self.asker.ask(&what, call, &[StatusCode::OK]).await else { return };
        let placed = answer.map(|answer| answer.body).unwrap_or_default();
        let checked = check_same_order(&found.body, &placed)
            .and_then(|()| same("the order's status", &found.body["status"], "CONFIRMED"));
        self.check(&what, checked);
    }

    async fn look_at_item(&mut self) {
        let call = self.client.get(&format!("/api/store/items/{}", self.item.id));
        let Some(item) = self.asker.ask("GET item", call, &[StatusCode::OK]).await else { return };
        self.check("GET item", self.check_item(&item.body));
    }

    fn check_item(&self, item: &Value) -> Result<(), Foreign> {
        ownership::item(&self.item, item)?;
        same("the price of the first option", &item["options"][0]["price"], self.model.unit)
    }

    async fn list_hearts(&mut self) {
        let call = self.get("/api/store/me/hearts");
        let Some(page) = self.asker.ask("GET hearts", call, &[StatusCode::OK]).await else { return };
        let count = page.body["items"].as_array().map(Vec::len);
        let checked = same("the number of hearts", &json!(count), 1)
            .and_then(|()| ownership::item(&self.item, &page.body["items"][0]));
        self.check("GET hearts", checked);
    }

    /// Puts a piece into the cart and orders it. If an order has no answer yet, repeats that one instead.
    async fn order(&mut self) {
        let open = self.model.unanswered(Some(Kind::Order)).is_some();
        if !open {
            if !self.model.affords_an_order() {
                return;
            }
            // Without an answer it is not certain that the piece is in the cart.
            if self.put_into_cart().await.is_none() {
                return;
            }
        }
        self.send_by_key(Kind::Order).await;
    }

    async fn put_into_cart(&mut self) -> Option<()> {
        let path = format!("/api/order/cart/lines/{}", self.item.options[0]);
        let call = self.client.put(&path).json(&json!({ "quantity": 1 })).bearer(&self.me.token);
        let cart = self.asker.ask("PUT cart line", call, &[StatusCode::OK]).await?;
        self.check("PUT cart line", self.check_cart(&cart.body))
    }

    /// Repeats a request without an answer, or sends a new one.
    async fn send_by_key(&mut self, kind: Kind) {
        let place = self.model.unanswered(Some(kind)).unwrap_or_else(|| self.begin(kind));
        self.send(place, false).await;
    }

    /// Adds a new request to the model, and gives its position.
    fn begin(&mut self, kind: Kind) -> usize {
        let units = self.asker.rng.random_range(1..=MOST_UNITS);
        self.model.requests.push(match kind {
            Kind::Charge => self.model.charge(units),
            Kind::Order => Model::order(&self.item),
        });
        self.model.requests.len() - 1
    }

    /// Repeats a request that was answered before.
    async fn send_again(&mut self) {
        let place = self.model.some_answered(&mut self.asker.rng);
        if let Some(place) = place {
            self.send(place, false).await;
        }
    }

    async fn send(&mut self, place: usize, waits: bool) {
        let request = &mut self.model.requests[place];
        let call = request.request(&self.client, &self.me);
        let (what, allowed) = (request.what(), request.allowed());
        let answer = if waits {
            self.asker.ask_and_wait(&what, call, allowed).await
        } else {
            self.asker.ask(&what, call, allowed).await
        };
        let Some(answer) = answer else { return };
        let checked = self.take_answer(place, &answer);
        self.check(&what, checked);
    }

    /// Adds an answer to the model. The balance in the answer to a new charge must be possible now.
    fn take_answer(&mut self, place: usize, answer: &Answer) -> Result<(), Foreign> {
        let request = &mut self.model.requests[place];
        request.take_answer(answer, &self.item)?;
        if request.is_new_charge() {
            let wallet = json!({ "currency": "KRW", "balance": answer.body["balance"] });
            return self.model.check_balance(&wallet);
        }
        Ok(())
    }

    async fn change_phone(&mut self) {
        self.phone_changes += 1;
        let phone = format!("010{}{:04}", self.model.unit, self.phone_changes % 10_000);
        let call =
            self.client.patch("/api/member/me").json(&json!({ "phone": phone })).bearer(&self.me.token);
        let Some(account) = self.asker.ask("PATCH /api/member/me", call, &[StatusCode::OK]).await else {
            return;
        };
        let checked =
            self.check_account(&account.body).and_then(|()| same("the phone", &account.body["phone"], phone));
        self.check("PATCH /api/member/me", checked);
    }

    /// Refreshes the tokens while no part is paused. After a refresh without an answer the old refresh token is valid for
    /// some seconds only, so it is not used again.
    async fn stay_signed_in(&mut self) {
        if self.asker.record.phase() != Phase::Healthy {
            return;
        }
        let Some(refresh_token) = self.refresh_token.take() else { return };
        let call =
            self.client.post("/api/member/sessions/refresh").json(&json!({ "refreshToken": refresh_token }));
        let Some(session) = self.asker.ask_and_wait("POST refresh", call, &[StatusCode::OK]).await else {
            return;
        };
        let token = text(&session.body, "accessToken");
        let checked = same("the subject of the token", &Token::of(&token).claims["sub"], self.me.id.as_str());
        if self.check("POST refresh", checked).is_some() {
            self.me.token = token;
            self.refresh_token = Some(text(&session.body, "refreshToken"));
        }
    }

    fn check<T>(&self, what: &str, checked: Result<T, Foreign>) -> Option<T> {
        self.asker.check(&format!("{what} of {}", self.me.id), checked)
    }

    fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    fn request(&self, method: Method, path: &str) -> Request {
        self.client.request(method, path).bearer(&self.me.token)
    }
}
