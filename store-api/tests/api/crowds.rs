//! Many who look at the same things at the same time, and are answered together.

use futures::future::{join, join_all};
use http::StatusCode;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::shop::{Shop, id_of, names};

#[sqlx::test]
async fn everybody_of_a_crowd_is_shown_what_they_asked_for(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let mut items = Vec::new();
    for name in ["마카롱", "까눌레", "휘낭시에", "다쿠아즈", "타르트"] {
        items.push(shop.item_of(&seller, name, 3).await);
    }
    let crowd = join_all((0..100).map(|number| {
        let (shop, item) = (&shop, items.get(number % 7));
        async move {
            let id = item.map_or_else(|| Uuid::new_v4().to_string(), id_of);
            let shown = shop.client.get(&format!("/api/store/items/{id}")).send().await;
            match item {
                Some(item) => assert_eq!(shown.expect(StatusCode::OK).body, *item),
                None => drop(shown.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND")),
            }
        }
    }));
    let lists = join_all((0..60).map(|number| {
        let (shop, limit) = (&shop, number % 3 + 1);
        async move {
            let list = shop.client.get(&format!("/api/store/items?limit={limit}")).send().await;
            let list = list.expect(StatusCode::OK);
            assert_eq!(list.header("content-type"), "application/json");
            assert_eq!(names(&list.body), ["타르트", "다쿠아즈", "휘낭시에"][..limit]);
        }
    }));
    join(crowd, lists).await;
}

#[sqlx::test]
async fn who_changes_an_item_amid_a_crowd_sees_the_change_at_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let item = shop.item_of(&seller, "마카롱", 3).await;
    let path = format!("/api/store/items/{}", id_of(&item));
    let gone = tokio::sync::watch::Sender::new(false);
    let crowd = join_all((0..12).map(|number| {
        let (shop, path, gone) = (&shop, &path, gone.subscribe());
        async move {
            while !*gone.borrow() {
                let path = if number % 2 == 0 { path.as_str() } else { "/api/store/items" };
                let _ = shop.client.get(path).send().await.expect(StatusCode::OK);
            }
        }
    }));
    let editing = async {
        for edit in 0..40 {
            let name = format!("마카롱 {edit}");
            let changed =
                shop.client.patch(&path).bearer(&seller.token).json(&json!({ "name": name })).send().await;
            let _ = changed.expect(StatusCode::OK);
            let shown = shop.client.get(&path).send().await.expect(StatusCode::OK).body;
            assert_eq!(shown["name"], name);
            let list = shop.client.get("/api/store/items").send().await.expect(StatusCode::OK).body;
            assert_eq!(names(&list), [name]);
        }
        gone.send_replace(true);
    };
    join(crowd, editing).await;
}
