//! Prices and sold counts that an older version of the service has written are corrected.

use futures::future::join;
use http::StatusCode;
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::items::check_figures;
use store_api::search::index_changes;

use crate::shop::{Shop, an_item, item_path, names, option_id};

/// An item whose cheap option was sold to the last piece, of which one came back and was sold again, and a wrong price and a wrong
/// count as an older version leaves them.
async fn old_rows(options: &MySqlConnectOptions) -> (Shop, String) {
    let (shop, seller, store) = Shop::with_store(options).await;
    let all = [("작은 것", 1_000, 3), ("큰 것", 9_000, 5)];
    let item = shop.item(&seller, &store, &an_item("케이크", &all)).await;
    shop.item(&seller, &store, &an_item("쿠키", &[("기본", 5_000, 5)])).await;
    let (order, option) = (shop.clock.new_id(), option_id(&item, 0));
    shop.reserve(order, &[(option, 3)]).await.expect(StatusCode::OK);
    shop.confirm(order).await.expect(StatusCode::OK);
    shop.restock(shop.clock.new_id(), order, option, 1).await.expect(StatusCode::OK);
    shop.reserve(shop.clock.new_id(), &[(option, 1)]).await.expect(StatusCode::OK);
    let old = "UPDATE items SET min_price = 1000, sold = 3 WHERE name = '케이크'";
    sqlx::query(old).execute(&shop.rows).await.unwrap();
    index_changes(&shop.database).await.unwrap();
    (shop, item_path(&item))
}

#[sqlx::test]
async fn figures_of_an_older_version_are_corrected_once_and_found_by_the_index(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, path) = old_rows(&options).await;
    assert_eq!(shop.get(&path).await.body["minPrice"], 1_000);

    assert_eq!(check_figures(&shop.database).await.unwrap(), 1);

    let shown = shop.get(&path).await.body;
    assert_eq!((&shown["minPrice"], &shown["sold"]), (&9_000.into(), &2.into()));
    for _ in 0..2 {
        let cheap = shop.get("/api/store/items?maxPrice=2000&inStock=true").await.expect(StatusCode::OK);
        assert_eq!(names(&cheap.body), [] as [&str; 0]);
        let dear = shop.get("/api/store/items?minPrice=8000&sort=price_asc").await.expect(StatusCode::OK);
        assert_eq!(names(&dear.body), ["케이크"]);
        index_changes(&shop.database).await.unwrap();
    }
    assert_eq!(check_figures(&shop.database).await.unwrap(), 0);
}

#[sqlx::test]
async fn two_instances_that_check_at_once_correct_an_item_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, _) = old_rows(&options).await;
    let other = Shop::open(&options);
    let (one, two) = join(check_figures(&shop.database), check_figures(&other.database)).await;
    assert_eq!(one.unwrap() + two.unwrap(), 1);
}

#[sqlx::test]
async fn sales_and_restocks_of_an_older_version_that_runs_at_the_same_time_are_corrected(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let all = [("작은 것", 1_000, 3), ("큰 것", 9_000, 5)];
    let item = shop.item(&seller, &store, &an_item("케이크", &all)).await;
    let (path, cheap) = (item_path(&item), option_id(&item, 0));
    // The older version changes the options and leaves the item as it is.
    let old = async |change: &str| {
        let sql = format!("UPDATE options SET {change} WHERE id = ?");
        sqlx::query(AssertSqlSafe(sql)).bind(cheap).execute(&shop.rows).await.unwrap();
    };
    old("on_hand = 0, reserved = 3").await;
    sqlx::query("UPDATE items SET sold = sold + 3").execute(&shop.rows).await.unwrap();
    old("reserved = 0, sold = 3").await;
    assert_eq!(check_figures(&shop.database).await.unwrap(), 1);
    let shown = shop.get(&path).await.body;
    assert_eq!((&shown["minPrice"], &shown["sold"]), (&9_000.into(), &3.into()));
    old("on_hand = 2, restocked = 2").await;
    assert_eq!(check_figures(&shop.database).await.unwrap(), 1);
    let shown = shop.get(&path).await.body;
    assert_eq!((&shown["minPrice"], &shown["sold"]), (&1_000.into(), &1.into()));
}

#[sqlx::test]
async fn every_item_is_checked_however_many_numbers_are_between(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, _) = old_rows(&options).await;
    sqlx::query("ALTER TABLE items AUTO_INCREMENT = 5000").execute(&shop.rows).await.unwrap();
    shop.item_of(&shop.seller(), "먼 케이크", 1).await;
    sqlx::query("UPDATE items SET sold = 9 WHERE number = 5000").execute(&shop.rows).await.unwrap();
    assert_eq!(check_figures(&shop.database).await.unwrap(), 2);
    assert_eq!(shop.number("SELECT sold FROM items WHERE number = 5000").await, 0);
}
