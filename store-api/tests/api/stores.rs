//! Opening, showing, editing and deleting stores.

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::{Shop, an_item, id_of, item_path, names};

#[sqlx::test]
async fn a_store_is_opened_shown_and_stored(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let body = json!({ "name": "  달콤상점 ", "description": "수제\n디저트", "thumbnailUrl": "https://img.example/1.jpg" });

    let opened = shop.post(&seller, "/api/store/stores", &body).await;

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
    let shown = shop.get(&location).await.expect(StatusCode::OK);
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
        shop.post(&other, "/api/store/stores", &body)
    };
    for same in ["Sweet 케이크", "sweet  케이크", "ＳＷＥＥＴ 케이크"] {
        open(same).await.expect_problem(StatusCode::CONFLICT, "STORE_NAME_TAKEN");
    }
    let path = format!("/api/store/stores/{first}");
    shop.delete(&one, &path).await.expect(StatusCode::NO_CONTENT);
    open("Sweet 케이크").await.expect(StatusCode::CREATED);
    open("Sweet 케이크").await.expect_problem(StatusCode::CONFLICT, "STORE_NAME_TAKEN");
    assert_eq!(shop.number("SELECT COUNT(*) FROM stores").await, 2);
}

#[sqlx::test]
async fn one_of_many_requests_for_a_name_gets_it(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let body = json!({ "name": "달콤상점", "description": "" });
    let sellers: Vec<_> = (0..10).map(|_| shop.seller()).collect();

    let answers =
        futures::future::join_all(sellers.iter().map(|seller| shop.post(seller, "/api/store/stores", &body)))
            .await;

    let opened = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert_eq!(opened, 1);
    assert!(
        answers.iter().all(|answer| [StatusCode::CREATED, StatusCode::CONFLICT].contains(&answer.status))
    );
    assert_eq!(shop.number("SELECT COUNT(*) FROM stores").await, 1);
}

#[sqlx::test]
async fn an_edit_changes_only_the_members_that_it_names(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let body =
        json!({ "name": "달콤상점", "description": "수제", "thumbnailUrl": "https://img.example/1.jpg" });
    let opened = shop.post(&seller, "/api/store/stores", &body).await.body;
    let path = format!("/api/store/stores/{}", id_of(&opened));
    let edit = |body: Value| shop.patch(&seller, &path, &body);
    shop.clock_control.advance(std::time::Duration::from_secs(60));

    let renamed = edit(json!({ "name": "달콤상점 본점" })).await.expect(StatusCode::OK);

    assert_eq!(renamed.header("etag"), "\"2\"");
    let mut expected = opened.clone();
    expected["name"] = "달콤상점 본점".into();
    expected["updatedAt"] = "2026-11-22T09:01:00Z".into();
    assert_eq!(renamed.body, expected);
    let cleared = edit(json!({ "thumbnailUrl": null })).await.expect(StatusCode::OK).body;
    assert_eq!((&cleared["thumbnailUrl"], &cleared["name"]), (&Value::Null, &expected["name"]));
    assert_eq!(shop.get(&path).await.body, cleared);
}

#[sqlx::test]
async fn fault_24_a_store_can_be_edited_and_keep_its_name(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    shop.store(&seller, "쓴상점").await;
    let path = format!("/api/store/stores/{store}");
    let edit = |name: &'static str| {
        let body = json!({ "name": name, "description": "새 소개" });
        shop.patch(&seller, &path, &body)
    };
    assert_eq!(edit("달콤상점").await.expect(StatusCode::OK).body["description"], "새 소개");
    edit("쓴상점").await.expect_problem(StatusCode::CONFLICT, "STORE_NAME_TAKEN");
}

#[sqlx::test]
async fn an_edit_by_an_old_version_is_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
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
    assert_eq!(shop.get(&path).await.body["description"], "셋째");
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
    let before = shop.get(&path).await.body;

    let body = json!({ "name": "도둑" });
    shop.patch(&thief, &path, &body).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    shop.delete(&thief, &path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let item = an_item("가짜", &[("1호", 1, 1)]);
    let items = format!("{path}/items");
    shop.post(&thief, &items, &item).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let with_owner = json!({ "name": "도둑", "sellerId": owner.id.0 });
    let refused = shop.patch(&thief, &path, &with_owner).await;
    assert_eq!(
        refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED").fault_pointers(),
        ["/sellerId"]
    );

    assert_eq!(shop.get(&path).await.body, before);
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
    let put = |path: String| shop.put(&customer, &path);
    put(format!("/api/store/stores/{store}/follow")).await.expect(StatusCode::NO_CONTENT);
    for item in [&item, &kept] {
        put(format!("/api/store/items/{}/heart", id_of(item))).await.expect(StatusCode::NO_CONTENT);
    }

    let path = format!("/api/store/stores/{store}");
    shop.delete(&seller, &path).await.expect(StatusCode::NO_CONTENT);

    let item_path = item_path(&item);
    for gone in [&path, &item_path] {
        shop.get(gone).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let list = |path: &'static str| shop.get_as(&customer, path);
    assert_eq!(names(&list("/api/store/me/follows").await.body), [] as [&str; 0]);
    assert_eq!(names(&list("/api/store/me/hearts").await.body), ["말차 케이크"]);
    assert_eq!(
        names(&list("/api/store/items?keyword=%EC%BC%80%EC%9D%B4%ED%81%AC").await.body),
        ["말차 케이크"]
    );
    assert_eq!(names(&list("/api/store/stores").await.body), ["말차 케이크 전문점"]);
    put(format!("{path}/follow")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    put(format!("{item_path}/heart")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    shop.delete(&seller, &path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
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
    shop.delete(&seller, &closed).await.expect(StatusCode::NO_CONTENT);
    let list = |query: String| shop.get_as(&seller, &format!("/api/store/me/stores{query}"));

    let first = list("?limit=2".to_owned()).await.expect(StatusCode::OK).body;

    assert_eq!(names(&first), ["넷", "셋"]);
    shop.store(&seller, "다섯").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = list(format!("?limit=2&cursor={cursor}")).await.expect(StatusCode::OK).body;
    assert_eq!((names(&second), &second["nextCursor"]), (vec!["하나"], &Value::Null));
}
