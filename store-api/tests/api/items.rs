//! Listing, showing, editing and deleting items.

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::{Shop, an_item, item_path};

#[sqlx::test]
async fn an_item_is_listed_with_its_options_in_their_order(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let body = json!({
        "name": "딸기 생크림 케이크", "description": "제철 딸기", "category": "CAKE",
        "thumbnailUrl": "https://img.example/1.jpg", "descriptionUrl": "https://img.example/1.html",
        "options": [
            { "name": "2호", "price": 42_000, "quantity": 3 },
            { "name": "1호", "price": 32_000, "quantity": 0 },
        ],
    });

    let path = format!("/api/store/stores/{store}/items");
    let listed = shop.post(&seller, &path, &body).await.expect(StatusCode::CREATED);

    let location = listed.header("location").to_owned();
    assert_eq!(location, item_path(&listed.body));
    let mut expected = body.clone();
    for (name, value) in [
        ("id", listed.body["id"].clone()),
        ("storeId", store.clone().into()),
        ("storeName", "달콤상점".into()),
        ("minPrice", 42_000.into()),
        ("hearts", 0.into()),
        ("sold", 0.into()),
        ("createdAt", "2026-11-22T09:00:00Z".into()),
        ("updatedAt", "2026-11-22T09:00:00Z".into()),
    ] {
        expected[name] = value;
    }
    for position in 0..2 {
        expected["options"][position]["id"] = listed.body["options"][position]["id"].clone();
    }
    assert_eq!(listed.body, expected);
    assert_eq!(shop.get(&location).await.expect(StatusCode::OK).body, expected);
    let in_list = shop.get("/api/store/items").await.expect(StatusCode::OK).body["items"][0].clone();
    expected.as_object_mut().unwrap().remove("options");
    assert_eq!(in_list, expected, "lists leave the options out and nothing else");
}

#[sqlx::test]
async fn fault_05_every_fault_of_a_nested_body_is_refused_at_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let path = format!("/api/store/stores/{store}/items");
    let body = json!({
        "name": " ", "description": "a\u{0}b", "category": "PIZZA", "thumbnailUrl": "javascript:alert(1)",
        "sold": 5,
        "options": [
            { "name": "1호", "price": -1, "quantity": -5 },
            { "name": "", "price": 10_000_001, "quantity": 1_000_001 },
            { "name": "3호", "price": 1.5, "quantity": "5", "color": "red" },
            { "price": 1 },
        ],
    });

    let refused = shop.post(&seller, &path, &body).await;

    let refused = refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    let expected = [
        "/category",
        "/description",
        "/name",
        "/options/0/price",
        "/options/0/quantity",
        "/options/1/name",
        "/options/1/price",
        "/options/1/quantity",
        "/options/2/color",
        "/options/2/price",
        "/options/2/quantity",
        "/options/3/name",
        "/options/3/quantity",
        "/sold",
        "/thumbnailUrl",
    ];
    assert_eq!(refused.fault_pointers(), expected);
    for (options, pointer) in [
        (json!([]), "/options"),
        (
            json!([{ "name": "s", "price": 1, "quantity": 0 }, { "name": " Ｓ ", "price": 1, "quantity": 0 }]),
            "/options",
        ),
    ] {
        let body = json!({ "name": "케이크", "description": "", "category": "CAKE", "options": options });
        let refused = shop.post(&seller, &path, &body).await;
        assert_eq!(
            refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED").fault_pointers(),
            [pointer]
        );
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 0);
}

#[sqlx::test]
async fn item_names_are_unique_within_a_store(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let (store, other) = (shop.store(&seller, "달콤상점").await, shop.store(&seller, "쓴상점").await);
    let cake = an_item("Cheese 케이크", &[("1호", 1_000, 1)]);
    let first = shop.item(&seller, &store, &cake).await;
    shop.item(&seller, &other, &cake).await;
    let path = format!("/api/store/stores/{store}/items");
    let again = an_item("cheese 케이크", &[("1호", 1_000, 1)]);
    let refused = shop.post(&seller, &path, &again).await;
    refused.expect_problem(StatusCode::CONFLICT, "ITEM_NAME_TAKEN");
    assert_eq!(shop.number("SELECT COUNT(*) FROM options").await, 2, "nothing is left of the refused one");

    let path = item_path(&first);
    shop.delete(&seller, &path).await.expect(StatusCode::NO_CONTENT);
    shop.item(&seller, &store, &again).await;
}

#[sqlx::test]
async fn fault_24_an_edit_drops_no_field_and_keeps_every_option_id(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let mut body = an_item("딸기 케이크", &[("1호", 32_000, 3), ("2호", 42_000, 5)]);
    body["descriptionUrl"] = "https://img.example/1.html".into();
    let listed = shop.item(&seller, &store, &body).await;
    let path = item_path(&listed);
    let edit = |body: Value| shop.patch(&seller, &path, &body);

    let renamed =
        edit(json!({ "name": "딸기 생크림 케이크", "category": "TART" })).await.expect(StatusCode::OK);

    let mut expected = listed.clone();
    expected["name"] = "딸기 생크림 케이크".into();
    expected["category"] = "TART".into();
    assert_eq!(renamed.body, expected);
    expected["descriptionUrl"] = Value::Null;
    assert_eq!(edit(json!({ "descriptionUrl": null })).await.expect(StatusCode::OK).body, expected);
    assert_eq!(edit(json!({})).await.expect(StatusCode::OK).body, expected);
    assert_eq!(shop.get(&path).await.body, expected);
    for (wrong, pointer) in [
        (json!({ "name": null }), "/name"),
        (json!({ "options": [] }), "/options"),
        (json!({ "price": 1 }), "/price"),
    ] {
        let refused = edit(wrong).await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(refused.fault_pointers(), [pointer]);
    }
}

#[sqlx::test]
async fn an_edit_by_an_old_tag_or_to_a_taken_name_is_refused(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let item = shop.item(&seller, &store, &an_item("하나", &[("1호", 1_000, 1)])).await;
    shop.item(&seller, &store, &an_item("둘", &[("1호", 1_000, 1)])).await;
    let path = item_path(&item);
    let seen = shop.get(&path).await.header("etag").to_owned();
    let edit = |name: &'static str| {
        let body = json!({ "name": name });
        shop.client.patch(&path).bearer(&seller.token).header("if-match", &seen).json(&body).send()
    };
    edit("둘").await.expect_problem(StatusCode::CONFLICT, "ITEM_NAME_TAKEN");
    edit("하나 반").await.expect(StatusCode::OK);
    edit("하나").await.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    let stale = shop.client.delete(&path).bearer(&seller.token).header("if-match", &seen).send().await;
    stale.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    assert_eq!(shop.get(&path).await.body["name"], "하나 반");
}

#[sqlx::test]
async fn a_deleted_item_is_gone_with_its_hearts(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (seller, customer) = (shop.seller(), shop.customer());
    let item = shop.item_of(&seller, "딸기 케이크", 3).await;
    let path = item_path(&item);
    let heart = format!("{path}/heart");
    shop.put(&customer, &heart).await.expect(StatusCode::NO_CONTENT);

    shop.delete(&seller, &path).await.expect(StatusCode::NO_CONTENT);

    shop.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let body = json!({ "name": "유령" });
    let edit = shop.patch(&seller, &path, &body).await;
    edit.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(shop.get("/api/store/items").await.body["items"], json!([]));
    assert_eq!(shop.number("SELECT COUNT(*) FROM hearts").await, 0);
    assert_eq!(shop.number("SELECT COUNT(*) FROM options").await, 1, "old orders still name it");
}

#[sqlx::test]
async fn somebody_elses_item_is_not_there_to_be_changed(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (owner, thief) = (shop.seller(), shop.seller());
    let item = shop.item_of(&owner, "딸기 케이크", 3).await;
    shop.item_of(&thief, "쓴 케이크", 3).await;
    let path = item_path(&item);
    let body = json!({ "name": "도둑" });
    let edit = shop.patch(&thief, &path, &body).await;
    edit.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let delete = shop.delete(&thief, &path).await;
    delete.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(shop.get(&path).await.body, item);
}
