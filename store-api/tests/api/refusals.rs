//! Requests that routes refuse: without a token, with another role, with bad parameters.

use http::{Method, StatusCode};
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::Shop;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn guarded() -> Vec<(Method, String, bool)> {
    let is_sellers = true;
    vec![
        (Method::POST, "/api/store/stores".to_owned(), is_sellers),
        (Method::PATCH, format!("/api/store/stores/{ID}"), is_sellers),
        (Method::DELETE, format!("/api/store/stores/{ID}"), is_sellers),
        (Method::GET, "/api/store/me/stores".to_owned(), is_sellers),
        (Method::POST, format!("/api/store/stores/{ID}/items"), is_sellers),
        (Method::PATCH, format!("/api/store/items/{ID}"), is_sellers),
        (Method::DELETE, format!("/api/store/items/{ID}"), is_sellers),
        (Method::POST, format!("/api/store/items/{ID}/options"), is_sellers),
        (Method::PATCH, format!("/api/store/items/{ID}/options/{ID}"), is_sellers),
        (Method::DELETE, format!("/api/store/items/{ID}/options/{ID}"), is_sellers),
        (Method::PUT, format!("/api/store/stores/{ID}/follow"), !is_sellers),
        (Method::DELETE, format!("/api/store/stores/{ID}/follow"), !is_sellers),
        (Method::GET, "/api/store/me/follows".to_owned(), !is_sellers),
        (Method::PUT, format!("/api/store/items/{ID}/heart"), !is_sellers),
        (Method::DELETE, format!("/api/store/items/{ID}/heart"), !is_sellers),
        (Method::GET, "/api/store/me/hearts".to_owned(), !is_sellers),
    ]
}

#[sqlx::test]
async fn fault_16_every_guarded_route_asks_for_its_very_role(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (seller, customer, admin) = (shop.seller(), shop.customer(), shop.person(access::Role::Admin));
    for (method, path, is_sellers) in guarded() {
        let call = |token: Option<String>| {
            let request = shop.client.request(method.clone(), &path).json(&json!({}));
            match token {
                Some(token) => request.bearer(&token).send(),
                None => request.send(),
            }
        };
        call(None).await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        call(Some("nonsense".to_owned())).await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        let wrong = if is_sellers { &customer } else { &seller };
        call(Some(wrong.token.clone())).await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
        call(Some(admin.token.clone())).await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
}

#[sqlx::test]
async fn parameters_are_checked(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    for (path, code) in [
        ("/api/store/stores/not-an-id", "INVALID_PARAMETER"),
        ("/api/store/items/1", "INVALID_PARAMETER"),
        ("/api/store/items?limit=0", "INVALID_PARAMETER"),
        ("/api/store/items?limit=101", "INVALID_PARAMETER"),
        ("/api/store/items?sort=cheapest", "INVALID_PARAMETER"),
        ("/api/store/items?category=PIZZA", "INVALID_PARAMETER"),
        ("/api/store/items?minPrice=1.5", "INVALID_PARAMETER"),
        ("/api/store/items?inStock=maybe", "INVALID_PARAMETER"),
        ("/api/store/items?storeId=1", "INVALID_PARAMETER"),
        ("/api/store/items?color=red", "INVALID_PARAMETER"),
        ("/api/store/items?cursor=made-up", "BAD_CURSOR"),
        ("/api/store/stores?sort=popular", "INVALID_PARAMETER"),
        ("/api/store/stores?cursor=e30", "BAD_CURSOR"),
        ("/api/store/me/stores?cursor=e30", "BAD_CURSOR"),
    ] {
        let answer = shop.get_as(&seller, path).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, code);
    }
    let long = format!("/api/store/items?keyword={}", "a".repeat(101));
    shop.get(&long).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
}
