//! A seller, who asks for all that is theirs.

use rand::RngExt as _;
use serde_json::{Value, json};
use system_tests::client::{Call, Client};
use system_tests::own::{self, Foreign, same};
use system_tests::people::Person;
use system_tests::shop::Item;

use crate::record::Asker;

/// What nobody else's stores are called by: the first of a tag's letters.
const KEYWORD_CHARS: usize = 12;

/// A seller of the world.
pub(crate) struct Seller {
    pub(crate) me: Person,
    /// What they sell, each in a store of its own, in the order in which these were opened.
    pub(crate) items: Vec<Item>,
    /// The names of those who buy it.
    pub(crate) customers: Vec<String>,
    pub(crate) client: Client,
    pub(crate) asker: Asker,
    pub(crate) edits: u32,
}

impl Seller {
    /// Asks for one thing.
    pub(crate) async fn ask(&mut self) {
        match self.asker.dice.random_range(0..100) {
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
        let Some(account) = self.asker.ask("GET /api/member/me", call, &[200]).await else { return };
        self.check("GET /api/member/me", own::account(&self.me, &account.body));
    }

    /// Nothing is paid out here, so a seller has nothing, and no entry.
    async fn look_at_wallet(&mut self) {
        let call = self.get("/api/member/me/wallet");
        let Some(wallet) = self.asker.ask("GET wallet", call, &[200]).await else { return };
        self.check("GET wallet", same("a seller's balance", &wallet.body["balance"], 0));
    }

    async fn list_stores(&mut self) {
        let call = self.get("/api/store/me/stores");
        let Some(page) = self.asker.ask("GET my stores", call, &[200]).await else { return };
        self.check("GET my stores", self.are_own_stores(&page.body));
    }

    /// The newest first.
    fn are_own_stores(&self, page: &Value) -> Result<(), Foreign> {
        let stores = page["items"].as_array().ok_or_else(|| format!("no stores in {page}"))?;
        same("how many stores", &json!(stores.len()), self.items.len())?;
        let expected = self.items.iter().rev();
        stores.iter().zip(expected).try_for_each(|(store, item)| self.is_own_store(item, store))
    }

    fn is_own_store(&self, item: &Item, store: &Value) -> Result<(), Foreign> {
        same("a store's id", &store["id"], item.store_id.as_str())?;
        same("a store's name", &store["name"], item.store_name.as_str())?;
        same("its seller", &store["sellerId"], self.me.id.as_str())
    }

    async fn list_sales(&mut self) {
        let call = self.get("/api/order/sales?limit=50");
        let Some(page) = self.asker.ask("GET sales", call, &[200]).await else { return };
        self.check("GET sales", self.are_own_sales(&page.body));
    }

    fn are_own_sales(&self, page: &Value) -> Result<(), Foreign> {
        let sales = page["items"].as_array().ok_or_else(|| format!("no sales in {page}"))?;
        for sale in sales {
            own::line(&self.items, sale)?;
            if !self.customers.iter().any(|name| sale["customerName"] == name.as_str()) {
                return Err(format!("a sale to nobody who buys here: {sale}"));
            }
        }
        Ok(())
    }

    async fn look_at_a_store(&mut self) {
        let item = self.some_item();
        let call = self.client.get(&format!("/api/store/stores/{}", item.store_id));
        let Some(store) = self.asker.ask("GET store", call, &[200]).await else { return };
        self.check("GET store", self.is_own_store(&item, &store.body));
    }

    async fn search(&mut self) {
        let item = self.some_item();
        let tag = item.store_name.rsplit(' ').next().unwrap_or_default();
        let keyword: String = tag.chars().take(KEYWORD_CHARS).collect();
        let call = self.client.get(&format!("/api/store/stores?keyword={keyword}"));
        let Some(page) = self.asker.ask("GET stores", call, &[200]).await else { return };
        // A search that takes long goes on with the next page.
        let found = page.body["items"].as_array().cloned().unwrap_or_default();
        let nothing_yet = found.is_empty() && page.body["nextCursor"].is_string();
        let checked = match &found[..] {
            _ if nothing_yet => Ok(()),
            [store] => self.is_own_store(&item, store),
            _ => Err(format!("not the one store called {keyword}: {}", page.body)),
        };
        self.check("GET stores", checked);
    }

    async fn look_at_an_item(&mut self) {
        let item = self.some_item();
        let call = self.client.get(&format!("/api/store/items/{}", item.id));
        let Some(found) = self.asker.ask("GET item", call, &[200]).await else { return };
        self.check("GET item", own::item(&item, &found.body));
    }

    async fn edit(&mut self) {
        let item = self.some_item();
        self.edits += 1;
        let description = format!("{} {}", item.id, self.edits);
        let call = self
            .client
            .patch(&format!("/api/store/items/{}", item.id), &json!({ "description": description }));
        let Some(edited) = self.asker.ask("PATCH item", call.bearer(&self.me.token), &[200]).await else {
            return;
        };
        let checked = own::item(&item, &edited.body)
            .and_then(|()| same("the description", &edited.body["description"], description));
        self.check("PATCH item", checked);
    }

    fn some_item(&mut self) -> Item {
        self.items[self.asker.dice.random_range(0..self.items.len())].clone()
    }

    fn check(&self, what: &str, checked: Result<(), Foreign>) {
        self.asker.check(&format!("{what} of {}", self.me.id), checked);
    }

    fn get(&self, path: &str) -> Call {
        self.client.get(path).bearer(&self.me.token)
    }
}
