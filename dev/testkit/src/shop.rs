//! Items for sale in a running Dalkom, each in a store of its own.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, Server, integer, text};
use crate::member::Member;

/// An item, with its options in the order in which they were asked for.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Its name. No other item has it.
    pub name: String,
    /// The id of its store.
    pub store_id: String,
    /// The name of its store. No other store has it.
    pub store_name: String,
    /// The ids of its options.
    pub options: Vec<String>,
}

/// Opens a store and lists one item, with an option for each `(price, quantity)`.
pub async fn list_item(gateway: &Client<Server>, seller: &Member, offers: &[(i64, i64)]) -> Item {
    let tag = Uuid::new_v4().simple();
    let (store_name, name) = (format!("공방 {tag}"), format!("딸기 생크림 케이크 {tag}"));
    let body = json!({ "name": store_name, "description": "작은 공방입니다." });
    let store = gateway.post("/api/store/stores").json(&body).bearer(&seller.token).send().await;
    let store_id = text(&store.expect(StatusCode::CREATED).body, "id");
    let options: Vec<Value> = offers
        .iter()
        .enumerate()
        .map(|(index, (price, quantity))| {
            json!({ "name": option_name(index), "price": price, "quantity": quantity })
        })
        .collect();
    let body = json!({
        "name": name,
        "description": "논산 설향 딸기와 생크림",
        "category": "CAKE",
        "options": options,
    });
    let path = format!("/api/store/stores/{store_id}/items");
    let item = gateway.post(&path).json(&body).bearer(&seller.token).send().await;
    let item = item.expect(StatusCode::CREATED).body;
    let listed = item["options"].as_array().cloned().unwrap_or_default();
    let option_id = |index: usize| {
        let name = option_name(index);
        let option = listed.iter().find(|option| option["name"] == name.as_str());
        text(option.unwrap_or(&Value::Null), "id")
    };
    let options = (0..offers.len()).map(option_id).collect();
    Item { id: text(&item, "id"), name, store_id, store_name, options }
}

/// The name of an option, by its place in the item.
pub fn option_name(index: usize) -> String {
    format!("{}호", index + 1)
}

/// How many pieces of an option can be bought now.
///
/// # Panics
/// If the item does not show the option.
pub async fn quantity(gateway: &Client<Server>, item: &Item, option_id: &str) -> i64 {
    let item = gateway.get(&format!("/api/store/items/{}", item.id)).send().await;
    let item = item.expect(StatusCode::OK).body;
    let options = item["options"].as_array().cloned().unwrap_or_default();
    let option = options.iter().find(|option| option["id"] == option_id).expect("the item has the option");
    integer(option, "quantity")
}
