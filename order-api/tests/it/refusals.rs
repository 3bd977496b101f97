//! Which role may call which operation, and the OpenAPI document.

use access::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::support::World;

/// Every operation: method, path, and the role that may call it.
fn operations() -> Vec<(Method, String, Role)> {
    let id = Uuid::from_u128(1);
    [
        (Method::GET, "cart".to_owned(), Role::Customer),
        (Method::DELETE, "cart".to_owned(), Role::Customer),
        (Method::POST, "cart/acknowledgements".to_owned(), Role::Customer),
        (Method::POST, "cart/lines".to_owned(), Role::Customer),
        (Method::PUT, format!("cart/lines/{id}"), Role::Customer),
        (Method::DELETE, format!("cart/lines/{id}"), Role::Customer),
        (Method::POST, "orders".to_owned(), Role::Customer),
        (Method::GET, "orders".to_owned(), Role::Customer),
        (Method::GET, format!("orders/{id}"), Role::Customer),
        (Method::POST, format!("lines/{id}/cancel"), Role::Customer),
        (Method::POST, format!("lines/{id}/refund-request"), Role::Customer),
        (Method::DELETE, format!("lines/{id}/refund-request"), Role::Customer),
        (Method::GET, "sales".to_owned(), Role::Seller),
        (Method::POST, format!("sales/{id}/refund/accept"), Role::Seller),
        (Method::POST, format!("sales/{id}/refund/reject"), Role::Seller),
        (Method::GET, "settlements".to_owned(), Role::Seller),
        (Method::POST, "payouts".to_owned(), Role::Seller),
        (Method::GET, "payouts".to_owned(), Role::Seller),
        (Method::POST, "settlement-runs".to_owned(), Role::Admin),
        (Method::GET, "settlement-runs".to_owned(), Role::Admin),
    ]
    .map(|(method, path, role)| (method, format!("/api/order/{path}"), role))
    .into()
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_16_each_operation_is_for_one_role_and_for_nobody_without_a_token(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let member = world.customer(0).await;
    for (method, path, role) in operations() {
        // A new key each time, because a refusal is stored with its key too.
        let request = || {
            let key = Uuid::new_v4().to_string();
            world.orders.request(method.clone(), &path).key(&key).json(&json!({ "reason": "x" }))
        };
        let _ = request().send().await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        let forged = request().bearer("eyJhbGciOiJub25lIn0.e30.").send().await;
        let _ = forged.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        for other in [Role::Customer, Role::Seller, Role::Admin] {
            let answer = request().bearer(&world.token(&member, other).token).send().await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, other != role, "{method} {path} as {other:?}: {}", answer.status);
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_order_needs_a_key(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let customer = world.customer(0).await;
    let request = || world.orders.post("/api/order/orders").bearer(&customer.token).json(&json!({}));
    let _ = request().send().await.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING");
    let _ =
        request().key("a b").send().await.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID");
}

#[sqlx::test(migrations = "./migrations")]
async fn every_operation_is_documented_with_its_refusals(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let document = world.orders.get("/openapi.json").send().await.expect(StatusCode::OK).body;
    let id = Uuid::from_u128(1).to_string();
    let mut documented = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            documented += 1;
            let concrete: String = path
                .split('/')
                .map(|part| if part.starts_with('{') { &id } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let known = operations()
                .into_iter()
                .any(|(known, route, _)| known.as_str().eq_ignore_ascii_case(method) && route == concrete);
            assert!(known, "{method} {path} is not tested for who may call it");
            assert_eq!(operation["security"], json!([{ "bearer": [] }]), "{method} {path}");
            assert!(operation["summary"].is_string() && operation["operationId"].is_string());
            for status in ["401", "403", "500", "503"] {
                let description = &operation["responses"][status]["description"];
                assert!(
                    description.as_str().is_some_and(|text| text.contains('`')),
                    "{method} {path} {status}"
                );
            }
        }
    }
    assert_eq!(documented, operations().len());
    assert_ne!(document["components"]["schemas"]["Problem"], Value::Null);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    // The schema has the bounds of the validation.
    let quantity = &document["components"]["schemas"]["Quantity"];
    assert_eq!((&quantity["minimum"], &quantity["maximum"]), (&json!(1), &json!(999)));
}

#[sqlx::test(migrations = "./migrations")]
async fn an_unknown_path_or_method_is_a_problem(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let _ = world
        .orders
        .get("/api/order/nothing")
        .send()
        .await
        .expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let answer = world.orders.patch("/api/order/cart").send().await;
    let _ = answer.expect_problem(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED");
}
