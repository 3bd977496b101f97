//! Opening, showing, editing and deleting stores.

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::{Shop, an_item, id_of, names};

#[sqlx::test]
async fn a_store_is_opened_shown_and_kept(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let body = json!({ "name": "  달콤상점 ", "description": "수제\n디저트", "thumbnailUrl": "https://img.example/1.jpg" });

    let opened = shop.client.post("/api/store/stores").bearer(&seller.token).json(&body).send().await;

    let opened = opened.expect(StatusCode::CREATED);
    assert_eq!(opened.header("etag"), "\"1\"");
    let location = opened.header("location").to_owned();
    assert_eq!(location, format!("/api/store/stores/{}", id_of(&opened.body)));
    let mut expected = json!({
        "sellerId": seller.id.0, "name": "달콤상점", "description": "수제\n디저트",
        "thumbnailUrl": "https://img.example/1.jpg", "followers": 0,
        "createdAt": "2026-11-22T09:00:00Z", "updatedAt": "2026-11-22T09:00:00Z",
    });
    expected["id"] = opened.body["id"].clone();
    assert_eq!(opened.body, expected);
    let shown = shop.client.get(&location).send().await.expect(StatusCode::OK);
    assert_eq!((shown.body, shown.headers["etag"].clone()), (expected, opened.headers["etag"].clone()));
    let stored: (String, String) =
        sqlx::query_as("SELECT name, name_key FROM stores").fetch_one(&shop.rows).await.unwrap();
    assert_eq!(stored, ("달콤상점".to_owned(), "달콤상점".to_owned()));
}

#[sqlx::test]
async fn names_are_unique_among_live_stores_however_they_are_written(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (one, other) = (shop.seller(), shop.seller());
    let first = shop.store(&one, "Sweet 케이크").await;
    let open = |name: &'static str| {
        let body = json!({ "name": name, "description": "" });
        shop.client.post("/api/store/stores").bearer(&other.token).json(&body).send()
    };
    for same in ["Sweet 케이크", "sweet  케이크", "ＳＷＥＥＴ 케이크"] {
        open(same).await.expect_problem(StatusCode::CONFLICT, "STORE_NAME_TAKEN");
    }
    let path = format!("/api/store/stores/{first}");
    shop.client.delete(&path).bearer(&one.token).send().await.expect(StatusCode::NO_CONTENT);
    open("Sweet 케이크").await.expect(StatusCode::CREATED);
    open("Sweet 케이크").await.expect_problem(StatusCode::CONFLICT, "STORE_NAME_TAKEN");
    assert_eq!(shop.number("SELECT COUNT(*) FROM stores").await, 2);
}

#[sqlx::test]
async fn one_of_many_who_want_a_name_at_once_gets_it(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let body = json!({ "name": "달콤상점", "description": "" });
    let sellers: Vec<_> = (0..10).map(|_| shop.seller()).collect();

    let answers = futures::future::join_all(
        sellers
            .iter()
            .map(|seller| shop.client.post("/api/store/stores").bearer(&seller.token).json(&body).send()),
    )
    .await;

    let opened = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(opened, 1);
    assert!(
        answers.iter().all(|answer| [StatusCode::CREATED, StatusCode::CONFLICT].contains(&answer.status))
    );
    assert_eq!(shop.number("SELECT COUNT(*) FROM stores").await, 1);
}

#[sqlx::test]
async fn a_seller_edits_what_they_name_and_nothing_else(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let body =
        json!({ "name": "달콤상점", "description": "수제", "thumbnailUrl": "https://img.example/1.jpg" });
    let opened = shop.client.post("/api/store/stores").bearer(&seller.token).json(&body).send().await.body;
    let path = format!("/api/store/stores/{}", id_of(&opened));
    let edit = |body: Value| shop.client.patch(&path).bearer(&seller.token).json(&body).send();
    shop.hand.advance(std::time::Duration::from_secs(60));

    let renamed = edit(json!({ "name": "달콤상점 본점" })).await.expect(StatusCode::OK);

    assert_eq!(renamed.header("etag"), "\"2\"");
    let mut expected = opened.clone();
    expected["name"] = "달콤상점 본점".into();
    expected["updatedAt"] = "2026-11-22T09:01:00Z".into();
    assert_eq!(renamed.body, expected);
    let cleared = edit(json!({ "thumbnailUrl": null })).await.expect(StatusCode::OK).body;
    assert_eq!((&cleared["thumbnailUrl"], &cleared["name"]), (&Value::Null, &expected["name"]));
    assert_eq!(shop.client.get(&path).send().await.body, cleared);
}

#[sqlx::test]
async fn fault_24_a_store_can_be_edited_and_keep_its_name(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let store = shop.store(&seller, "달콤상점").await;
    shop.store(&seller, "쓴상점").await;
    let path = format!("/api/store/stores/{store}");
    let edit = |name: &'static str| {
        let body = json!({ "name": name, "description": "새 소개" });
        shop.client.patch(&path).bearer(&seller.token).json(&body).send()
    };
    assert_eq!(edit("달콤상점").await.expect(StatusCode::OK).body["description"], "새 소개");
    edit("쓴상점").await.expect_problem(StatusCode::CONFLICT, "STORE_NAME_TAKEN");
}

#[sqlx::test]
async fn an_edit_by_an_old_version_is_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let store = shop.store(&seller, "달콤상점").await;
    let path = format!("/api/store/stores/{store}");
    let edit = |tag: &'static str, description: &'static str| {
        let body = json!({ "description": description });
        shop.client.patch(&path).bearer(&seller.token).header("if-match", tag).json(&body).send()
    };
    edit("\"1\"", "첫째").await.expect(StatusCode::OK);
    edit("\"1\"", "둘째").await.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    edit("W/\"2\"", "둘째").await.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    edit("*", "셋째").await.expect(StatusCode::OK);
    let delete =
        |tag: &'static str| shop.client.delete(&path).bearer(&seller.token).header("if-match", tag).send();
    delete("\"2\"").await.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    assert_eq!(shop.client.get(&path).send().await.body["description"], "셋째");
    delete("\"3\"").await.expect(StatusCode::NO_CONTENT);
}

#[sqlx::test]
async fn fault_19_ownership_is_checked_on_the_thing_itself(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (owner, thief) = (shop.seller(), shop.seller());
    let store = shop.store(&owner, "달콤상점").await;
    shop.store(&thief, "쓴상점").await;
    let path = format!("/api/store/stores/{store}");
    let before = shop.client.get(&path).send().await.body;

    let body = json!({ "name": "도둑" });
    shop.client
        .patch(&path)
        .bearer(&thief.token)
        .json(&body)
        .send()
        .await
        .expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    shop.client
        .delete(&path)
        .bearer(&thief.token)
        .send()
        .await
        .expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let item = an_item("가짜", &[("1호", 1, 1)]);
    let items = format!("{path}/items");
    shop.client
        .post(&items)
        .bearer(&thief.token)
        .json(&item)
        .send()
        .await
        .expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let with_owner = json!({ "name": "도둑", "sellerId": owner.id.0 });
    let refused = shop.client.patch(&path).bearer(&thief.token).json(&with_owner).send().await;
    assert_eq!(
        refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED").fault_pointers(),
        ["/sellerId"]
    );

    assert_eq!(shop.client.get(&path).send().await.body, before);
    assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 0);
}

#[sqlx::test]
async fn fault_23_deleting_a_store_takes_its_items_hearts_and_follows_along(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (seller, customer) = (shop.seller(), shop.customer());
    let store = shop.store(&seller, "달콤상점").await;
    let item = shop.item(&seller, &store, &an_item("딸기 케이크", &[("1호", 30_000, 5)])).await;
    let kept = shop.item_of(&seller, "말차 케이크", 5).await;
    let put = |path: String| shop.client.put(&path).bearer(&customer.token).send();
    put(format!("/api/store/stores/{store}/follow")).await.expect(StatusCode::NO_CONTENT);
    for item in [&item, &kept] {
        put(format!("/api/store/items/{}/heart", id_of(item))).await.expect(StatusCode::NO_CONTENT);
    }

    let path = format!("/api/store/stores/{store}");
    shop.client.delete(&path).bearer(&seller.token).send().await.expect(StatusCode::NO_CONTENT);

    let item_path = format!("/api/store/items/{}", id_of(&item));
    for gone in [&path, &item_path] {
        shop.client.get(gone).send().await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let list = |path: &'static str| shop.client.get(path).bearer(&customer.token).send();
    assert_eq!(names(&list("/api/store/me/follows").await.body), [] as [&str; 0]);
    assert_eq!(names(&list("/api/store/me/hearts").await.body), ["말차 케이크"]);
    assert_eq!(
        names(&list("/api/store/items?keyword=%EC%BC%80%EC%9D%B4%ED%81%AC").await.body),
        ["말차 케이크"]
    );
    assert_eq!(names(&list("/api/store/stores").await.body), ["말차 케이크 전문점"]);
    put(format!("{path}/follow")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    put(format!("{item_path}/heart")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    shop.client
        .delete(&path)
        .bearer(&seller.token)
        .send()
        .await
        .expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    assert_eq!(shop.number("SELECT COUNT(*) FROM follows").await, 0);
    assert_eq!(shop.number("SELECT COUNT(*) FROM hearts").await, 1);
    assert_eq!(shop.number("SELECT COUNT(*) FROM items WHERE deleted_at IS NOT NULL").await, 1);
}

#[sqlx::test]
async fn a_seller_sees_their_own_live_stores_page_by_page(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (seller, other) = (shop.seller(), shop.seller());
    let mut ids = Vec::new();
    for name in ["하나", "둘", "셋", "넷"] {
        ids.push(shop.store(&seller, name).await);
        shop.store(&other, &format!("남의 {name}")).await;
    }
    let closed = format!("/api/store/stores/{}", ids[1]);
    shop.client.delete(&closed).bearer(&seller.token).send().await.expect(StatusCode::NO_CONTENT);
    let list =
        |query: String| shop.client.get(&format!("/api/store/me/stores{query}")).bearer(&seller.token).send();

    let first = list("?limit=2".to_owned()).await.expect(StatusCode::OK).body;

    assert_eq!(names(&first), ["넷", "셋"]);
    shop.store(&seller, "다섯").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = list(format!("?limit=2&cursor={cursor}")).await.expect(StatusCode::OK).body;
    assert_eq!((names(&second), &second["nextCursor"]), (vec!["하나"], &Value::Null));
}
