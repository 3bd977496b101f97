//! A seller, who asks for what belongs to them and compares it with what they know.

use http::StatusCode;
use rand::RngExt as _;
use serde_json::{Value, json};
use system_tests::ownership::{self, Foreign, same};
use system_tests::{Client, Request};
use testkit::member::Member;
use testkit::shop::Item;

use crate::record::Asker;

/// So many characters of a store's tag are a keyword that finds no other store.
const KEYWORD_CHARS: usize = 12;

/// A seller.
pub(crate) struct Seller {
    pub(crate) me: Member,
    /// Their items, each in a store of its own, in the order in which the stores were opened.
    pub(crate) items: Vec<Item>,
    /// The names of the customers of these items.
    pub(crate) customers: Vec<String>,
    pub(crate) client: Client,
    pub(crate) asker: Asker,
    pub(crate) edits: u32,
}

impl Seller {
    /// Makes one random request.
    pub(crate) async fn ask(&mut self) {
        match self.asker.rng.random_range(0..100) {
            0..25 => self.look_at_account().await,
            25..35 => self.look_at_wallet().await,
            35..50 => self.list_stores().await,
            50..65 => self.list_sales().await,
            65..75 => self.look_at_a_store().await,
            75..85 => self.search().await,
            85..95 => self.look_at_an_item().await,
            _ => self.edit().await,
        }
    }

    async fn look_at_account(&mut self) {
        let call = self.get("/api/member/me");
        let Some(account) = self.asker.ask("GET /api/member/me", call, &[StatusCode::OK]).await else {
            return;
        };
        self.check("GET /api/member/me", ownership::account(&self.me, &account.body));
    }

    /// Nothing is paid out in this test, so the wallet is empty.
    async fn look_at_wallet(&mut self) {
        let call = self.get("/api/member/me/wallet");
        let Some(wallet) = self.asker.ask("GET wallet", call, &[StatusCode::OK]).await else { return };
        self.check("GET wallet", same("a seller's balance", &wallet.body["balance"], 0));
    }

    async fn list_stores(&mut self) {
        let call = self.get("/api/store/me/stores");
        let Some(page) = self.asker.ask("GET my stores", call, &[StatusCode::OK]).await else { return };
        self.check("GET my stores", self.check_stores(&page.body));
    }

    /// The newest store comes first.
    fn check_stores(&self, page: &Value) -> Result<(), Foreign> {
        let stores = page["items"].as_array().ok_or_else(|| format!("no stores in {page}"))?;
        same("the number of stores", &json!(stores.len()), self.items.len())?;
        let expected = self.items.iter().rev();
        stores.iter().zip(expected).try_for_each(|(store, item)| self.check_store(item, store))
    }

    fn check_store(&self, item: &Item, store: &Value) -> Result<(), Foreign> {
        same("a store's id", &store["id"], item.store_id.as_str())?;
        same("a store's name", &store["name"], item.store_name.as_str())?;
        same("its seller", &store["sellerId"], self.me.id.as_str())
    }

    async fn list_sales(&mut self) {
        let call = self.get("/api/order/sales?limit=50");
        let Some(page) = self.asker.ask("GET sales", call, &[StatusCode::OK]).await else { return };
        self.check("GET sales", self.check_sales(&page.body));
    }

    fn check_sales(&self, page: &Value) -> Result<(), Foreign> {
        let sales = page["items"].as_array().ok_or_else(|| format!("no sales in {page}"))?;
        for sale in sales {
            ownership::line(&self.items, sale)?;
            if !self.customers.iter().any(|name| sale["customerName"] == name.as_str()) {
                return Err(format!("a sale to a customer who does not buy from this seller: {sale}"));
            }
        }
        Ok(())
    }

    async fn look_at_a_store(&mut self) {
        let item = self.some_item();
        let call = self.client.get(&format!("/api/store/stores/{}", item.store_id));
        let Some(store) = self.asker.ask("GET store", call, &[StatusCode::OK]).await else { return };
        self.check("GET store", self.check_store(&item, &store.body));
    }

    async fn search(&mut self) {
        let item = self.some_item();
        let tag = item.store_name.rsplit(' ').next().unwrap_or_default();
        let keyword: String = tag.chars().take(KEYWORD_CHARS).collect();
        let call = self.client.get(&format!("/api/store/stores?keyword={keyword}"));
        let Some(page) = self.asker.ask("GET stores", call, &[StatusCode::OK]).await else { return };
        // A long search gives an empty page, and goes on with the next one.
        let found = page.body["items"].as_array().cloned().unwrap_or_default();
        let nothing_yet = found.is_empty() && page.body["nextCursor"].is_string();
        let checked = match &found[..] {
            _ if nothing_yet => Ok(()),
            [store] => self.check_store(&item, store),
            _ => Err(format!("not the one store called {keyword}: {}", page.body)),
        };
        self.check("GET stores", checked);
    }

    async fn look_at_an_item(&mut self) {
        let item = self.some_item();
        let call = self.client.get(&format!("/api/store/items/{}", item.id));
        let Some(found) = self.asker.ask("GET item", call, &[StatusCode::OK]).await else { return };
        self.check("GET item", ownership::item(&item, &found.body));
    }

    async fn edit(&mut self) {
        let item = self.some_item();
        self.edits += 1;
        let description = format!("{} {}", item.id, self.edits);
        let call = self
            .client
            .patch(&format!("/api/store/items/{}", item.id))
            .json(&json!({ "description": description }));
        let Some(edited) = self.asker.ask("PATCH item", call.bearer(&self.me.token), &[StatusCode::OK]).await
        else {
            return;
        };
        let checked = ownership::item(&item, &edited.body)
            .and_then(|()| same("the description", &edited.body["description"], description));
        self.check("PATCH item", checked);
    }

    fn some_item(&mut self) -> Item {
        self.items[self.asker.rng.random_range(0..self.items.len())].clone()
    }

    fn check(&self, what: &str, checked: Result<(), Foreign>) {
        self.asker.check(&format!("{what} of {}", self.me.id), checked);
    }

    fn get(&self, path: &str) -> Request {
        self.client.get(path).bearer(&self.me.token)
    }
}
