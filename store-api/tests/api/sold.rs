//! The sold count has only the pieces that customers have kept. Returned pieces are not in it.

use futures::future::join_all;
use http::StatusCode;
use serde_json::Value;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::search::index_changes;
use uuid::Uuid;

use crate::shop::{Person, Shop, Stock, an_item, item_path, names, option_id};

async fn sell(shop: &Shop, order: Uuid, option: Uuid, pieces: i64) {
    shop.reserve(order, &[(option, pieces)]).await.expect(StatusCode::OK);
    shop.confirm(order).await.expect(StatusCode::OK);
}

/// An item of which ten pieces were sold by one order.
async fn with_sale(options: &MySqlConnectOptions) -> (Shop, Person, Value, Uuid) {
    let (shop, seller, store) = Shop::with_store(options).await;
    let all = [("1호", 30_000, 20), ("2호", 40_000, 20)];
    let item = shop.item(&seller, &store, &an_item("케이크", &all)).await;
    let order = shop.clock.new_id();
    sell(&shop, order, option_id(&item, 0), 10).await;
    (shop, seller, item, order)
}

#[sqlx::test]
async fn an_item_that_was_given_back_ranks_behind_one_that_was_kept(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let kept = shop.item(&seller, &store, &an_item("남은 케이크", &[("1호", 1_000, 200)])).await;
    let given_back = shop.item(&seller, &store, &an_item("돌아온 케이크", &[("1호", 1_000, 200)])).await;
    let (kept_order, order) = (shop.clock.new_id(), shop.clock.new_id());
    sell(&shop, kept_order, option_id(&kept, 0), 3).await;
    sell(&shop, order, option_id(&given_back, 0), 100).await;
    index_changes(&shop.database).await.unwrap();

    for restock in 1..=4 {
        let id = Uuid::from_u128(restock);
        shop.restock(id, order, option_id(&given_back, 0), 25).await.expect(StatusCode::OK);
    }

    for known in ["not yet", "by the index"] {
        assert_eq!(shop.get(&item_path(&given_back)).await.body["sold"], 0, "{known}");
        for query in ["", "&inStock=true", "&keyword=%EC%BC%80%EC%9D%B4%ED%81%AC"] {
            let page =
                shop.get(&format!("/api/store/items?sort=popular{query}")).await.expect(StatusCode::OK);
            assert_eq!(names(&page.body), ["남은 케이크", "돌아온 케이크"], "{known}, {query}");
            let counts: Vec<_> = (0..2).map(|n| page.body["items"][n]["sold"].clone()).collect();
            assert_eq!(counts, [3, 0], "{known}");
        }
        index_changes(&shop.database).await.unwrap();
    }
}

#[sqlx::test]
async fn a_part_that_came_back_is_counted_off_once_however_often_it_is_told(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, _, item, order) = with_sale(&options).await;
    let (option, path) = (option_id(&item, 0), item_path(&item));
    let restock = shop.clock.new_id();
    let answers = join_all((0..6).map(|_| shop.restock(restock, order, option, 4))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(shop.get(&path).await.body["sold"], 6);
    shop.restock(restock, order, option, 5).await.expect_problem(StatusCode::CONFLICT, "RESTOCK_MISMATCH");
    let too_many = shop.clock.new_id();
    shop.restock(too_many, order, option, 7).await.expect_problem(StatusCode::CONFLICT, "RESTOCK_MISMATCH");
    assert_eq!(shop.get(&path).await.body["sold"], 6);
    let others = [2, 3, 1].map(|pieces| shop.restock(shop.clock.new_id(), order, option, pieces));
    assert!(join_all(others).await.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(shop.get(&path).await.body["sold"], 0);
}

#[sqlx::test]
async fn a_restock_before_the_confirmation_is_refused_and_lowers_the_sold_count_later(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, _, item) = Shop::with_item(&options, 10).await;
    let (option, path) = (option_id(&item, 0), item_path(&item));
    let (order, restock) = (shop.clock.new_id(), shop.clock.new_id());
    shop.reserve(order, &[(option, 4)]).await.expect(StatusCode::OK);
    shop.restock(restock, order, option, 4).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(shop.get(&path).await.body["sold"], 0);
    shop.confirm(order).await.expect(StatusCode::OK);
    assert_eq!(shop.get(&path).await.body["sold"], 4);
    shop.restock(restock, order, option, 4).await.expect(StatusCode::OK);
    shop.confirm(order).await.expect(StatusCode::OK);
    assert_eq!(shop.get(&path).await.body["sold"], 0);
}

#[sqlx::test]
async fn returned_pieces_lower_the_sold_count_even_if_their_option_item_or_store_was_deleted(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item, order) = with_sale(&options).await;
    let (option, path) = (option_id(&item, 0), item_path(&item));
    let back = async |pieces| {
        shop.restock(shop.clock.new_id(), order, option, pieces).await.expect(StatusCode::OK);
        shop.number("SELECT sold FROM items").await
    };
    let option_path = format!("{path}/options/{option}");
    shop.delete(&seller, &option_path).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(back(4).await, 6);
    let shown = shop.get(&path).await.expect(StatusCode::OK).body;
    assert_eq!((&shown["sold"], &shown["minPrice"]), (&6.into(), &40_000.into()));
    shop.delete(&seller, &path).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(back(3).await, 3);
    let store_path = format!("/api/store/stores/{}", item["storeId"].as_str().unwrap());
    shop.delete(&seller, &store_path).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(back(3).await, 0);
    assert_eq!(shop.stock(option).await, Stock::of(20, 0, 10, 10));
    shop.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    index_changes(&shop.database).await.unwrap();
    let page = shop.get("/api/store/items?sort=popular&inStock=true").await.expect(StatusCode::OK);
    assert_eq!(names(&page.body), [] as [&str; 0]);
}
