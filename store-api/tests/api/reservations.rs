//! Stock for orders: reserve, confirm, release, expire, restock.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::stock;
use uuid::Uuid;

use crate::shop::{Shop, Stock, an_item, id_of, option_id};

const ORDER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
const OTHER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);

async fn two_options(shop: &Shop) -> (Uuid, Uuid) {
    let seller = shop.seller();
    let store = shop.store(&seller, "달콤상점").await;
    let item =
        shop.item(&seller, &store, &an_item("케이크", &[("1호", 30_000, 5), ("2호", 40_000, 2)])).await;
    (option_id(&item, 0), option_id(&item, 1))
}

async fn status_of(shop: &Shop, order: Uuid) -> String {
    sqlx::query_scalar("SELECT status FROM reservations WHERE order_id = ?")
        .bind(order)
        .fetch_one(&shop.rows)
        .await
        .unwrap()
}

#[sqlx::test]
async fn every_line_is_held_and_then_sold(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (one, two) = two_options(&shop).await;

    let held = shop.reserve(ORDER, &[(two, 2), (one, 3)]).await.expect(StatusCode::OK);

    assert_eq!(held.body, json!({ "orderId": ORDER, "status": "HELD", "expiresAt": "2026-11-22T09:10:00Z" }));
    assert_eq!(shop.stock(one).await, Stock::of(2, 3, 0, 0));
    assert_eq!(shop.stock(two).await, Stock::of(0, 2, 0, 0));
    let sold = shop.confirm(ORDER).await.expect(StatusCode::OK);
    assert_eq!(sold.body["status"], "CONFIRMED");
    assert_eq!(shop.stock(one).await, Stock::of(2, 0, 3, 0));
    assert_eq!(shop.stock(two).await, Stock::of(0, 0, 2, 0));
    assert_eq!(
        shop.number("SELECT sold FROM items").await,
        5,
        "the item counts the sold pieces, for the sort `popular`"
    );
    assert_eq!(shop.confirm(ORDER).await.expect(StatusCode::OK).body, sold.body);
    assert_eq!(shop.reserve(ORDER, &[(one, 3), (two, 2)]).await.expect(StatusCode::OK).body, sold.body);
    assert_eq!(shop.stock(one).await, Stock::of(2, 0, 3, 0), "no stock moved twice");
    assert_eq!(shop.number("SELECT sold FROM items").await, 5);
    shop.release(ORDER).await.expect_problem(StatusCode::CONFLICT, "RESERVATION_CONFIRMED");
}

#[sqlx::test]
async fn if_one_line_is_short_of_stock_nothing_is_reserved(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (one, two) = two_options(&shop).await;
    let unknown = Uuid::from_u128(u128::MAX);

    let refused = shop.reserve(ORDER, &[(one, 3), (two, 4), (unknown, 1)]).await;

    let refused = refused.expect_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
    let shortages = json!([
        { "optionId": two, "wanted": 4, "available": 2 },
        { "optionId": unknown, "wanted": 1, "available": 0 },
    ]);
    assert_eq!(refused.body["shortages"], shortages);
    assert_eq!(shop.stock(one).await, Stock::of(5, 0, 0, 0));
    assert_eq!(shop.number("SELECT COUNT(*) FROM reservations").await, 0);
    shop.reserve(ORDER, &[(one, 3), (two, 2)]).await.expect(StatusCode::OK);
}

#[sqlx::test]
async fn the_same_order_holds_once_and_other_lines_are_refused(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (one, two) = two_options(&shop).await;
    let held = shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK).body;
    shop.clock_control.advance(Duration::from_secs(5));
    assert_eq!(
        shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK).body,
        held,
        "the same answer as before"
    );
    for other in [&[(one, 2)][..], &[(two, 2)], &[(one, 3), (two, 1)]] {
        let refused = shop.reserve(ORDER, other).await;
        refused.expect_problem(StatusCode::CONFLICT, "RESERVATION_MISMATCH");
    }
    assert_eq!(
        (shop.stock(one).await, shop.stock(two).await),
        (Stock::of(2, 3, 0, 0), Stock::of(2, 0, 0, 0))
    );
}

#[sqlx::test]
async fn a_release_puts_stock_back_once_and_closes_the_order(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (one, _) = two_options(&shop).await;
    shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK);
    for _ in 0..2 {
        assert_eq!(shop.release(ORDER).await.expect(StatusCode::OK).body["status"], "RELEASED");
        assert_eq!(shop.stock(one).await, Stock::of(5, 0, 0, 0));
    }
    shop.reserve(ORDER, &[(one, 3)]).await.expect_problem(StatusCode::CONFLICT, "RESERVATION_MISMATCH");
    shop.confirm(ORDER).await.expect_problem(StatusCode::CONFLICT, "RESERVATION_EXPIRED");
    assert_eq!(shop.stock(one).await, Stock::of(5, 0, 0, 0));
}

#[sqlx::test]
async fn a_request_to_reserve_that_comes_after_its_release_holds_nothing(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (one, _) = two_options(&shop).await;
    assert_eq!(shop.release(ORDER).await.expect(StatusCode::OK).body["status"], "RELEASED");
    shop.reserve(ORDER, &[(one, 1)]).await.expect_problem(StatusCode::CONFLICT, "RESERVATION_MISMATCH");
    assert_eq!(shop.stock(one).await, Stock::of(5, 0, 0, 0));
    assert_eq!(status_of(&shop, ORDER).await, "RELEASED");
    shop.confirm(OTHER).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[sqlx::test]
async fn an_expired_reservation_is_back_on_sale_and_is_not_confirmed(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (one, _) = two_options(&shop).await;
    shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK);
    shop.clock_control.advance(Duration::from_secs(300));
    shop.reserve(OTHER, &[(one, 1)]).await.expect(StatusCode::OK);
    assert_eq!(stock::expire_due(&shop.database, &shop.clock).await.unwrap(), 0);
    shop.clock_control.advance(Duration::from_secs(300));

    shop.confirm(ORDER).await.expect_problem(StatusCode::CONFLICT, "RESERVATION_EXPIRED");
    assert_eq!(shop.stock(one).await, Stock::of(1, 4, 0, 0), "the worker has not run yet");
    assert_eq!(stock::expire_due(&shop.database, &shop.clock).await.unwrap(), 1);

    assert_eq!(shop.stock(one).await, Stock::of(4, 1, 0, 0));
    assert_eq!(
        (status_of(&shop, ORDER).await, status_of(&shop, OTHER).await),
        ("EXPIRED".into(), "HELD".into())
    );
    shop.confirm(ORDER).await.expect_problem(StatusCode::CONFLICT, "RESERVATION_EXPIRED");
    assert_eq!(stock::expire_due(&shop.database, &shop.clock).await.unwrap(), 0);
    shop.confirm(OTHER).await.expect(StatusCode::OK);
}

#[sqlx::test]
async fn an_order_can_reserve_again_after_its_reservation_expired(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (one, _) = two_options(&shop).await;
    shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK);
    shop.clock_control.advance(Duration::from_secs(601));
    let extended = shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK).body;
    assert_eq!(
        (&extended["status"], &extended["expiresAt"]),
        (&json!("HELD"), &json!("2026-11-22T09:20:01Z"))
    );
    assert_eq!(shop.stock(one).await, Stock::of(2, 3, 0, 0));
    shop.clock_control.advance(Duration::from_secs(601));
    stock::expire_due(&shop.database, &shop.clock).await.unwrap();
    assert_eq!(shop.stock(one).await, Stock::of(5, 0, 0, 0));
    shop.reserve(OTHER, &[(one, 3)]).await.expect(StatusCode::OK);
    shop.reserve(ORDER, &[(one, 3)]).await.expect_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
    assert_eq!(status_of(&shop, ORDER).await, "EXPIRED");
    shop.release(OTHER).await.expect(StatusCode::OK);
    shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK);
    shop.confirm(ORDER).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(one).await, Stock::of(2, 0, 3, 0));
}

#[sqlx::test]
async fn an_expired_order_that_is_released_stays_closed(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (one, _) = two_options(&shop).await;
    shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK);
    shop.clock_control.advance(Duration::from_secs(601));
    stock::expire_due(&shop.database, &shop.clock).await.unwrap();
    shop.release(ORDER).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(one).await, Stock::of(5, 0, 0, 0), "the expiry has put it back on sale");
    shop.reserve(ORDER, &[(one, 3)]).await.expect_problem(StatusCode::CONFLICT, "RESERVATION_MISMATCH");
}

#[sqlx::test]
async fn bad_requests_to_reserve_are_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (one, _) = two_options(&shop).await;
    let path = format!("/internal/reservations/{ORDER}");
    let put = |body: Value| {
        let path = path.clone();
        let shop = &shop;
        async move { shop.internal(Method::PUT, &path, &body).await }
    };
    let line = |pieces: i64| json!({ "optionId": one, "quantity": pieces });
    let soon = "2026-11-22T09:10:00Z";
    for (body, pointer) in [
        (json!({ "expiresAt": soon, "lines": [] }), "/lines"),
        (json!({ "expiresAt": soon, "lines": [line(0)] }), "/lines/0/quantity"),
        (json!({ "expiresAt": soon, "lines": [line(-3)] }), "/lines/0/quantity"),
        (json!({ "expiresAt": soon, "lines": [line(1), line(1)] }), "/lines/1/optionId"),
        (json!({ "expiresAt": "2026-11-23T09:00:01Z", "lines": [line(1)] }), "/expiresAt"),
    ] {
        let refused = put(body).await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(refused.fault_pointers(), [pointer]);
    }
    let late = put(json!({ "expiresAt": "2026-11-22T09:00:00Z", "lines": [line(1)] })).await;
    late.expect_problem(StatusCode::CONFLICT, "RESERVATION_EXPIRED");
    assert_eq!(shop.stock(one).await, Stock::of(5, 0, 0, 0));
}

#[sqlx::test]
async fn a_deleted_option_that_an_order_holds_is_sold_or_released(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let item = shop.item(&seller, &store, &an_item("케이크", &[("1호", 1, 5), ("2호", 1, 5)])).await;
    let option = option_id(&item, 1);
    shop.reserve(ORDER, &[(option, 2)]).await.expect(StatusCode::OK);
    shop.reserve(OTHER, &[(option, 1)]).await.expect(StatusCode::OK);
    let path = format!("/api/store/items/{}/options/{option}", id_of(&item));
    shop.delete(&seller, &path).await.expect(StatusCode::NO_CONTENT);

    shop.confirm(ORDER).await.expect(StatusCode::OK);
    shop.release(OTHER).await.expect(StatusCode::OK);

    assert_eq!(shop.stock(option).await, Stock::of(3, 0, 2, 0));
    let third = Uuid::from_u128(3);
    let refused =
        shop.reserve(third, &[(option, 1)]).await.expect_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
    assert_eq!(refused.body["shortages"][0]["available"], 0);
}

#[sqlx::test]
async fn fault_10_what_comes_back_is_on_sale_again_exactly_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (one, two) = two_options(&shop).await;
    let (first, second) = (Uuid::from_u128(11), Uuid::from_u128(12));
    shop.reserve(ORDER, &[(one, 3)]).await.expect(StatusCode::OK);
    shop.restock(first, ORDER, one, 1).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    shop.confirm(ORDER).await.expect(StatusCode::OK);

    for _ in 0..2 {
        let back = shop.restock(first, ORDER, one, 2).await.expect(StatusCode::OK);
        assert_eq!(back.body, json!({ "id": first, "orderId": ORDER, "optionId": one, "quantity": 2 }));
        assert_eq!(shop.stock(one).await, Stock::of(4, 0, 3, 2));
    }
    shop.restock(first, ORDER, one, 1).await.expect_problem(StatusCode::CONFLICT, "RESTOCK_MISMATCH");
    shop.restock(second, ORDER, one, 2).await.expect_problem(StatusCode::CONFLICT, "RESTOCK_MISMATCH");
    shop.restock(second, ORDER, two, 1).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    shop.restock(second, ORDER, one, 1).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(one).await, Stock::of(5, 0, 3, 3));
    assert_eq!(shop.number("SELECT restocked FROM reservation_lines").await, 3);
    assert_eq!(shop.number("SELECT sold FROM items").await, 0);
}

#[sqlx::test]
async fn the_database_itself_refuses_a_wrong_stock(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (one, _) = two_options(&shop).await;
    for wrong in [
        "UPDATE options SET on_hand = on_hand + 1",
        "UPDATE options SET on_hand = on_hand - 6, reserved = reserved + 6",
        "UPDATE options SET sold = sold + 1, restocked = restocked - 1",
        "UPDATE options SET price = 0",
    ] {
        assert!(sqlx::query(wrong).execute(&shop.rows).await.is_err(), "{wrong}");
    }
    assert_eq!(shop.stock(one).await, Stock::of(5, 0, 0, 0));
}
