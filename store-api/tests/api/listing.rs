//! Finding stores and items.

use http::StatusCode;
use serde_json::Value;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use store_api::search::index_changes;
use unicode_normalization::UnicodeNormalization;

use crate::shop::{Shop, an_item, id_of, item_path, names};

async fn found(shop: &Shop, query: &str) -> Vec<String> {
    let page = shop.get(&format!("/api/store/items?{query}")).await.expect(StatusCode::OK).body;
    names(&page).into_iter().map(str::to_owned).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn catalogue(shop: &Shop) {
    let seller = shop.seller();
    let store = shop.store(&seller, "달콤상점").await;
    for (name, category, price, pieces) in [
        ("딸기 생크림 케이크", "CAKE", 32_000, 3),
        ("초코 케이크", "CAKE", 28_000, 0),
        ("Chocolate Cookie 5kg", "COOKIE", 9_000, 10),
        ("100% 통밀빵", "BREAD", 6_000, 4),
    ] {
        let mut body = an_item(name, &[("기본", price, pieces)]);
        body["category"] = category.into();
        shop.item(&seller, &store, &body).await;
    }
}

#[sqlx::test]
async fn items_are_found_by_part_of_a_word_whatever_the_case_or_width(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    catalogue(&shop).await;
    for (keyword, expected) in [
        ("케이크", &["초코 케이크", "딸기 생크림 케이크"][..]),
        ("케이크 딸기", &["딸기 생크림 케이크"]),
        ("크림", &["딸기 생크림 케이크"]),
        ("빵", &["100% 통밀빵"]),
        ("CHOCO", &["Chocolate Cookie 5kg"]),
        ("ｃｏｏｋ", &["Chocolate Cookie 5kg"]),
        ("5KG", &["Chocolate Cookie 5kg"]),
        ("00%", &["100% 통밀빵"]),
        ("%", &["100% 통밀빵"]),
        ("_", &[]),
        ("마카롱", &[]),
        ("' OR 1=1 --", &[]),
    ] {
        assert_eq!(found(&shop, &format!("keyword={}", encoded(keyword))).await, expected, "{keyword}");
    }
}

#[sqlx::test]
async fn decomposed_and_composed_hangul_find_each_other(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    let store = shop.store(&seller, &"쑥 연구소".nfd().collect::<String>()).await;
    // Decomposed, as macOS writes file names, and composed.
    let names: [String; 2] = ["쑥 케이크".nfd().collect(), "쑥 케이크 둘".nfc().collect()];
    for name in &names {
        shop.item(&seller, &store, &an_item(name, &[("기본", 1_000, 1)])).await;
    }
    for is_indexed in [false, true] {
        if is_indexed {
            index_changes(&shop.database).await.unwrap();
        }
        for keyword in ["쑥", "케이", "이크 쑥"] {
            for keyword in [keyword.nfc().collect::<String>(), keyword.nfd().collect()] {
                let found = found(&shop, &format!("keyword={}", encoded(&keyword))).await;
                // Names are kept composed.
                assert_eq!(
                    found,
                    ["쑥 케이크 둘", "쑥 케이크"].map(|name| name.nfc().collect::<String>()),
                    "{keyword}, {is_indexed}"
                );
            }
        }
        let stores = format!("/api/store/stores?keyword={}", encoded("쑥 연구"));
        let stores = shop.get(&stores).await.expect(StatusCode::OK).body;
        assert_eq!(stores["items"][0]["id"], store, "{is_indexed}");
    }
    let again = shop.client.post(&format!("/api/store/stores/{store}/items")).bearer(&seller.token);
    let again = again.json(&an_item("쑥 케이크", &[("기본", 1_000, 1)])).send().await;
    again.expect_problem(StatusCode::CONFLICT, "ITEM_NAME_TAKEN");
}

#[sqlx::test]
async fn deleted_items_and_stores_are_in_no_list(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (seller, customer) = (shop.seller(), shop.customer());
    let (closed, open) = (shop.store(&seller, "닫는 상점").await, shop.store(&seller, "여는 상점").await);
    let price = [("기본", 3_000, 2)];
    let gone = shop.item(&seller, &closed, &an_item("딸기 케이크", &price)).await;
    let deleted = shop.item(&seller, &open, &an_item("딸기 쿠키", &price)).await;
    for item in [&gone, &deleted] {
        let heart = format!("/api/store/items/{}/heart", id_of(item));
        shop.put(&customer, &heart).await.expect(StatusCode::NO_CONTENT);
    }
    // The index knows both items, and learns only later that they are deleted.
    index_changes(&shop.database).await.unwrap();
    for path in [format!("/api/store/stores/{closed}"), item_path(&deleted)] {
        shop.delete(&seller, &path).await.expect(StatusCode::NO_CONTENT);
    }
    let strawberry = encoded("딸기");
    for is_indexed in [false, true] {
        if is_indexed {
            index_changes(&shop.database).await.unwrap();
        }
        for query in [
            String::new(),
            format!("keyword={strawberry}"),
            format!("keyword={strawberry}&sort=price_asc&inStock=true"),
            "category=CAKE".to_owned(),
            "inStock=true&sort=hearts".to_owned(),
            "minPrice=1&maxPrice=5000&sort=popular".to_owned(),
            format!("storeId={closed}"),
            format!("storeId={open}"),
            "sort=hearts".to_owned(),
            "sort=price_desc".to_owned(),
        ] {
            assert_eq!(found(&shop, &query).await, [] as [&str; 0], "{query}, {is_indexed}");
        }
        for (path, left) in [
            ("/api/store/stores".to_owned(), 1),
            (format!("/api/store/stores?keyword={}", encoded("상점")), 1),
            (format!("/api/store/stores?keyword={}", encoded("닫는")), 0),
            ("/api/store/me/hearts".to_owned(), 0),
        ] {
            let page = shop.get_as(&customer, &path).await.expect(StatusCode::OK).body;
            assert_eq!(names(&page).len(), left, "{path}, {is_indexed}");
        }
    }
}

#[sqlx::test]
async fn filters_and_sorts_combine(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    catalogue(&shop).await;
    for (query, expected) in [
        ("category=CAKE&sort=price_asc", &["초코 케이크", "딸기 생크림 케이크"][..]),
        ("category=CAKE&inStock=true", &["딸기 생크림 케이크"]),
        ("minPrice=9000&maxPrice=28000", &["Chocolate Cookie 5kg", "초코 케이크"]),
        ("sort=price_desc&inStock=true", &["딸기 생크림 케이크", "Chocolate Cookie 5kg", "100% 통밀빵"]),
        ("storeId=00000000-0000-0000-0000-000000000000", &[]),
    ] {
        assert_eq!(found(&shop, query).await, expected, "{query}");
    }
}

#[sqlx::test]
async fn every_sort_pages_without_gap_or_repeat_while_items_come(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    for n in 0..9_i64 {
        let price = 1_000 + n % 3;
        shop.item(&seller, &store, &an_item(&format!("{n}번"), &[("기본", price, 1)])).await;
    }
    sqlx::query("UPDATE items SET hearts = number % 2, sold = number % 4").execute(&shop.rows).await.unwrap();
    for (turn, sort) in ["latest", "popular", "hearts", "price_asc", "price_desc"].into_iter().enumerate() {
        let whole = found(&shop, &format!("limit=100&sort={sort}")).await;
        let mut seen = Vec::new();
        let mut query = format!("?limit=2&sort={sort}");
        for pages in 0.. {
            assert!(pages < 100, "the list does not end");
            let page = shop.get(&format!("/api/store/items{query}")).await.expect(StatusCode::OK).body;
            seen.extend(names(&page).into_iter().map(str::to_owned));
            if seen.len() == 4 {
                // The new item comes before all items shown so far, or after them. Neither changes the next page.
                shop.item(&seller, &store, &an_item(&format!("새것 {turn}"), &[("기본", 1, 1)])).await;
            }
            let Value::String(cursor) = &page["nextCursor"] else { break };
            query = format!("?limit=2&sort={sort}&cursor={cursor}");
        }
        seen.retain(|name| *name != format!("새것 {turn}"));
        assert_eq!(seen, whole, "{sort}");
    }
}

#[sqlx::test]
async fn a_cursor_of_another_sort_filter_or_list_is_refused(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    catalogue(&shop).await;
    let page = shop.get("/api/store/items?limit=1").await.body;
    let cursor = page["nextCursor"].as_str().unwrap();
    for path in [
        format!("/api/store/items?sort=hearts&cursor={cursor}"),
        format!("/api/store/items?category=CAKE&cursor={cursor}"),
        format!("/api/store/stores?cursor={cursor}"),
    ] {
        shop.get(&path).await.expect_problem(StatusCode::BAD_REQUEST, "BAD_CURSOR");
    }
    // The limit may change, and a default may be named.
    for same in ["limit=2", "sort=latest&inStock=false"] {
        let path = format!("/api/store/items?{same}&cursor={cursor}");
        shop.get(&path).await.expect(StatusCode::OK);
    }
}

#[sqlx::test]
async fn stores_are_found_and_sorted(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (seller, customer) = (shop.seller(), shop.customer());
    let mut ids = Vec::new();
    for name in ["나무 베이커리", "가을 베이커리", "다람쥐 상점"] {
        ids.push(shop.store(&seller, name).await);
    }
    let follow = format!("/api/store/stores/{}/follow", ids[1]);
    shop.put(&customer, &follow).await.expect(StatusCode::NO_CONTENT);
    let found = |query: String| {
        let shop = &shop;
        async move {
            let page = shop.get(&format!("/api/store/stores?{query}")).await.expect(StatusCode::OK).body;
            names(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
        }
    };
    assert_eq!(found(String::new()).await, ["다람쥐 상점", "가을 베이커리", "나무 베이커리"]);
    assert_eq!(found("sort=name".to_owned()).await, ["가을 베이커리", "나무 베이커리", "다람쥐 상점"]);
    assert_eq!(found("sort=followers".to_owned()).await, ["가을 베이커리", "다람쥐 상점", "나무 베이커리"]);
    assert_eq!(
        found(format!("sort=name&keyword={}", encoded("베이"))).await,
        ["가을 베이커리", "나무 베이커리"]
    );

    let first = shop.get("/api/store/stores?sort=name&limit=1").await.body;
    let cursor = first["nextCursor"].as_str().unwrap();
    assert_eq!(found(format!("sort=name&cursor={cursor}")).await, ["나무 베이커리", "다람쥐 상점"]);
}
