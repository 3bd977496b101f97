//! The price of an item is the lowest at which it can be bought now, or the lowest of all where nothing can be bought.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::search::index_changes;
use store_api::stock;
use uuid::Uuid;

use crate::shop::{Person, Shop, an_item, item_path, names, option_id};

const ORDER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

/// An item with a cheap option of one piece and a dear one of five, beside another item whose price is between the two.
struct TwoPrices {
    shop: Shop,
    seller: Person,
    item: Value,
    cheap: Uuid,
    dear: Uuid,
}

impl TwoPrices {
    async fn open(options: &MySqlConnectOptions) -> Self {
        let (shop, seller, store) = Shop::with_store(options).await;
        let all = [("큰 것", 9_000, 5), ("작은 것", 1_000, 1)];
        let item = shop.item(&seller, &store, &an_item("케이크", &all)).await;
        let mut cookie = an_item("쿠키", &[("기본", 5_000, 5)]);
        cookie["category"] = "COOKIE".into();
        shop.item(&seller, &store, &cookie).await;
        let (dear, cheap) = (option_id(&item, 0), option_id(&item, 1));
        Self { shop, seller, item, cheap, dear }
    }

    fn option(&self, id: Uuid) -> String {
        format!("{}/options/{id}", item_path(&self.item))
    }

    async fn edit(&self, option: Uuid, body: &Value) {
        self.shop.patch(&self.seller, &self.option(option), body).await.expect(StatusCode::OK);
    }

    async fn list(&self, query: &str) -> Vec<String> {
        let page = self.shop.get(&format!("/api/store/items?{query}")).await.expect(StatusCode::OK);
        names(&page.body).into_iter().map(str::to_owned).collect()
    }

    /// The item costs this much wherever it is shown, filtered or sorted, before and after the index knows it.
    async fn costs(&self, price: i64, can_be_bought: bool) {
        let is = |expected: bool| if expected { vec!["케이크".to_owned()] } else { vec![] };
        for known in ["not yet", "by the index"] {
            assert_eq!(self.shop.get(&item_path(&self.item)).await.body["minPrice"], price, "{known}");
            for query in
                ["keyword=%EC%BC%80%EC%9D%B4%ED%81%AC", "sort=price_desc&category=CAKE&maxPrice=9000"]
            {
                let page = self.shop.get(&format!("/api/store/items?{query}")).await.expect(StatusCode::OK);
                let cake =
                    page.body["items"].as_array().unwrap().iter().find(|item| item["name"] == "케이크");
                assert_eq!(cake.unwrap()["minPrice"], price, "{known}, {query}");
            }
            let word = "keyword=%EC%BC%80%EC%9D%B4%ED%81%AC";
            for query in ["", "&sort=price_asc", "&sort=popular"] {
                let cheap = format!("{word}&maxPrice=2000&inStock=true{query}");
                assert_eq!(self.list(&cheap).await, is(price <= 2_000 && can_be_bought), "{known}, {cheap}");
                let dear = format!("{word}&minPrice=8000&inStock=true{query}");
                assert_eq!(self.list(&dear).await, is(price >= 8_000 && can_be_bought), "{known}, {dear}");
                let any = format!("{word}&inStock=true{query}");
                assert_eq!(self.list(&any).await, is(can_be_bought), "{known}, {any}");
            }
            let cake_first = ["케이크", "쿠키"];
            let cookie_first = ["쿠키", "케이크"];
            let ascending = if price < 5_000 { cake_first } else { cookie_first };
            let descending = if price < 5_000 { cookie_first } else { cake_first };
            for filter in ["", "&minPrice=1", "&category=CAKE"] {
                let only_cake = filter.contains("CAKE");
                let expected = |order: [&str; 2]| {
                    order
                        .iter()
                        .filter(|name| !only_cake || **name == "케이크")
                        .map(ToString::to_string)
                        .collect()
                };
                let ascending: Vec<String> = expected(ascending);
                let descending: Vec<String> = expected(descending);
                assert_eq!(self.list(&format!("sort=price_asc{filter}")).await, ascending, "{known}");
                assert_eq!(self.list(&format!("sort=price_desc{filter}")).await, descending, "{known}");
            }
            index_changes(&self.shop.database).await.unwrap();
        }
    }
}

#[sqlx::test]
async fn the_price_follows_every_step_of_orders(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let prices = TwoPrices::open(&options).await;
    let TwoPrices { shop, cheap, dear, .. } = &prices;
    prices.costs(1_000, true).await;
    shop.reserve(ORDER, &[(*cheap, 1)]).await.expect(StatusCode::OK);
    prices.costs(9_000, true).await;
    shop.release(ORDER).await.expect(StatusCode::OK);
    prices.costs(1_000, true).await;

    let expiring = Uuid::from_u128(2);
    shop.reserve(expiring, &[(*cheap, 1), (*dear, 2)]).await.expect(StatusCode::OK);
    prices.costs(9_000, true).await;
    shop.clock_control.advance(Duration::from_secs(601));
    assert_eq!(stock::expire_due(&shop.database, &shop.clock).await.unwrap(), 1);
    prices.costs(1_000, true).await;
    shop.reserve(expiring, &[(*cheap, 1), (*dear, 2)]).await.expect(StatusCode::OK);
    prices.costs(9_000, true).await;

    shop.confirm(expiring).await.expect(StatusCode::OK);
    prices.costs(9_000, true).await;
    shop.reserve(Uuid::from_u128(3), &[(*dear, 3)]).await.expect(StatusCode::OK);
    prices.costs(1_000, false).await;
    shop.restock(Uuid::from_u128(4), expiring, *dear, 1).await.expect(StatusCode::OK);
    prices.costs(9_000, true).await;
    shop.restock(Uuid::from_u128(5), expiring, *cheap, 1).await.expect(StatusCode::OK);
    prices.costs(1_000, true).await;
}

#[sqlx::test]
async fn the_price_follows_every_edit_of_the_seller(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let prices = TwoPrices::open(&options).await;
    let TwoPrices { shop, seller, item, cheap, dear } = &prices;
    prices.edit(*cheap, &json!({ "quantity": 0 })).await;
    prices.costs(9_000, true).await;
    prices.edit(*dear, &json!({ "price": 8_500 })).await;
    prices.costs(8_500, true).await;
    prices.edit(*cheap, &json!({ "price": 1_100 })).await;
    prices.costs(8_500, true).await;
    prices.edit(*dear, &json!({ "quantity": 0 })).await;
    prices.costs(1_100, false).await;
    prices.edit(*dear, &json!({ "quantityDelta": 1 })).await;
    prices.costs(8_500, true).await;
    let add = format!("{}/options", item_path(item));
    let added = shop.post(seller, &add, &json!({ "name": "맛보기", "price": 500, "quantity": 0 })).await;
    added.expect(StatusCode::CREATED);
    prices.costs(8_500, true).await;
    let added = shop.post(seller, &add, &json!({ "name": "조각", "price": 1_500, "quantity": 1 })).await;
    let added: Uuid = added.expect(StatusCode::CREATED).body["id"].as_str().unwrap().parse().unwrap();
    prices.costs(1_500, true).await;
    shop.delete(seller, &prices.option(added)).await.expect(StatusCode::NO_CONTENT);
    prices.costs(8_500, true).await;
    shop.delete(seller, &prices.option(*dear)).await.expect(StatusCode::NO_CONTENT);
    prices.costs(500, false).await;
}

#[sqlx::test]
async fn a_new_item_costs_what_can_be_bought_of_it(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let half = [("작은 것", 1_000, 0), ("큰 것", 9_000, 5), ("중간", 5_000, 0)];
    assert_eq!(shop.item(&seller, &store, &an_item("반", &half)).await["minPrice"], 9_000);
    let none = [("작은 것", 2_000, 0), ("큰 것", 1_000, 0)];
    assert_eq!(shop.item(&seller, &store, &an_item("없음", &none)).await["minPrice"], 1_000);
}

#[sqlx::test]
async fn pieces_of_a_deleted_option_that_come_back_do_not_count(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let prices = TwoPrices::open(&options).await;
    let TwoPrices { shop, seller, cheap, .. } = &prices;
    shop.reserve(ORDER, &[(*cheap, 1)]).await.expect(StatusCode::OK);
    shop.delete(seller, &prices.option(*cheap)).await.expect(StatusCode::NO_CONTENT);
    shop.release(ORDER).await.expect(StatusCode::OK);
    prices.costs(9_000, true).await;
}

#[sqlx::test]
async fn an_order_of_several_items_changes_the_price_of_each(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let mut lines = Vec::new();
    let mut paths = Vec::new();
    for n in 0..3 {
        let all = [("작은 것", 1_000 + n, 1), ("큰 것", 9_000 + n, 1)];
        let item = shop.item(&seller, &store, &an_item(&format!("케이크 {n}"), &all)).await;
        lines.push((option_id(&item, 0), 1));
        paths.push(item_path(&item));
    }
    let prices = async || {
        let mut prices = Vec::new();
        for path in &paths {
            prices.push(shop.get(path).await.body["minPrice"].as_i64().unwrap());
        }
        prices
    };
    shop.reserve(ORDER, &lines).await.expect(StatusCode::OK);
    assert_eq!(prices().await, [9_000, 9_001, 9_002]);
    shop.release(ORDER).await.expect(StatusCode::OK);
    assert_eq!(prices().await, [1_000, 1_001, 1_002]);
}
