//! A customer, who asks for all that is theirs and compares it with what they know.

use std::time::{Duration, Instant};

use rand::RngExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::client::{Answer, Call, Client, text};
use system_tests::forgery::Token;
use system_tests::own::{self, Foreign, same};
use system_tests::people::Person;
use system_tests::shop::Item;

use crate::ledger::{Kind, Ledger, is_same_order};
use crate::record::{Asker, Phase};

/// A charge is so many units at most.
const MOST_UNITS: i64 = 5;
/// Most orders are placed by then.
const LATEST_HANG_UP_MS: u64 = 60;
/// How long an order may take whose client has hung up, while nothing stands still. Shorter than the lease of its key: one
/// that is free only when that runs out was claimed for nothing.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// What the option costs that is kept in the cart and never ordered, in units; the other one costs one.
pub(crate) const KEPT_PRICE: i64 = 2;

/// A customer of the world.
pub(crate) struct Customer {
    pub(crate) me: Person,
    pub(crate) ledger: Ledger,
    /// What they like, and nobody else buys.
    item: Item,
    /// So many pieces of the item's second option lie in the cart all the time, as in nobody else's.
    kept: i64,
    client: Client,
    asker: Asker,
    /// No longer known where a refresh was not answered.
    refresh_token: Option<String>,
    phone_changes: u32,
}

impl Customer {
    /// Makes a member with money, a heart and a cart.
    pub(crate) async fn new(client: &Client, item: Item, unit: i64, kept: i64, asker: Asker) -> Self {
        let me = Person::customer(client, 0).await;
        let ledger = Ledger::new(unit);
        let refresh_token = Some(me.refresh_token.clone());
        let client = client.clone();
        let mut new = Self { me, ledger, item, kept, client, asker, refresh_token, phone_changes: 0 };
        let quantity = u32::try_from(kept).expect("a cart line holds few pieces");
        new.me.set_cart_line(&new.item.options[1], quantity).await.expect(200);
        new.call(Method::PUT, &format!("/api/store/items/{}/heart", new.item.id)).send().await.expect(204);
        new.ledger.requests.push(new.ledger.charge(MOST_UNITS));
        new.settle().await;
        new
    }

    /// Asks for one thing.
    pub(crate) async fn ask(&mut self) {
        match self.asker.dice.random_range(0..100) {
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

    /// Places an order, hangs up at some moment of it, and asks again by its key.
    ///
    /// # Panics
    /// If it is not answered in time: nobody is working on it then.
    pub(crate) async fn hang_up_on_an_order(&mut self) {
        if !self.ledger.affords_an_order() {
            self.send_by_key(Kind::Charge).await;
        }
        // Whatever was answered otherwise is a fault, and is found in the end.
        if !self.ledger.affords_an_order() || self.put_into_cart().await.is_none() {
            return;
        }
        let place = self.begin(Kind::Order);
        let request = &mut self.ledger.requests[place];
        let (call, what) = (request.call(&self.client, &self.me), request.what());
        let patience = Duration::from_millis(self.asker.dice.random_range(1..=LATEST_HANG_UP_MS));
        if let Some(Ok(answer)) = call.try_send_within(patience).await {
            let checked = self.hear(place, &answer);
            self.check(&what, checked);
        }
        let deadline = Instant::now() + PATIENCE;
        while self.ledger.requests[place].told.is_none() {
            assert!(
                Instant::now() < deadline,
                "{what}, hung up after {patience:?}: nobody works on it\n{}",
                self.asker.record.report()
            );
            self.send(place, true).await;
            tokio::time::sleep(POLL).await;
        }
    }

    /// Asks again for all that was not answered, until it is; whether there is nothing left.
    pub(crate) async fn settle(&mut self) -> bool {
        if let Some(place) = self.ledger.unanswered(None) {
            self.send(place, true).await;
        }
        self.ledger.unanswered(None).is_none()
    }

    async fn look_at_account(&mut self) {
        let call = self.get("/api/member/me");
        let Some(account) = self.asker.ask("GET /api/member/me", call, &[200]).await else { return };
        self.check("GET /api/member/me", self.is_own_account(&account.body));
    }

    fn is_own_account(&self, account: &Value) -> Result<(), Foreign> {
        own::account(&self.me, account)?;
        let begin = format!("010{}", self.ledger.unit);
        match account["phone"].as_str() {
            Some(phone) if !phone.starts_with(&begin) => Err(format!("the phone of somebody else: {phone}")),
            _ => Ok(()),
        }
    }

    async fn look_at_wallet(&mut self) {
        let call = self.get("/api/member/me/wallet");
        let Some(wallet) = self.asker.ask("GET wallet", call, &[200]).await else { return };
        self.check("GET wallet", self.ledger.check_balance(&wallet.body));
    }

    async fn read_statement(&mut self) {
        let call = self.get("/api/member/me/wallet/entries?limit=100");
        let Some(page) = self.asker.ask("GET entries", call, &[200]).await else { return };
        self.check("GET entries", self.ledger.check_entries(&page.body));
    }

    async fn look_at_cart(&mut self) {
        let call = self.get("/api/order/cart");
        let Some(cart) = self.asker.ask("GET cart", call, &[200]).await else { return };
        self.check("GET cart", self.is_own_cart(&cart.body));
    }

    fn is_own_cart(&self, cart: &Value) -> Result<(), Foreign> {
        own::lines(std::slice::from_ref(&self.item), cart)?;
        let lines = cart["lines"].as_array().into_iter().flatten();
        let kept = lines.clone().find(|line| line["optionId"] == self.item.options[1].as_str());
        let kept = kept.ok_or_else(|| format!("what is kept is not there: {cart}"))?;
        same("what is kept", &kept["quantity"], self.kept)?;
        same("its price", &kept["price"], KEPT_PRICE * self.ledger.unit)
    }

    async fn list_orders(&mut self) {
        let call = self.get("/api/order/orders?limit=100");
        let Some(page) = self.asker.ask("GET orders", call, &[200]).await else { return };
        self.check("GET orders", self.ledger.check_orders(&page.body, &self.item));
    }

    async fn look_at_an_order(&mut self) {
        let Some(order) = self.ledger.some_order(&mut self.asker.dice) else { return };
        let (id, told) = (order.id().unwrap_or_default(), order.told.clone());
        let call = self.get(&format!("/api/order/orders/{id}"));
        let what = format!("GET order {id}");
        let Some(found) = self.asker.ask(&what, call, &[200]).await else { return };
        let told = told.map(|told| told.body).unwrap_or_default();
        let checked = is_same_order(&found.body, &told)
            .and_then(|()| same("the order's status", &found.body["status"], "CONFIRMED"));
        self.check(&what, checked);
    }

    async fn look_at_item(&mut self) {
        let call = self.client.get(&format!("/api/store/items/{}", self.item.id));
        let Some(item) = self.asker.ask("GET item", call, &[200]).await else { return };
        self.check("GET item", self.is_own_item(&item.body));
    }

    fn is_own_item(&self, item: &Value) -> Result<(), Foreign> {
        own::item(&self.item, item)?;
        same("its first price", &item["options"][0]["price"], self.ledger.unit)
    }

    async fn list_hearts(&mut self) {
        let call = self.get("/api/store/me/hearts");
        let Some(page) = self.asker.ask("GET hearts", call, &[200]).await else { return };
        let count = page.body["items"].as_array().map(Vec::len);
        let checked = same("how many hearts", &json!(count), 1)
            .and_then(|()| own::item(&self.item, &page.body["items"][0]));
        self.check("GET hearts", checked);
    }

    /// Puts a piece into the cart and orders it; an order that was not answered comes first.
    async fn order(&mut self) {
        let open = self.ledger.unanswered(Some(Kind::Order)).is_some();
        if !open {
            if !self.ledger.affords_an_order() {
                return;
            }
            // Only what is in the cart for certain can be ordered.
            if self.put_into_cart().await.is_none() {
                return;
            }
        }
        self.send_by_key(Kind::Order).await;
    }

    async fn put_into_cart(&mut self) -> Option<()> {
        let path = format!("/api/order/cart/lines/{}", self.item.options[0]);
        let call = self.client.put(&path, &json!({ "quantity": 1 })).bearer(&self.me.token);
        let cart = self.asker.ask("PUT cart line", call, &[200]).await?;
        self.check("PUT cart line", self.is_own_cart(&cart.body))
    }

    /// Sends a request that was not answered, or a new one.
    async fn send_by_key(&mut self, kind: Kind) {
        let place = self.ledger.unanswered(Some(kind)).unwrap_or_else(|| self.begin(kind));
        self.send(place, false).await;
    }

    /// Makes a new request, and gives its place.
    fn begin(&mut self, kind: Kind) -> usize {
        let units = self.asker.dice.random_range(1..=MOST_UNITS);
        self.ledger.requests.push(match kind {
            Kind::Charge => self.ledger.charge(units),
            Kind::Order => Ledger::order(&self.item),
        });
        self.ledger.requests.len() - 1
    }

    /// Sends a request again that was answered before.
    async fn send_again(&mut self) {
        let place = self.ledger.some_answered(&mut self.asker.dice);
        if let Some(place) = place {
            self.send(place, false).await;
        }
    }

    async fn send(&mut self, place: usize, to_the_end: bool) {
        let request = &mut self.ledger.requests[place];
        let call = request.call(&self.client, &self.me);
        let (what, allowed) = (request.what(), request.allowed());
        let answer = if to_the_end {
            self.asker.insist(&what, call, allowed).await
        } else {
            self.asker.ask(&what, call, allowed).await
        };
        let Some(answer) = answer else { return };
        let checked = self.hear(place, &answer);
        self.check(&what, checked);
    }

    /// Takes in the answer to a request. The balance that a new charge is answered with is that of now.
    fn hear(&mut self, place: usize, answer: &Answer) -> Result<(), Foreign> {
        let request = &mut self.ledger.requests[place];
        request.hear(answer, &self.item)?;
        if request.is_new_charge() {
            let wallet = json!({ "currency": "KRW", "balance": answer.body["balance"] });
            return self.ledger.check_balance(&wallet);
        }
        Ok(())
    }

    async fn change_phone(&mut self) {
        self.phone_changes += 1;
        let phone = format!("010{}{:04}", self.ledger.unit, self.phone_changes % 10_000);
        let call = self.client.patch("/api/member/me", &json!({ "phone": phone })).bearer(&self.me.token);
        let Some(account) = self.asker.ask("PATCH /api/member/me", call, &[200]).await else { return };
        let checked = self
            .is_own_account(&account.body)
            .and_then(|()| same("the phone", &account.body["phone"], phone));
        self.check("PATCH /api/member/me", checked);
    }

    /// Changes the tokens while all is well. A token that was used without an answer is good for some seconds
    /// only, so it is not used again.
    async fn stay_signed_in(&mut self) {
        if self.asker.record.phase() != Phase::AllWell {
            return;
        }
        let Some(refresh_token) = self.refresh_token.take() else { return };
        let call =
            self.client.post("/api/member/sessions/refresh", &json!({ "refreshToken": refresh_token }));
        let Some(session) = self.asker.insist("POST refresh", call, &[200]).await else { return };
        let token = text(&session.body, "accessToken");
        let checked = same("whom the token is of", &Token::of(&token).claims["sub"], self.me.id.as_str());
        if self.check("POST refresh", checked).is_some() {
            self.me.token = token;
            self.refresh_token = Some(text(&session.body, "refreshToken"));
        }
    }

    fn check<T>(&self, what: &str, checked: Result<T, Foreign>) -> Option<T> {
        self.asker.check(&format!("{what} of {}", self.me.id), checked)
    }

    fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    fn call(&self, method: Method, path: &str) -> Call {
        self.client.call(method, path).bearer(&self.me.token)
    }
}
