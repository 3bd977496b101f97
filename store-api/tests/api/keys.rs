//! Writes with an Idempotency-Key: each takes effect once, however often, wherever and whenever it is sent.

use std::time::Duration;

use account_closing::Participant;
use database::Database;
use futures::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::state::AppState;
use testkit::{Answer, Client, Request};

use crate::shop::{Person, Shop, an_item, id_of, item_path, option_id};

const KEYS: &str = "SELECT COUNT(*) FROM idempotency_keys";

fn write(client: &Client, who: &Person, (method, path): (Method, &str), key: &str, body: &Value) -> Request {
    client.request(method, path).bearer(&who.token).key(key).json(body)
}

/// Checks that an answer is the repetition of another one.
fn assert_repeats(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
    for name in ["etag", "location", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
}

#[sqlx::test]
async fn each_write_takes_effect_once_on_all_instances(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let another = shop.another_instance(&options);
    let store = item["storeId"].as_str().unwrap().to_owned();
    let (path, option) = (item_path(&item), option_id(&item, 0));
    let writes = [
        (Method::POST, "/api/store/stores".to_owned(), json!({ "name": "새 가게", "description": "" })),
        (Method::PATCH, format!("/api/store/stores/{store}"), json!({ "description": "달다" })),
        (Method::POST, format!("/api/store/stores/{store}/items"), an_item("새 케이크", &[("1호", 1, 1)])),
        (Method::PATCH, path.clone(), json!({ "description": "더 달다" })),
        (Method::POST, format!("{path}/options"), json!({ "name": "2호", "price": 1, "quantity": 1 })),
        (Method::PATCH, format!("{path}/options/{option}"), json!({ "quantityDelta": -3 })),
    ];
    for (method, path, body) in &writes {
        let send = |client, body| write(client, &seller, (method.clone(), path), "k", body).send();
        let first = send(&shop.client, body).await;
        assert!(first.status.is_success(), "{method} {path}: {}", first.text());
        assert!(!first.header("etag").is_empty(), "{method} {path}");
        for client in [&another, &shop.client] {
            assert_repeats(&send(client, body).await, &first);
        }
        let other_body = send(&another, &json!({ "name": "또 다른 것" })).await;
        other_body.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
        let malformed = write(&another, &seller, (method.clone(), path), "a b", body).send().await;
        malformed.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID");
    }
    assert_eq!(shop.stock(option).await.on_hand, 7);
    let counts = "SELECT (SELECT COUNT(*) FROM stores) * 100 + (SELECT COUNT(*) FROM items) * 10 + \
                  (SELECT COUNT(*) FROM options)";
    assert_eq!(shop.number(counts).await, 223, "two stores, two items, three options");
    assert_eq!(shop.number(KEYS).await, 6);
}

#[sqlx::test]
async fn of_many_at_once_on_two_instances_one_takes_effect(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let another = shop.another_instance(&options);
    let path = format!("{}/options/{}", item_path(&item), option_id(&item, 0));
    let sent = (0..12).map(|n| {
        let client = if n % 2 == 0 { &shop.client } else { &another };
        let body = json!({ "quantityDelta": -3 });
        tokio::spawn(write(client, &seller, (Method::PATCH, &path), "k", &body).send())
    });
    let mut bytes = Vec::new();
    for answer in join_all(sent).await {
        let answer = answer.unwrap();
        match answer.status {
            StatusCode::OK => bytes.push(answer.bytes),
            _ => drop(answer.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE")),
        }
    }
    assert!(!bytes.is_empty() && bytes.iter().all(|one| *one == bytes[0]));
    assert_eq!(shop.stock(option_id(&item, 0)).await.on_hand, 7);
}

#[sqlx::test]
async fn a_write_whose_client_hangs_up_at_any_time_takes_effect_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    const ROUNDS: u64 = 30;
    let (shop, seller, item) = Shop::with_item(&options, 1_000).await;
    let another = shop.another_instance(&options);
    let path = format!("{}/options/{}", item_path(&item), option_id(&item, 0));
    let body = json!({ "quantityDelta": -3 });
    for round in 0..ROUNDS {
        let key = round.to_string();
        let request = write(&shop.client, &seller, (Method::PATCH, &path), &key, &body);
        let _ = request.try_send_within(Duration::from_micros(round * 200)).await;
        let answers = async {
            loop {
                let answer = write(&another, &seller, (Method::PATCH, &path), &key, &body).send().await;
                if answer.status != StatusCode::CONFLICT {
                    return answer.expect(StatusCode::OK);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), answers).await.unwrap();
    }
    assert_eq!(shop.stock(option_id(&item, 0)).await.on_hand, 1_000 - 3 * i64::try_from(ROUNDS).unwrap());
}

#[sqlx::test]
async fn a_key_is_free_after_what_can_be_corrected_and_not_after_a_refusal_for_good(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (shop, seller, item) = Shop::with_item(&options, 10).await;
    let (path, taken) = (item_path(&item), json!({ "name": "달콤상점", "description": "" }));
    let edit = |tag: &str, body: &Value| {
        write(&shop.client, &seller, (Method::PATCH, &path), "k", body).header("if-match", tag).send()
    };
    let good = json!({ "description": "달다" });
    let stale = edit("\"stale\"", &good).await;
    stale.expect_problem(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED");
    let wrong = edit("*", &json!({ "category": "SOUP" })).await;
    wrong.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    let text = shop.client.patch(&path).bearer(&seller.token).key("k").bytes("text/plain", "x").send().await;
    text.expect_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(shop.number(KEYS).await, 0);
    let tag = shop.get(&path).await.header("etag").to_owned();
    let edited = edit(&tag, &good).await.expect(StatusCode::OK);
    // The tag is stale by now, and the answer is still that of the first request.
    assert_repeats(&edit(&tag, &good).await, &edited);
    let other_condition = edit(edited.header("etag"), &good).await;
    other_condition.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");

    let holder = shop.seller();
    let store = shop.store(&holder, "달콤상점").await;
    let open = || write(&shop.client, &seller, (Method::POST, "/api/store/stores"), "k", &taken).send();
    let refused = open().await.expect_problem(StatusCode::CONFLICT, "STORE_NAME_TAKEN");
    shop.delete(&holder, &format!("/api/store/stores/{store}")).await.expect(StatusCode::NO_CONTENT);
    assert_repeats(&open().await, &refused);
}

#[sqlx::test]
async fn a_key_belongs_to_its_member_and_goes_with_the_account(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (seller, other) = (shop.seller(), shop.seller());
    let open = |who: &Person, name: &str| {
        let body = json!({ "name": name, "description": "" });
        write(&shop.client, who, (Method::POST, "/api/store/stores"), "k", &body).send()
    };
    let first = open(&seller, "달콤상점").await.expect(StatusCode::CREATED);
    let others = open(&other, "다른 가게").await.expect(StatusCode::CREATED);
    assert_ne!(id_of(&first.body), id_of(&others.body));
    assert_eq!(shop.number(KEYS).await, 2);

    let state = AppState::new(Database::from_options(options.clone()), shop.clock.clone());
    Participant::forget(&state, seller.id, "-").await.unwrap();
    let kept: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT member_id FROM idempotency_keys").fetch_all(&shop.rows).await.unwrap();
    assert_eq!(kept, [other.id.0]);
}

#[sqlx::test]
async fn every_post_and_patch_documents_its_key(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let document = shop.get("/openapi.json").await.expect(StatusCode::OK).body;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let has_key = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
            assert_eq!(has_key, ["post", "patch"].contains(&method.as_str()), "{method} {path}");
            if has_key {
                let answers = operation["responses"].to_string();
                for code in ["IDEMPOTENCY_KEY_IN_USE", "IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_INVALID"] {
                    assert!(answers.contains(code), "{method} {path} without {code}");
                }
            }
        }
    }
}
