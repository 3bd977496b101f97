//! Entity tags of stores and items: what changes them, and how `If-Match` is compared.

use std::time::Duration;

use futures::future::{join, join_all};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::stock;
use testkit::Answer;
use uuid::Uuid;

use crate::shop::{Person, Shop, Stock, an_item, item_path, option_id};

const ORDER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

async fn tag(shop: &Shop, path: &str) -> String {
    shop.get(path).await.expect(StatusCode::OK).header("etag").to_owned()
}

/// Sends a change with a header `If-Match` for each of `tags`.
async fn change(
    shop: &Shop,
    person: &Person,
    method: Method,
    path: &str,
    tags: &[&str],
    body: &Value,
) -> Answer {
    let request = shop.client.request(method, path).bearer(&person.token);
    let request = tags.iter().fold(request, |request, tag| request.header("if-match", tag));
    if body.is_null() { request.send().await } else { request.json(body).send().await }
}

#[sqlx::test]
async fn a_tag_from_before_a_sale_is_stale(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let (path, option) = (item_path(&item), option_id(&item, 0));
    let seen = tag(&shop, &path).await;
    shop.reserve(ORDER, &[(option, 4)]).await.expect(StatusCode::OK);
    shop.confirm(ORDER).await.expect(StatusCode::OK);

    let counted = json!({ "quantity": 10 });
    let option_path = format!("{path}/options/{option}");
    let stale = change(&shop, &seller, Method::PATCH, &option_path, &[&seen], &counted).await;

    stale.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    assert_eq!(shop.stock(option).await, Stock::of(6, 0, 4, 0));
    let seen = tag(&shop, &path).await;
    let edited = change(&shop, &seller, Method::PATCH, &option_path, &[&seen], &counted).await;
    assert_eq!(edited.expect(StatusCode::OK).header("etag"), tag(&shop, &path).await);
}

#[sqlx::test]
async fn every_change_of_the_stock_of_any_option_makes_the_tag_stale_for_every_edit(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let all = [("1호", 30_000, 9), ("2호", 40_000, 9), ("3호", 50_000, 9)];
    let item = shop.item(&seller, &store, &an_item("케이크", &all)).await;
    let (path, moved) = (item_path(&item), option_id(&item, 1));
    let option = format!("{path}/options/{}", option_id(&item, 0));
    let options = format!("{path}/options");
    let new = json!({ "name": "4호", "price": 1, "quantity": 1 });
    let (sold, expired, restock) = (ORDER, Uuid::from_u128(2), Uuid::from_u128(3));
    for step in ["reserve", "release", "sell", "restock", "hold", "expire", "count"] {
        let before = tag(&shop, &path).await;
        match step {
            "reserve" => shop.reserve(Uuid::from_u128(4), &[(moved, 2)]).await.expect(StatusCode::OK),
            "release" => shop.release(Uuid::from_u128(4)).await.expect(StatusCode::OK),
            "sell" => shop.reserve(sold, &[(moved, 3)]).await.expect(StatusCode::OK),
            "restock" => {
                shop.confirm(sold).await.expect(StatusCode::OK);
                shop.restock(restock, sold, moved, 1).await.expect(StatusCode::OK)
            }
            "hold" => shop.reserve(expired, &[(moved, 1)]).await.expect(StatusCode::OK),
            "expire" => {
                shop.clock_control.advance(Duration::from_secs(601));
                assert_eq!(stock::expire_due(&shop.database, &shop.clock).await.unwrap(), 1);
                shop.get(&path).await
            }
            _ => {
                let counted = json!({ "quantity": 20 });
                shop.patch(&seller, &format!("{path}/options/{moved}"), &counted).await.expect(StatusCode::OK)
            }
        };
        let after = tag(&shop, &path).await;
        assert_ne!(before, after, "{step}");
        for (method, path, body) in [
            (Method::PATCH, &path, &json!({ "description": "새 소개" })),
            (Method::PATCH, &option, &json!({ "price": 1 })),
            (Method::PATCH, &option, &json!({ "quantityDelta": 1 })),
            (Method::POST, &options, &new),
            (Method::DELETE, &option, &Value::Null),
            (Method::DELETE, &path, &Value::Null),
        ] {
            let stale = change(&shop, &seller, method, path, &[&before], body).await;
            stale.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
        }
        assert_eq!(tag(&shop, &path).await, after, "a refused edit changes nothing");
    }
    let seen = tag(&shop, &path).await;
    let deleted = change(&shop, &seller, Method::DELETE, &path, &[&seen], &Value::Null).await;
    deleted.expect(StatusCode::NO_CONTENT);
}

#[sqlx::test]
async fn counters_that_anybody_can_raise_do_not_change_a_tag(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, _, item) = Shop::with_item(&options, 10).await;
    let path = item_path(&item);
    let store_path = format!("/api/store/stores/{}", item["storeId"].as_str().unwrap());
    shop.reserve(ORDER, &[(option_id(&item, 0), 4)]).await.expect(StatusCode::OK);
    let (item_tag, store_tag) = (tag(&shop, &path).await, tag(&shop, &store_path).await);

    shop.confirm(ORDER).await.expect(StatusCode::OK);
    let customer = shop.customer();
    for mark in [format!("{path}/heart"), format!("{store_path}/follow")] {
        shop.put(&customer, &mark).await.expect(StatusCode::NO_CONTENT);
    }

    assert_eq!(
        (tag(&shop, &path).await, tag(&shop, &store_path).await),
        (item_tag.clone(), store_tag.clone())
    );
    for (path, tag, counters) in [
        (&path, &item_tag, json!({ "hearts": 1, "sold": 4 })),
        (&store_path, &store_tag, json!({ "followers": 1 })),
    ] {
        let shown = shop.client.get(path).header("if-none-match", tag).send().await.expect(StatusCode::OK);
        for (counter, value) in counters.as_object().unwrap() {
            assert_eq!(shown.body[counter], *value, "a 304 would hide the new count");
        }
    }
}

#[sqlx::test]
async fn the_name_of_a_store_is_a_part_of_the_tags_of_its_items(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let path = item_path(&item);
    let before = tag(&shop, &path).await;
    let store_path = format!("/api/store/stores/{}", item["storeId"].as_str().unwrap());
    shop.patch(&seller, &store_path, &json!({ "name": "새 이름" })).await.expect(StatusCode::OK);
    assert_ne!(tag(&shop, &path).await, before);
    let stale = change(&shop, &seller, Method::DELETE, &path, &[&before], &Value::Null).await;
    stale.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
}

#[sqlx::test]
async fn every_answer_about_an_item_has_the_tag_that_a_read_has(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let body = an_item("케이크", &[("1호", 30_000, 3), ("2호", 40_000, 0)]);
    let listed = shop.post(&seller, &format!("/api/store/stores/{store}/items"), &body).await;
    let listed = listed.expect(StatusCode::CREATED);
    let path = item_path(&listed.body);
    let option = format!("{path}/options/{}", option_id(&listed.body, 1));
    let new = json!({ "name": "3호", "price": 1_000, "quantity": 1 });
    assert_eq!(listed.header("etag"), tag(&shop, &path).await);
    let edited = shop.patch(&seller, &path, &json!({ "category": "TART" })).await.expect(StatusCode::OK);
    assert_eq!(edited.header("etag"), tag(&shop, &path).await);
    let edited = shop.patch(&seller, &option, &json!({ "quantityDelta": 2 })).await.expect(StatusCode::OK);
    assert_eq!(edited.header("etag"), tag(&shop, &path).await);
    let added = shop.post(&seller, &format!("{path}/options"), &new).await.expect(StatusCode::CREATED);
    assert_eq!(added.header("etag"), tag(&shop, &path).await);
    for path in [path, format!("/api/store/stores/{store}")] {
        let head = shop.client.request(Method::HEAD, &path).send().await.expect(StatusCode::OK);
        assert_eq!(head.header("etag"), tag(&shop, &path).await);
    }
}

#[sqlx::test]
async fn one_of_the_tags_of_a_request_must_be_the_strong_tag_of_now(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let path = item_path(&item);
    let now = tag(&shop, &path).await;
    let weak = format!("W/{now}");
    let within_another = format!("\"a,{now},b\"");
    let two_without_a_comma = format!("{now} {now}");
    for refused in [
        vec![weak.as_str()],
        vec![now.trim_matches('"')],
        vec!["\"0\""],
        vec![""],
        vec![&within_another],
        vec![&two_without_a_comma],
        vec!["\"0\"", &weak],
        vec![&now, "*"],
    ] {
        let answer = change(&shop, &seller, Method::DELETE, &path, &refused, &Value::Null).await;
        answer.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    }
    let body = json!({ "description": "새 소개" });
    for taken in [vec!["*"], vec!["\"0\", W/\"1\",,\tNOW , \"a,b\""], vec!["\"0\"", "NOW"]] {
        let now = tag(&shop, &path).await;
        let tags: Vec<String> = taken.iter().map(|tags| tags.replace("NOW", &now)).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let answer = change(&shop, &seller, Method::PATCH, &path, &tags, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{tags:?}");
    }
}

#[sqlx::test]
async fn an_edit_that_is_not_meant_for_the_tag_of_now_is_refused(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let store_path = format!("/api/store/stores/{}", item["storeId"].as_str().unwrap());
    for path in [item_path(&item), store_path] {
        let now = tag(&shop, &path).await;
        let edit = async |tags: &str| {
            let edit = shop.client.patch(&path).bearer(&seller.token).header("if-none-match", tags);
            edit.json(&json!({ "description": "새 소개" })).send().await
        };
        for refused in ["*", &now, &format!("\"0\", W/{now}")] {
            edit(refused).await.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
        }
        edit("\"0\"").await.expect(StatusCode::OK);
    }
}

#[sqlx::test]
async fn a_sale_and_an_edit_with_a_tag_at_once_on_two_instances_do_not_undo_each_other(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let other = Shop::open(&options);
    let all = [("1호", 30_000, 10), ("2호", 40_000, 10)];
    let item = shop.item(&seller, &store, &an_item("케이크", &all)).await;
    let path = item_path(&item);
    let (one, two) = (option_id(&item, 0), option_id(&item, 1));
    let counted = json!({ "quantity": 10 });
    for round in 0..40 {
        let before = tag(&shop, &path).await;
        let order = shop.clock.new_id();
        let edited = if round % 2 == 0 { one } else { two };
        let option = format!("{path}/options/{edited}");

        let (sold, edit) = join(
            other.reserve(order, &[(one, 4), (two, 4)]),
            change(&shop, &seller, Method::PATCH, &option, &[&before], &counted),
        )
        .await;

        sold.expect(StatusCode::OK);
        let is_known = [StatusCode::OK, StatusCode::PRECONDITION_FAILED].contains(&edit.status);
        assert!(is_known, "{}", edit.body);
        for option in [one, two] {
            assert_eq!(
                shop.stock(option).await.on_hand,
                6,
                "the edit has not seen the sale: {}",
                edit.status
            );
        }
        other.release(order).await.expect(StatusCode::OK);
    }
}

#[sqlx::test]
async fn if_many_edits_expect_one_tag_one_takes_effect(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let path = item_path(&item);
    let seen = tag(&shop, &path).await;
    let option = format!("{path}/options/{}", option_id(&item, 0));
    let body = json!({ "quantityDelta": -3 });
    let edits = (0..12)
        .map(|_| async { change(&shop, &seller, Method::PATCH, &option, &[&seen], &body).await.status });
    let statuses = join_all(edits).await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 412].contains(&status.as_u16())), "{statuses:?}");
    assert_eq!(shop.stock(option_id(&item, 0)).await, Stock::of(7, 0, 0, 0));
}
