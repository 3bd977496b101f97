//! Sign-ups and edits with an Idempotency-Key.

use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Answer;
use uuid::Uuid;

use crate::world::{PASSWORD, World};

const HOME: &str = "192.0.2.1";
const MEMBERS: &str = "SELECT COUNT(*) FROM members";
const KEYS: &str = "SELECT COUNT(*) FROM idempotency_keys";

fn kim() -> Value {
    json!({"email": "kim@example.com", "password": PASSWORD, "name": "김달콤"})
}

fn with_password(password: &str) -> Value {
    json!({"email": "kim@example.com", "password": password, "name": "김달콤"})
}

async fn sign_up(world: &World, address: &str, key: &str, body: &Value) -> Answer {
    let request = world.client.post("/api/member/customers").header("x-forwarded-for", address);
    request.key(key).json(body).send().await
}

fn assert_repeats(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_repeated_sign_up_gets_the_first_answer_on_all_instances(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let another = world.another_instance();
    let first = sign_up(&world, HOME, "k", &kim()).await.expect(StatusCode::CREATED);
    for instance in [&another, &world] {
        assert_repeats(&sign_up(instance, HOME, "k", &kim()).await, &first);
    }
    let mut other = kim();
    other["name"] = json!("이달콤");
    let reused = sign_up(&another, HOME, "k", &other).await;
    let _ = reused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    // A key belongs to an address, and to a route.
    let elsewhere = sign_up(&world, "192.0.2.2", "k", &kim()).await;
    let _ = elsewhere.expect_problem(StatusCode::CONFLICT, "EMAIL_TAKEN");
    let seller = world.client.post("/api/member/sellers").header("x-forwarded-for", HOME).key("k");
    let _ = seller.json(&kim()).send().await.expect_problem(StatusCode::CONFLICT, "EMAIL_TAKEN");
    let malformed = sign_up(&world, HOME, "a b", &kim()).await;
    let _ = malformed.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID");
    assert_eq!(world.count(MEMBERS).await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn of_equal_sign_ups_at_once_on_two_instances_one_makes_a_member_and_none_counts_as_a_guess(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let another = world.another_instance();
    let body = kim();
    let answers =
        join_all([&world, &another, &world, &another].map(|one| sign_up(one, HOME, "k", &body))).await;
    let mut bytes = Vec::new();
    for answer in answers {
        match answer.status {
            StatusCode::CREATED => bytes.push(answer.bytes),
            _ => drop(answer.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE")),
        }
    }
    assert!(!bytes.is_empty() && bytes.iter().all(|one| *one == bytes[0]));
    assert_eq!(world.count(MEMBERS).await, 1);
    assert_eq!(world.count("SELECT COUNT(*) FROM sign_in_failures").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_repetition_with_another_password_is_not_told_that_it_succeeded_and_guesses_are_slowed(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let _ = sign_up(&world, HOME, "k", &kim()).await.expect(StatusCode::CREATED);
    let mut last = None;
    for n in 0..6 {
        let answer = sign_up(&world, HOME, "k", &with_password(&format!("guessed-cake-{n}"))).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            last = Some(n);
            break;
        }
        let _ = answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(last, Some(3), "as many guesses as a sign-in allows");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_kept_sign_up_has_nothing_of_its_password(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let _ = sign_up(&world, HOME, "k", &kim()).await.expect(StatusCode::CREATED);
    for (address, password) in [("192.0.2.2", "one-cake-password"), ("192.0.2.3", "other-cake-password")] {
        let refused = sign_up(&world, address, "k", &with_password(password)).await;
        let _ = refused.expect_problem(StatusCode::CONFLICT, "EMAIL_TAKEN");
    }
    assert_eq!(world.count(KEYS).await, 3);
    assert_eq!(world.count("SELECT COUNT(DISTINCT fingerprint) FROM idempotency_keys").await, 1);
    let shown = "SELECT COUNT(*) FROM idempotency_keys WHERE body LIKE '%tower%' OR headers LIKE '%tower%'";
    assert_eq!(world.count(shown).await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refusal_for_good_is_kept_and_a_fault_is_not(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let short = sign_up(&world, HOME, "k", &with_password("short")).await;
    let _ = short.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    let made = sign_up(&world, HOME, "k", &kim()).await.expect(StatusCode::CREATED);
    let taken = sign_up(&world, HOME, "l", &kim()).await;
    let taken = taken.expect_problem(StatusCode::CONFLICT, "EMAIL_TAKEN");
    let failures = "SELECT CAST(COUNT(*) AS SIGNED) FROM sign_in_failures";
    let before = world.count(failures).await;
    let again = sign_up(&world, HOME, "l", &kim()).await;
    assert_repeats(&again, &taken);
    assert_eq!(world.count(failures).await, before);
    assert_repeats(&sign_up(&world, HOME, "k", &kim()).await, &made);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_kept_answers_of_a_member_go_with_the_account(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let first = sign_up(&world, HOME, "k", &kim()).await.expect(StatusCode::CREATED);
    let token = world.sign_in("kim@example.com").await["accessToken"].as_str().unwrap().to_owned();
    let edit = world.client.patch("/api/member/me").bearer(&token).key("k").json(&json!({"name": "김"}));
    let _ = edit.send().await.expect(StatusCode::OK);
    assert_eq!(world.count(KEYS).await, 2);
    let _ = world.client.delete("/api/member/me").bearer(&token).send().await.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.count(KEYS).await, 0);
    let anew = sign_up(&world, HOME, "k", &kim()).await.expect(StatusCode::CREATED);
    assert_ne!(anew.body["id"], first.body["id"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_repeated_edit_of_the_account_gets_the_first_answer(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let another = world.another_instance();
    let kim = world.customer("kim").await;
    let edit = async |world: &World, key: &str, name: &str| {
        let request = world.client.patch("/api/member/me").bearer(&kim.token).key(key);
        request.json(&json!({"name": name})).send().await
    };
    let first = edit(&world, "k", "첫째").await.expect(StatusCode::OK);
    let _ = edit(&world, "l", "둘째").await.expect(StatusCode::OK);
    assert_repeats(&edit(&another, "k", "첫째").await, &first);
    let me = world.client.get("/api/member/me").bearer(&kim.token).send().await;
    assert_eq!(me.body["name"], "둘째");
    let reused = edit(&another, "k", "셋째").await;
    let _ = reused.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
}

#[sqlx::test(migrations = "./migrations")]
async fn tokens_are_never_kept(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let body = json!({"email": kim.email, "password": PASSWORD});
    let sign_in = || world.client.post("/api/member/sessions").key("k").json(&body).send();
    let one = sign_in().await.expect(StatusCode::CREATED).body;
    let other = sign_in().await.expect(StatusCode::CREATED).body;
    assert_ne!(one["refreshToken"], other["refreshToken"]);
    assert_eq!(world.count(KEYS).await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn every_post_and_patch_but_those_of_tokens_documents_its_key(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let document = world.client.get("/openapi.json").send().await.expect(StatusCode::OK).body;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let has_key = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
            let is_keyed = ["post", "patch"].contains(&method.as_str()) && !path.contains("/sessions");
            assert_eq!(has_key, is_keyed, "{method} {path}");
            if has_key {
                let answers = operation["responses"].to_string();
                for code in ["IDEMPOTENCY_KEY_IN_USE", "IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_INVALID"] {
                    assert!(answers.contains(code), "{method} {path} without {code}");
                }
            }
        }
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_sign_up_that_was_committed_before_its_answer_was_lost_is_answered(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    for round in 0..8_u64 {
        let (key, email) = (round.to_string(), format!("kim{round}@example.com"));
        let body = json!({"email": email, "password": PASSWORD, "name": "김"});
        let request = world.client.post("/api/member/customers").header("x-forwarded-for", HOME).key(&key);
        let patience = std::time::Duration::from_millis(round * 8);
        let _ = request.json(&body).try_send_within(patience).await;
        let answers = async {
            loop {
                let answer = sign_up(&world, HOME, &key, &body).await;
                if answer.code() != "IDEMPOTENCY_KEY_IN_USE" {
                    return answer.expect(StatusCode::CREATED);
                }
            }
        };
        let answer = tokio::time::timeout(std::time::Duration::from_secs(20), answers).await.unwrap();
        let id: Uuid = answer.body["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 7);
    }
    assert_eq!(world.count(MEMBERS).await, 8);
}
