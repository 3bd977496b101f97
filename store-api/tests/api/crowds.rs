//! Many requests for the same items and lists at the same time, which are answered in batches.

use futures::future::{join, join_all};
use http::StatusCode;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::shop::{Shop, id_of, item_path, names};

#[sqlx::test]
async fn every_request_of_a_batch_gets_its_own_item_or_list(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let mut items = Vec::new();
    for name in ["마카롱", "까눌레", "휘낭시에", "다쿠아즈", "타르트"] {
        items.push(shop.item_of(&seller, name, 3).await);
    }
    let shown_items = join_all((0..100).map(|number| {
        let (shop, item) = (&shop, items.get(number % 7));
        async move {
            let id = item.map_or_else(|| Uuid::new_v4().to_string(), id_of);
            let shown = shop.get(&format!("/api/store/items/{id}")).await;
            match item {
                Some(item) => assert_eq!(shown.expect(StatusCode::OK).body, *item),
                None => drop(shown.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND")),
            }
        }
    }));
    let shown_lists = join_all((0..60).map(|number| {
        let (shop, limit) = (&shop, number % 3 + 1);
        async move {
            let list = shop.get(&format!("/api/store/items?limit={limit}")).await;
            let list = list.expect(StatusCode::OK);
            assert_eq!(list.header("content-type"), "application/json");
            assert_eq!(names(&list.body), ["타르트", "다쿠아즈", "휘낭시에"][..limit]);
        }
    }));
    join(shown_items, shown_lists).await;
}

#[sqlx::test]
async fn a_seller_sees_a_change_at_once_while_many_read_the_item(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 3).await;
    let path = item_path(&item);
    let is_over = tokio::sync::watch::Sender::new(false);
    let readers = join_all((0..12).map(|number| {
        let (shop, path, is_over) = (&shop, &path, is_over.subscribe());
        async move {
            while !*is_over.borrow() {
                let path = if number % 2 == 0 { path.as_str() } else { "/api/store/items" };
                let _ = shop.get(path).await.expect(StatusCode::OK);
            }
        }
    }));
    let editing = async {
        for edit in 0..40 {
            let name = format!("마카롱 {edit}");
            let changed = shop.patch(&seller, &path, &json!({ "name": name })).await;
            let _ = changed.expect(StatusCode::OK);
            let shown = shop.get(&path).await.expect(StatusCode::OK).body;
            assert_eq!(shown["name"], name);
            let list = shop.get("/api/store/items").await.expect(StatusCode::OK).body;
            assert_eq!(names(&list), [name]);
        }
        is_over.send_replace(true);
    };
    join(readers, editing).await;
}
