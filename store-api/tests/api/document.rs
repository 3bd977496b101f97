//! The OpenAPI document.

use http::StatusCode;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::Shop;

#[sqlx::test]
async fn every_public_operation_is_documented_and_no_internal_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let document = shop.get("/openapi.json").await.expect(StatusCode::OK).body;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
            assert!(operation["responses"]["500"].is_object(), "{method} {path}");
            operations.push(format!("{} {path}{}", method.to_uppercase(), bearer_mark(operation)));
        }
    }
    operations.sort();
    assert_eq!(
        operations,
        [
            "DELETE /api/store/items/{itemId} (bearer)",
            "DELETE /api/store/items/{itemId}/heart (bearer)",
            "DELETE /api/store/items/{itemId}/options/{optionId} (bearer)",
            "DELETE /api/store/stores/{storeId} (bearer)",
            "DELETE /api/store/stores/{storeId}/follow (bearer)",
            "GET /api/store/items",
            "GET /api/store/items/{itemId}",
            "GET /api/store/me/follows (bearer)",
            "GET /api/store/me/hearts (bearer)",
            "GET /api/store/me/stores (bearer)",
            "GET /api/store/stores",
            "GET /api/store/stores/{storeId}",
            "PATCH /api/store/items/{itemId} (bearer)",
            "PATCH /api/store/items/{itemId}/options/{optionId} (bearer)",
            "PATCH /api/store/stores/{storeId} (bearer)",
            "POST /api/store/items/{itemId}/options (bearer)",
            "POST /api/store/stores (bearer)",
            "POST /api/store/stores/{storeId}/items (bearer)",
            "PUT /api/store/items/{itemId}/heart (bearer)",
            "PUT /api/store/stores/{storeId}/follow (bearer)",
        ]
    );
    let schemas = &document["components"]["schemas"];
    for (schema, required) in [("Store", 8), ("ListedItem", 13), ("Option", 4), ("Problem", 4)] {
        assert_eq!(schemas[schema]["required"].as_array().map(Vec::len), Some(required), "{schema}");
    }
}

fn bearer_mark(operation: &serde_json::Value) -> &'static str {
    if operation["security"][0]["bearer"].is_array() { " (bearer)" } else { "" }
}
