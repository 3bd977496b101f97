//! The look-up of options by order-api.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_client::{DeletedOption, Gone, OptionOnSale, OptionsFound};
use uuid::Uuid;

use crate::shop::{Shop, an_item, id_of, item_path, option_id};

async fn look_up(shop: &Shop, ids: &[Uuid]) -> OptionsFound {
    let answer = shop.internal(Method::POST, "/internal/options/lookup", &json!({ "optionIds": ids })).await;
    serde_json::from_value(answer.expect(StatusCode::OK).body).unwrap()
}

#[sqlx::test]
async fn fault_06_names_prices_and_sellers_come_from_the_store(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let item = shop.item(&seller, &store, &an_item("딸기 케이크", &[("1호", 32_000, 3)])).await;
    let option = option_id(&item, 0);
    shop.reserve(Uuid::from_u128(1), &[(option, 1)]).await.expect(StatusCode::OK);

    let found = look_up(&shop, &[option, Uuid::from_u128(404)]).await;

    let expected = OptionOnSale {
        option_id: option,
        item_id: id_of(&item).parse().unwrap(),
        store_id: store.parse().unwrap(),
        seller_id: seller.id.0,
        store_name: "달콤상점".to_owned(),
        item_name: "딸기 케이크".to_owned(),
        option_name: "1호".to_owned(),
        price: money::Won::new(32_000),
        quantity: 2,
    };
    assert_eq!(found, OptionsFound { options: vec![expected], deleted: vec![] });
}

#[sqlx::test]
async fn deleted_options_are_named(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let item = shop.item(&seller, &store, &an_item("하나", &[("1호", 1, 1), ("2호", 1, 1)])).await;
    let other = shop.item_of(&seller, "둘", 1).await;
    let delete = |path: String| shop.delete(&seller, &path);
    let item_path = item_path(&item);
    let gone = |gone| DeletedOption {
        option_id: option_id(&item, 1),
        item_id: id_of(&item).parse().unwrap(),
        gone,
        store_name: "달콤상점".to_owned(),
        item_name: "하나".to_owned(),
        option_name: "2호".to_owned(),
    };

    delete(format!("{item_path}/options/{}", option_id(&item, 1))).await.expect(StatusCode::NO_CONTENT);
    let found = look_up(&shop, &[option_id(&item, 0), option_id(&item, 1)]).await;
    assert_eq!(found.options.len(), 1);
    assert_eq!(found.deleted, [gone(Gone::Option)]);

    delete(item_path).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(look_up(&shop, &[option_id(&item, 1)]).await.deleted, [gone(Gone::Item)]);

    let store_of_other = other["storeId"].as_str().unwrap();
    delete(format!("/api/store/stores/{store_of_other}")).await.expect(StatusCode::NO_CONTENT);
    let found = look_up(&shop, &[option_id(&other, 0)]).await;
    assert_eq!((found.options.len(), found.deleted[0].gone), (0, Gone::Item));
}

#[sqlx::test]
async fn fault_17_internal_routes_are_for_order_api_alone(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 3).await;
    let order = Uuid::from_u128(1);
    let lines = json!([{ "optionId": option_id(&item, 0), "quantity": 1 }]);
    let calls: [(Method, String, Value); 5] = [
        (Method::POST, "/internal/options/lookup".to_owned(), json!({ "optionIds": [option_id(&item, 0)] })),
        (
            Method::PUT,
            format!("/internal/reservations/{order}"),
            json!({ "expiresAt": "2026-11-22T09:10:00Z", "lines": lines }),
        ),
        (Method::POST, format!("/internal/reservations/{order}/confirm"), json!(null)),
        (Method::POST, format!("/internal/reservations/{order}/release"), json!(null)),
        (Method::POST, format!("/internal/restocks/{order}"), json!({})),
    ];
    let others = [
        (seller.token.clone(), StatusCode::UNAUTHORIZED),
        (shop.people.service_token("order-api", "member-api"), StatusCode::UNAUTHORIZED),
        (shop.people.service_token("member-api", "store-api"), StatusCode::FORBIDDEN),
        (shop.people.service_token("gateway", "store-api"), StatusCode::FORBIDDEN),
    ];
    for (method, path, body) in &calls {
        let anonymous = shop.client.request(method.clone(), path).json(body).send().await;
        anonymous.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        for (token, status) in &others {
            let answer = shop.client.request(method.clone(), path).bearer(token).json(body).send().await;
            assert_eq!(answer.status, *status, "{method} {path}");
        }
    }
    assert_eq!(shop.number("SELECT COUNT(*) FROM reservations").await, 0);
}
