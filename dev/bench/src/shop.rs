//! A seller with one store and items for sale.

use http::StatusCode;
use serde_json::{Value, json};
use testkit::member::Member;
use testkit::{Client, Server, text};
use uuid::Uuid;

/// A store.
pub(crate) struct Shop {
    pub(crate) seller: Member,
    pub(crate) store_id: String,
    pub(crate) items: Vec<Item>,
}

/// An item.
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) option_ids: Vec<String>,
}

impl Shop {
    /// Signs up a seller with a store and `items` items. Each item has `options` options at this price, with `pieces` pieces each.
    pub(crate) async fn open(
        gateway: &Client<Server>,
        items: usize,
        options: usize,
        price: i64,
        pieces: i64,
    ) -> Self {
        let seller = Member::seller(gateway).await;
        let body = json!({ "name": format!("공방 {}", Uuid::new_v4()), "description": "작은 공방입니다." });
        let store = gateway.post("/api/store/stores").json(&body).bearer(&seller.token).send().await;
        let store_id = text(&store.expect(StatusCode::CREATED).body, "id");
        let options: Vec<Value> = (0..options)
            .map(|option| json!({ "name": format!("{option}호"), "price": price, "quantity": pieces }))
            .collect();
        let mut listed = Vec::new();
        for number in 0..items {
            let body = json!({
                "name": format!("딸기 생크림 케이크 {number}"), "description": "논산 설향 딸기와 생크림",
                "category": "CAKE", "options": options,
            });
            let path = format!("/api/store/stores/{store_id}/items");
            let item = gateway.post(&path).json(&body).bearer(&seller.token).send().await;
            let item = item.expect(StatusCode::CREATED).body;
            let option_ids = item["options"].as_array().into_iter().flatten();
            let option_ids = option_ids.map(|option| text(option, "id")).collect();
            listed.push(Item { id: text(&item, "id"), option_ids });
        }
        Self { seller, store_id, items: listed }
    }

    /// The ids of all options.
    pub(crate) fn option_ids(&self) -> Vec<String> {
        self.items.iter().flat_map(|item| item.option_ids.iter().cloned()).collect()
    }
}
