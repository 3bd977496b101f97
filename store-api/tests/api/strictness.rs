//! Requests that are not of the shape that is documented.

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::Shop;

#[sqlx::test]
async fn fault_11_16_25_every_operation_refuses_what_is_not_documented(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (seller, customer) = (shop.seller(), shop.customer());
    testkit::check_strictness(&shop.client, &[&customer.token, &seller.token]).await;
}

#[sqlx::test]
async fn fault_10_another_shape_is_a_fault_with_its_pointer(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let item = |category: &str, options: &str| {
        format!(
            r#"{{"name": "딸기 케이크", "description": "딸기", "category": {category}, "options": {options}}}"#
        )
    };
    let option = r#"{"name": "1호", "price": 1000, "quantity": 5}"#;
    let add = async |body: String| {
        let request = shop.client.post(&format!("/api/store/stores/{store}/items")).bearer(&seller.token);
        request.bytes("application/json", body).send().await
    };
    for (category, options, pointer) in [
        (r#""CAKE""#, r#"[["1호", 1000, 5]]"#.to_owned(), "/options/0"),
        (r#""CAKE""#, option.to_owned(), "/options"),
        (r#"{"CAKE": null}"#, format!("[{option}]"), "/category"),
        (r#"{"CAKE": {}}"#, format!("[{option}]"), "/category"),
        (r#"["CAKE"]"#, format!("[{option}]"), "/category"),
        (
            r#""CAKE""#,
            r#"[{"name": "1호", "name": "2호", "price": 1000, "quantity": 5}]"#.to_owned(),
            "/options/0/name",
        ),
        (r#""CAKE""#, r#"[{"name": "1호", "price": 1e400, "quantity": 5}]"#.to_owned(), "/options/0/price"),
        (r#""CAKE""#, r#"[{"name": "1호", "price": "1000", "quantity": 5}]"#.to_owned(), "/options/0/price"),
    ] {
        let answer = add(item(category, &options)).await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), [pointer], "{options}");
    }
    let whole = r#"[{"name": "1호", "price": 1000.0, "quantity": 5e0}]"#;
    let added = add(item(r#""CAKE""#, whole)).await.expect(StatusCode::CREATED).body;
    assert_eq!((&added["options"][0]["price"], &added["options"][0]["quantity"]), (&json!(1000), &json!(5)));
}

#[sqlx::test]
async fn fault_11_12_25_queries_of_the_search(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, _) = Shop::with_item(&options, 5).await;
    for number in 0..3 {
        shop.item_of(&seller, &format!("딸기 케이크 {number}"), 5).await;
    }
    for (query, pointers) in [
        ("minPrice=-1", vec!["/minPrice"]),
        ("maxPrice=-1", vec!["/maxPrice"]),
        ("minPrice=2&maxPrice=1", vec!["/maxPrice", "/minPrice"]),
        ("keyword=%B5%FE%B1%E2&sort=cheapest", vec!["/keyword", "/sort"]),
        ("minPrice=9223372036854775808", vec!["/minPrice"]),
    ] {
        let answer = shop.get(&format!("/api/store/items?{query}")).await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
        assert_eq!(answer.fault_pointers(), pointers, "{query}");
    }
    let page = async |query: String| shop.get(&format!("/api/store/items?limit=1&{query}")).await;
    for query in
        ["keyword=딸기+케이크", "keyword=딸기%20케이크", "sort=price_asc", "sort=popular", "sort=hearts"]
    {
        let first = page(query.to_owned()).await.expect(StatusCode::OK).body;
        let cursor = first["nextCursor"].as_str().unwrap();
        let second = page(format!("{query}&cursor={cursor}")).await.expect(StatusCode::OK).body;
        assert_ne!(first["items"][0]["id"], second["items"][0]["id"], "{query}");
        assert_ne!(second["items"][0]["id"], Value::Null, "{query}");
        for other in
            ["sort=price_desc", "keyword=초코", "sort=latest", "inStock=true", "sort=price_asc&minPrice=1"]
        {
            let other = page(format!("{other}&cursor={cursor}")).await;
            other.expect_problem(StatusCode::BAD_REQUEST, "BAD_CURSOR");
        }
        let mut changed = cursor.to_owned();
        let last = if changed.pop() == Some('A') { 'E' } else { 'A' };
        changed.push(last);
        page(format!("{query}&cursor={changed}")).await.expect_problem(StatusCode::BAD_REQUEST, "BAD_CURSOR");
    }
    let plus = page("keyword=딸기+케이크".to_owned()).await.body;
    assert_eq!(plus["items"], page("keyword=딸기%20케이크".to_owned()).await.body["items"]);
}
