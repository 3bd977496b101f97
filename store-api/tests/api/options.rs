//! Options: adding, editing, deleting, and their stock as sellers change it.

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::shop::{Shop, Stock, an_item, id_of, item_path, option_id};

#[sqlx::test]
async fn options_are_added_edited_and_deleted_and_the_item_changes_with_them(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 3).await;
    let path = item_path(&item);
    let new = json!({ "name": "미니", "price": 12_000, "quantity": 7 });

    let added = shop.post(&seller, &format!("{path}/options"), &new).await;

    let added = added.expect(StatusCode::CREATED);
    assert_eq!(added.header("location"), path);
    let mut expected = new.clone();
    expected["id"] = added.body["id"].clone();
    assert_eq!(added.body, expected);
    let shown = shop.get(&path).await;
    assert_eq!((shown.header("etag"), &shown.body["minPrice"]), (added.header("etag"), &json!(12_000)));
    assert_eq!(shown.body["options"], json!([item["options"][0], expected]));

    let option = format!("{path}/options/{}", id_of(&added.body));
    let edit = json!({ "name": "한입", "price": 40_000 });
    let edited = shop.patch(&seller, &option, &edit).await.expect(StatusCode::OK);
    assert_eq!(
        edited.body,
        json!({ "id": added.body["id"], "name": "한입", "price": 40_000, "quantity": 7 })
    );
    assert_eq!(shop.get(&path).await.body["minPrice"], 30_000);

    shop.delete(&seller, &option).await.expect(StatusCode::NO_CONTENT);
    let shown = shop.get(&path).await;
    assert_eq!(shown.body["options"], item["options"]);
    let last = format!("{path}/options/{}", option_id(&item, 0));
    let refused = shop.delete(&seller, &last).await;
    refused.expect_problem(StatusCode::CONFLICT, "LAST_OPTION");
}

#[sqlx::test]
async fn option_names_are_unique_within_their_item(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let item = shop.item(&seller, &store, &an_item("하나", &[("Size S", 1, 1), ("Size M", 1, 1)])).await;
    let path = format!("/api/store/items/{}/options", id_of(&item));
    let body = json!({ "name": "size s", "price": 1, "quantity": 1 });
    let refused = shop.post(&seller, &path, &body).await;
    refused.expect_problem(StatusCode::CONFLICT, "OPTION_NAME_TAKEN");
    let second = format!("{path}/{}", option_id(&item, 1));
    let rename = |name: &'static str| shop.patch(&seller, &second, &json!({ "name": name }));
    rename("ＳＩＺＥ s").await.expect_problem(StatusCode::CONFLICT, "OPTION_NAME_TAKEN");
    rename("size m").await.expect(StatusCode::OK);
    let first = format!("{path}/{}", option_id(&item, 0));
    shop.delete(&seller, &first).await.expect(StatusCode::NO_CONTENT);
    rename("Size S").await.expect(StatusCode::OK);
}

#[sqlx::test]
async fn stock_is_set_or_changed_and_stays_in_its_range(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let option = option_id(&item, 0);
    let path = format!("/api/store/items/{}/options/{option}", id_of(&item));
    let edit = |body: Value| shop.patch(&seller, &path, &body);

    assert_eq!(edit(json!({ "quantityDelta": -4 })).await.expect(StatusCode::OK).body["quantity"], 6);
    assert_eq!(shop.stock(option).await, Stock::of(6, 0, 0, 0));
    let refused = edit(json!({ "quantityDelta": -7, "name": "큰 것" })).await;
    refused.expect_problem(StatusCode::CONFLICT, "STOCK_OUT_OF_RANGE");
    assert_eq!(
        edit(json!({ "quantity": 0 })).await.expect(StatusCode::OK).body["name"],
        "1호",
        "the refused edit changed nothing"
    );
    assert_eq!(
        edit(json!({ "quantityDelta": 1_000_000 })).await.expect(StatusCode::OK).body["quantity"],
        1_000_000
    );
    edit(json!({ "quantityDelta": 1 })).await.expect_problem(StatusCode::CONFLICT, "STOCK_OUT_OF_RANGE");
    for (wrong, pointer) in [
        (json!({ "quantity": -1 }), "/quantity"),
        (json!({ "quantity": 1_000_001 }), "/quantity"),
        (json!({ "quantityDelta": 1_000_001 }), "/quantityDelta"),
        (json!({ "quantityDelta": 1.5 }), "/quantityDelta"),
        (json!({ "quantity": 5, "quantityDelta": 5 }), "/quantityDelta"),
        (json!({ "price": 0 }), "/price"),
        (json!({ "sold": 0 }), "/sold"),
    ] {
        let refused = edit(wrong).await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(refused.fault_pointers(), [pointer]);
    }
    assert_eq!(shop.stock(option).await, Stock::of(1_000_000, 0, 0, 0));
}

#[sqlx::test]
async fn a_seller_does_not_count_the_pieces_that_orders_hold(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let option = option_id(&item, 0);
    shop.reserve(Uuid::from_u128(1), &[(option, 4)]).await.expect(StatusCode::OK);
    let path = format!("/api/store/items/{}/options/{option}", id_of(&item));
    let counted = json!({ "quantity": 20 });
    let edited = shop.patch(&seller, &path, &counted).await;
    assert_eq!(edited.expect(StatusCode::OK).body["quantity"], 20);
    assert_eq!(shop.stock(option).await, Stock::of(20, 4, 0, 0));
}

#[sqlx::test]
async fn fault_09_counters_lose_no_update_of_writers_at_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 100).await;
    let option = option_id(&item, 0);
    let path = format!("/api/store/items/{}/options/{option}", id_of(&item));
    let deltas: Vec<i64> = (1..=20).map(|n| if n % 2 == 0 { n } else { -n }).collect();
    let bodies: Vec<Value> = deltas.iter().map(|delta| json!({ "quantityDelta": delta })).collect();

    let answers = futures::future::join_all(bodies.iter().map(|body| shop.patch(&seller, &path, body))).await;

    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(shop.stock(option).await, Stock::of(100 + deltas.iter().sum::<i64>(), 0, 0, 0));
    assert_eq!(shop.number("SELECT version FROM items").await, 21);
}

#[sqlx::test]
async fn fault_26_an_option_of_another_item_is_not_accepted(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (seller, other) = (shop.seller(), shop.seller());
    let (mine, theirs) = (shop.item_of(&seller, "내 것", 3).await, shop.item_of(&other, "남의 것", 3).await);
    let also_mine = shop.item_of(&seller, "또 내 것", 3).await;
    let body = json!({ "price": 1 });
    for (item, option) in [(&mine, &theirs), (&mine, &also_mine), (&theirs, &mine), (&theirs, &theirs)] {
        let path = format!("/api/store/items/{}/options/{}", id_of(item), option_id(option, 0));
        let edit = shop.patch(&seller, &path, &body).await;
        edit.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
        let delete = shop.delete(&seller, &path).await;
        delete.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let add = json!({ "name": "2호", "price": 1, "quantity": 1 });
    let path = format!("/api/store/items/{}/options", id_of(&theirs));
    let refused = shop.post(&seller, &path, &add).await;
    refused.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(shop.number("SELECT COUNT(*) FROM options WHERE price = 30000 AND live = 1").await, 3);
}

#[sqlx::test]
async fn an_option_shares_the_tag_of_its_item(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 3).await;
    let path = item_path(&item);
    let option = format!("{path}/options/{}", option_id(&item, 0));
    let edit = |tag: String, price: i64| {
        shop.client
            .patch(&option)
            .bearer(&seller.token)
            .header("if-match", &tag)
            .json(&json!({ "price": price }))
            .send()
    };
    let seen = shop.get(&path).await.header("etag").to_owned();
    edit(seen.clone(), 1_000).await.expect(StatusCode::OK);
    edit(seen.clone(), 2_000).await.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    let add = json!({ "name": "2호", "price": 1, "quantity": 1 });
    let stale = shop.client.post(&format!("{path}/options")).bearer(&seller.token).header("if-match", &seen);
    stale.json(&add).send().await.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    let stale = shop.client.delete(&option).bearer(&seller.token).header("if-match", &seen).send().await;
    stale.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    let shown = shop.get(&path).await;
    assert_eq!(shown.body["options"][0]["price"], 1_000);
}

#[sqlx::test]
async fn an_item_has_at_most_a_hundred_options(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let names: Vec<String> = (0..100).map(|n| format!("{n}호")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), 1_000, 1)).collect();
    let item = shop.item(&seller, &store, &an_item("많은 것", &all)).await;
    let path = format!("/api/store/items/{}/options", id_of(&item));
    let body = json!({ "name": "하나 더", "price": 1, "quantity": 1 });
    let refused = shop.post(&seller, &path, &body).await;
    refused.expect_problem(StatusCode::CONFLICT, "TOO_MANY_OPTIONS");
}
