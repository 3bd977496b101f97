//! Words that are written together and apart, with accents and without, find each other; and the index of an older form is
//! made anew.

use http::StatusCode;
use serde_json::Value;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::search::{ItemSort, RebuildError, StoreSort, index_changes, rebuild, renew};
use strum::VariantArray;

use crate::search::index;
use crate::shop::{Person, Shop, an_item, names};

/// Spellings of the same four words.
const SPELLINGS: [&str; 4] =
    ["딸기 생크림 케이크", "딸기 생크림케이크", "딸기생크림 케이크", "딸기생크림케이크"];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The names on all pages of a list, page by page.
async fn found(shop: &Shop, list: &str, keyword: &str, query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    for _ in 0..100 {
        let path = format!("/api/store/{list}?keyword={}&{query}{cursor}", encoded(keyword));
        let page = shop.get(&path).await.expect(StatusCode::OK).body;
        found.extend(names(&page).into_iter().map(str::to_owned));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
    panic!("{list} does not end: {keyword} {query}");
}

/// Lists items of these names, of which each has these words in its description.
async fn list(shop: &Shop, seller: &Person, store: &str, items: &[(&str, &str)]) {
    for (name, description) in items {
        let mut body = an_item(name, &[("기본", 1_000, 1)]);
        body["description"] = (*description).into();
        shop.item(seller, store, &body).await;
    }
}

fn wire<T: serde::Serialize>(sort: T) -> String {
    let Value::String(name) = serde_json::to_value(sort).unwrap() else { panic!("no name") };
    name
}

#[sqlx::test]
async fn each_spelling_of_an_item_finds_the_others_and_itself_first(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let mut items: Vec<(&str, &str)> = SPELLINGS.map(|name| (name, "촉촉해요")).to_vec();
    items.extend([
        ("말차 롤", "딸기 생크림 케이크와 함께"),
        ("홍차 롤", "딸기생크림케이크와 함께"),
        ("생크림 타르트", "딸기 케이크가 아닙니다"),
        ("크림 케이크", "생일 딸기"),
    ]);
    list(&shop, &seller, &store, &items).await;
    for is_indexed in [false, true] {
        if is_indexed {
            index_changes(&shop.database).await.unwrap();
        }
        for sort in ItemSort::VARIANTS {
            let query = format!("limit=1&sort={}", wire(sort));
            for spelling in SPELLINGS {
                let found = found(&shop, "items", spelling, &query).await;
                assert_eq!(found.len(), if spelling == SPELLINGS[0] { 7 } else { 6 }, "{query}: {found:?}");
                assert_eq!(found[0], spelling, "{query}");
                let first: Vec<&str> = found[..4].iter().map(String::as_str).collect();
                assert!(SPELLINGS.iter().all(|other| first.contains(other)), "{query}: {found:?}");
                let in_description = if spelling == SPELLINGS[0] { "말차 롤" } else { found[4].as_str() };
                assert_eq!(found[4], in_description, "{query}");
            }
            let part = found(&shop, "items", "생크림케이크", &query).await;
            assert_eq!(part.len(), 6, "{query}: {part:?}");
            assert!(
                ["딸기 생크림케이크", "딸기생크림케이크"].contains(&part[0].as_str()),
                "{query}: {part:?}"
            );
            assert!(
                ["딸기 생크림케이크", "딸기생크림케이크"].contains(&part[1].as_str()),
                "{query}: {part:?}"
            );
            assert_eq!(part[4], "홍차 롤", "{query}");
            assert_eq!(found(&shop, "items", "딸기\u{3000}\u{A0} 생크림 케이크 ", &query).await.len(), 7);
            for nothing in ["케이크생크림", "생크림이크", "딸크케", "롤딸기", "-", "_"] {
                assert_eq!(found(&shop, "items", nothing, &query).await, [""; 0], "{nothing}");
            }
            assert_eq!(found(&shop, "items", " \u{3000} ", &query).await.len(), items.len());
        }
    }
}

#[sqlx::test]
async fn the_price_comes_before_the_spelling(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    for (name, price) in
        [("쌀 케이크", 3_000), ("쌀케이크", 2_000), ("쌀 케이크 대", 2_000), ("쌀케이크 소", 1_000)]
    {
        shop.item(&seller, &store, &an_item(name, &[("기본", price, 1)])).await;
    }
    let cheapest = ["쌀케이크 소", "쌀 케이크 대", "쌀케이크", "쌀 케이크"];
    let dearest = ["쌀 케이크", "쌀 케이크 대", "쌀케이크", "쌀케이크 소"];
    for _ in 0..2 {
        assert_eq!(found(&shop, "items", "쌀 케이크", "sort=price_asc").await, cheapest);
        assert_eq!(found(&shop, "items", "쌀 케이크", "sort=price_desc&limit=1").await, dearest);
        index_changes(&shop.database).await.unwrap();
    }
}

#[sqlx::test]
async fn each_spelling_of_a_store_finds_the_others_and_itself_first(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    for name in
        ["성수 달콤 상점", "성수 달콤상점", "성수달콤 상점", "성수달콤상점", "달콤한 성수", "Café Sweet Lab"]
    {
        shop.store(&seller, name).await;
    }
    for _ in 0..2 {
        for sort in StoreSort::VARIANTS {
            let query = format!("limit=1&sort={}", wire(sort));
            for spelling in ["성수 달콤 상점", "성수 달콤상점", "성수달콤 상점", "성수달콤상점"]
            {
                let found = found(&shop, "stores", spelling, &query).await;
                assert_eq!(found.len(), 4, "{spelling} {query}: {found:?}");
                assert!(*sort == StoreSort::Name || found[0] == spelling, "{spelling} {query}: {found:?}");
            }
            for keyword in ["cafe", "CAFÉ", "sweetlab", "sweet lab", "cafesweetlab", "Café-Sweet"] {
                assert_eq!(found(&shop, "stores", keyword, &query).await, ["Café Sweet Lab"], "{keyword}");
            }
            for nothing in ["상점성수", "수달상", "weetlab", "sweetcafe", "--"] {
                assert_eq!(found(&shop, "stores", nothing, &query).await, [""; 0], "{nothing}");
            }
        }
        index_changes(&shop.database).await.unwrap();
    }
}

#[sqlx::test]
async fn an_edit_changes_what_each_spelling_finds(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let item = shop.item(&seller, &store, &an_item("쑥 떡, Crème brûlée", &[("기본", 1_000, 1)])).await;
    index_changes(&shop.database).await.unwrap();
    for keyword in ["쑥떡", "creme", "brulee", "cremebrulee"] {
        assert_eq!(found(&shop, "items", keyword, "").await.len(), 1, "{keyword}");
    }
    let path = crate::shop::item_path(&item);
    let name = serde_json::json!({ "name": "쑥 카스텔라" });
    shop.patch(&seller, &path, &name).await.expect(StatusCode::OK);
    for _ in 0..2 {
        for keyword in ["쑥떡", "creme", "brulee", "cremebrulee"] {
            assert_eq!(found(&shop, "items", keyword, "").await, [""; 0], "{keyword}");
        }
        assert_eq!(found(&shop, "items", "쑥카스텔라", "").await.len(), 1);
        index_changes(&shop.database).await.unwrap();
    }
    let known = index(&shop).await;
    rebuild(&shop.database, |_, _, _| {}).await.unwrap();
    assert_eq!(known, index(&shop).await, "nothing is left of the old name");
}

/// Leaves of the index what a build of the form 1 has written: only words, as they are written.
async fn make_form_1(shop: &Shop) {
    sqlx::query("DELETE FROM search_blocks WHERE SUBSTRING(term, 2, 1) IN ('w', 'x', 'y', 'z')")
        .execute(&shop.rows)
        .await
        .unwrap();
    sqlx::query("DELETE FROM search_index").execute(&shop.rows).await.unwrap();
    sqlx::query(include_str!("../../migrations/0062_search_index_row.sql"))
        .execute(&shop.rows)
        .await
        .unwrap();
    assert_eq!(shop.number("SELECT CAST(form AS SIGNED) FROM search_index").await, 1);
}

#[sqlx::test]
async fn an_index_of_an_older_form_is_made_anew_once_before_it_is_read(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    assert_eq!(shop.number("SELECT CAST(form AS SIGNED) FROM search_index").await, 2, "an empty one is new");
    assert_eq!(
        shop.number("SELECT COUNT(*) FROM search_writer").await,
        0,
        "builds of the form 1 write nothing"
    );
    sqlx::query("ALTER TABLE items AUTO_INCREMENT = 65535").execute(&shop.rows).await.unwrap();
    let seller = shop.seller();
    let store = shop.store(&seller, "달콤상점").await;
    list(&shop, &seller, &store, &SPELLINGS.map(|name| (name, "Café"))).await;
    index_changes(&shop.database).await.unwrap();
    let known = index(&shop).await;
    make_form_1(&shop).await;
    list(&shop, &seller, &store, &[("쑥 떡", "")]).await;
    assert_eq!(index_changes(&shop.database).await.unwrap(), 0, "another form is not written");
    let other = Shop::open(&options);
    let (one, two) = tokio::join!(renew(&shop.database), renew(&other.database));
    one.unwrap();
    two.unwrap();
    index_changes(&shop.database).await.unwrap();
    assert_eq!(shop.number("SELECT COUNT(*) FROM search_changes").await, 0);
    let left = "SELECT CAST(item_blocks_left + store_blocks_left AS SIGNED) FROM search_index";
    assert_eq!(shop.number(left).await, 0);
    let renewed = index(&shop).await;
    assert!(known.keys().all(|term| renewed.contains_key(term)), "every term is there again");
    rebuild(&shop.database, |_, _, _| {}).await.unwrap();
    assert_eq!(renewed, index(&shop).await);

    // What was done stays done: a process has ended when one of two blocks was left.
    make_form_1(&shop).await;
    sqlx::query("UPDATE search_index SET form = 2, item_blocks_left = 1").execute(&shop.rows).await.unwrap();
    renew(&shop.database).await.unwrap();
    let blocks: Vec<u32> = sqlx::query_scalar(
        "SELECT DISTINCT CAST(block AS UNSIGNED) FROM search_blocks WHERE term = 'iy기 생'",
    )
    .fetch_all(&shop.rows)
    .await
    .unwrap();
    assert_eq!(blocks, [0], "the other block was not made anew");
}

#[sqlx::test]
async fn a_build_leaves_the_index_of_a_newer_form_alone(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    list(&shop, &seller, &store, &[("쑥 떡", "")]).await;
    sqlx::query("UPDATE search_index SET form = 3, item_blocks_left = 1").execute(&shop.rows).await.unwrap();
    renew(&shop.database).await.unwrap();
    assert_eq!(index_changes(&shop.database).await.unwrap(), 0);
    let refused = rebuild(&shop.database, |_, _, _| {}).await;
    assert!(matches!(refused, Err(RebuildError::NewerForm)), "{refused:?}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM search_blocks").await, 0);
    assert_eq!(found(&shop, "items", "쑥떡", "").await, ["쑥 떡"], "the changes are still read");
}
