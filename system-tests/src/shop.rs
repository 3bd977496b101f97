//! Things for sale, each in a store of its own.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, number, text};
use crate::people::Person;

/// An item with options, in the order in which they were asked for.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// The ids of its options.
    pub options: Vec<String>,
}

/// Opens a store and lists one item, with an option for each `(price, quantity)`.
pub async fn list_item(client: &Client, seller: &Person, offers: &[(i64, i64)]) -> Item {
    let body = json!({ "name": format!("공방 {}", Uuid::new_v4()), "description": "작은 공방입니다." });
    let store = client.post("/api/store/stores", &body).bearer(&seller.token).send().await.expect(201);
    let options: Vec<Value> = offers
        .iter()
        .enumerate()
        .map(|(index, (price, quantity))| {
            json!({ "name": format!("{}호", index + 1), "price": price, "quantity": quantity })
        })
        .collect();
    let body = json!({
        "name": "딸기 생크림 케이크",
        "description": "논산 설향 딸기와 생크림",
        "category": "CAKE",
        "options": options,
    });
    let path = format!("/api/store/stores/{}/items", text(&store, "id"));
    let item = client.post(&path, &body).bearer(&seller.token).send().await.expect(201);
    let listed = item["options"].as_array().cloned().unwrap_or_default();
    let option_id = |index: usize| {
        let name = format!("{}호", index + 1);
        let option = listed.iter().find(|option| option["name"] == name.as_str());
        text(option.unwrap_or(&Value::Null), "id")
    };
    Item { id: text(&item, "id"), options: (0..offers.len()).map(option_id).collect() }
}

/// How many of an option can be bought now.
///
/// # Panics
/// If the item does not show the option.
pub async fn quantity(client: &Client, item: &Item, option_id: &str) -> i64 {
    let item = client.get(&format!("/api/store/items/{}", item.id)).send().await.expect(200);
    let options = item["options"].as_array().cloned().unwrap_or_default();
    let option = options.iter().find(|option| option["id"] == option_id).expect("the item has the option");
    number(option, "quantity")
}
