//! Requests that are not of the shape that is documented.

use access::Role;
use http::StatusCode;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::support::World;

#[sqlx::test(migrations = "./migrations")]
async fn fault_11_16_25_every_operation_refuses_what_is_not_documented(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(0).await;
    let (seller, admin) = (world.token(&customer, Role::Seller), world.token(&customer, Role::Admin));
    let tokens = [&customer, &seller, &admin].map(|member| member.token.as_str());
    testkit::check_strictness(&world.orders, &tokens).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_12_25_a_payout_is_of_days_that_end_after_they_start(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let seller = world.token(&world.customer(0).await, Role::Seller);
    let ask = async |from: &str, to: &str| {
        let request =
            world.orders.post("/api/order/payouts").bearer(&seller.token).key(&format!("{from}{to}"));
        request.json(&json!({ "from": from, "to": to })).send().await
    };
    let refused = ask("2026-11-02", "2026-11-01").await;
    let refused = refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(refused.fault_pointers(), ["/to"]);
    for (from, to) in [("2026-11-01", "2026-11-01"), ("1900-01-01", "9998-12-31")] {
        let _ = ask(from, to).await.expect_problem(StatusCode::CONFLICT, "NOTHING_TO_PAY");
    }
    let refused = ask("0001-01-01", "9999-12-31").await;
    let refused = refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(refused.fault_pointers(), ["/from", "/to"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_12_days_at_the_edge_of_what_is_taken_are_asked_for(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options).await;
    let customer = world.customer(0).await;
    for (role, list) in [(Role::Customer, "orders"), (Role::Seller, "sales"), (Role::Seller, "settlements")] {
        let token = world.token(&customer, role).token;
        let path = format!("/api/order/{list}?from=1900-01-01&to=9998-12-31");
        world.orders.get(&path).bearer(&token).send().await.expect(StatusCode::OK);
        for day in ["1899-12-31", "9999-01-01", "-0001-01-01", "0000-00-00", "99999-01-01", ""] {
            let answer =
                world.orders.get(&format!("/api/order/{list}?from={day}")).bearer(&token).send().await;
            let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
            assert_eq!(answer.fault_pointers(), ["/from"], "{day}");
        }
    }
}
