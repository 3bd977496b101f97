//! A request that is sent more than once, whose effect, key and answer are one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use access::{Customer, MemberId, Role};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use clock::{Clock, ClockControl};
use database::Database;
use http::StatusCode;
use idempotency::{Claim, Guard, IdempotencyKeys, KeepError, KeptAnswer};
use problem::{Code, Created, Problem};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor, MySqlPool};
use testkit::{Client, People};
use time::macros::datetime;
use tokio::sync::Semaphore;

/// Sells cakes, each as a row. The body of the request says what fails, and whether to wait for a permit.
#[derive(Clone)]
struct Shop {
    database: Database,
    pool: MySqlPool,
    runs: Arc<AtomicU32>,
    permits: Arc<Semaphore>,
}

#[derive(Debug, thiserror::Error)]
enum SaleError {
    #[error("sold out")]
    SoldOut,
    #[error("sold out, and the keys can't be written")]
    SoldOutWithoutKeys,
    #[error("interrupted after all was written")]
    Interrupted,
    #[error("the key could not be kept")]
    Keep(#[from] KeepError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<SaleError> for Problem {
    fn from(error: SaleError) -> Self {
        match error {
            SaleError::SoldOut | SaleError::SoldOutWithoutKeys => Self::new(Code::OutOfStock),
            SaleError::Interrupted => Self::internal(error),
            SaleError::Keep(error) => error.into(),
            SaleError::Database(error) => Self::database(error),
        }
    }
}

async fn sell(
    State(shop): State<Shop>,
    _: Customer,
    claim: Claim,
    body: String,
) -> Result<KeptAnswer, Problem> {
    let run = shop.runs.fetch_add(1, Ordering::SeqCst) + 1;
    let body: Value = serde_json::from_str(&body).map_err(|_| Problem::new(Code::MalformedJson))?;
    let (what, permits) = (Arc::new(body), Arc::clone(&shop.permits));
    let after_commit = Arc::clone(&what);
    let sold = shop.database.run_tx("sale", move |connection| {
        let (what, permits, claim) = (Arc::clone(&what), Arc::clone(&permits), claim.clone());
        Box::pin(async move {
            sqlx::query("INSERT INTO sales (id) VALUES (?)")
                .bind(claim.id())
                .execute(&mut *connection)
                .await?;
            if what["sold out"] == run {
                return Err(SaleError::SoldOut);
            }
            if what["sold out, and not kept"] == run {
                return Err(SaleError::SoldOutWithoutKeys);
            }
            let answer =
                Created { location: format!("/sales/{run}"), body: json!({"run": run, "id": claim.id()}) };
            let kept = idempotency::keep(connection, vec![claim.answer(answer).await?]).await?.remove(0);
            if what["wait"] == true {
                permits.acquire().await.unwrap().forget();
            }
            if what["interrupted"] == run {
                return Err(SaleError::Interrupted);
            }
            Ok::<_, SaleError>(kept)
        })
    });
    let kept = match sold.await {
        Err(SaleError::SoldOutWithoutKeys) => {
            shop.pool.execute("RENAME TABLE idempotency_keys TO away").await.unwrap();
            return Err(SaleError::SoldOutWithoutKeys.into());
        }
        sold => sold?,
    };
    match after_commit["after the commit"].as_str() {
        Some("is-slow") => tokio::time::sleep(Duration::from_millis(200)).await,
        Some("forgets") => return Err(Problem::internal(SaleError::Interrupted)),
        _ => {}
    }
    Ok(kept)
}

struct Fixture {
    shop: Shop,
    people: People,
    member: MemberId,
    client: Client,
    clock: Clock,
    clock_control: ClockControl,
    pool: MySqlPool,
    options: MySqlConnectOptions,
}

async fn fixture(options: MySqlConnectOptions) -> Fixture {
    let pool = MySqlPool::connect_with(options.clone()).await.unwrap();
    pool.execute(include_str!("../schema.sql")).await.unwrap();
    pool.execute("CREATE TABLE sales (id BINARY(16) NOT NULL, CONSTRAINT sales_pk PRIMARY KEY (id))")
        .await
        .unwrap();
    let (clock, clock_control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
    let people = People::of("order-api", &clock);
    let shop = Shop {
        database: Database::from_options(options.clone()),
        pool: pool.clone(),
        runs: Arc::default(),
        permits: Arc::new(Semaphore::new(0)),
    };
    let client = instance(&shop, &people, &clock);
    let member = people.new_member();
    Fixture { shop, people, member, client, clock, clock_control, pool, options }
}

fn instance(shop: &Shop, people: &People, clock: &Clock) -> Client {
    let idempotency_keys = IdempotencyKeys::new(shop.database.clone(), clock.clone());
    let router = idempotency_keys
        .guard(Router::new().route("/sales", post(sell)), Guard::transaction())
        .with_state(shop.clone());
    Client(people.verifier().wrap(problem::wrap(router)))
}

impl Fixture {
    fn post(&self, key: &str, body: &Value) -> testkit::Request {
        self.post_to(&self.client, key, body)
    }

    fn post_to(&self, client: &Client, key: &str, body: &Value) -> testkit::Request {
        client.post("/sales").bearer(&self.people.token(self.member, Role::Customer)).key(key).json(body)
    }

    /// The same service in another process.
    fn another_instance(&self) -> Client {
        let shop = Shop { database: Database::from_options(self.options.clone()), ..self.shop.clone() };
        instance(&shop, &self.people, &self.clock)
    }

    fn runs(&self) -> u32 {
        self.shop.runs.load(Ordering::SeqCst)
    }

    async fn sold_and_kept(&self) -> (i64, i64) {
        let counts = "SELECT (SELECT COUNT(*) FROM sales), (SELECT COUNT(*) FROM idempotency_keys)";
        sqlx::query_as(counts).fetch_one(&self.pool).await.unwrap()
    }
}

#[sqlx::test(migrations = false)]
async fn a_repetition_gets_the_first_answer_to_the_byte(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = fixture(options).await;
    let first = fixture.post("a", &json!({})).send().await.expect(StatusCode::CREATED);
    assert_eq!((first.header("idempotency-replayed"), first.header("location")), ("", "/sales/1"));
    assert_eq!(first.header("content-type"), "application/json");
    let another = fixture.another_instance();
    for again in [fixture.post("a", &json!({})), fixture.post_to(&another, "\"a\"", &json!({}))] {
        let again = again.send().await.expect(StatusCode::CREATED);
        assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &first.bytes));
        for name in ["content-type", "location"] {
            assert_eq!(again.header(name), first.header(name));
        }
    }
    assert_eq!(fixture.sold_and_kept().await, (1, 1));
}

#[sqlx::test(migrations = false)]
async fn a_key_belongs_to_one_body_and_nothing_is_kept_for_one_that_was_refused(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let token = fixture.people.token(fixture.member, Role::Customer);
    let malformed = || fixture.client.post("/sales").bearer(&token).key("a").bytes("application/json", "{");
    malformed().send().await.expect_problem(StatusCode::BAD_REQUEST, "MALFORMED_JSON");
    assert_eq!(fixture.sold_and_kept().await, (0, 0));
    let no_key = fixture.client.post("/sales").bearer(&token).json(&json!({})).send().await;
    no_key.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING");
    let nobody = fixture.client.post("/sales").key("a").json(&json!({})).send().await;
    nobody.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");

    fixture.post("a", &json!({"n": 1})).send().await.expect(StatusCode::CREATED);
    for other_body in [fixture.post("a", &json!({"n": 2})), malformed()] {
        let answer = other_body.send().await;
        answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(fixture.sold_and_kept().await, (1, 1));
}

#[sqlx::test(migrations = false)]
async fn a_refusal_is_kept_and_what_was_written_before_it_is_not(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let body = json!({"sold out": 1});
    let refused = fixture.post("a", &body).send().await;
    let refused = refused.expect_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
    assert_eq!(fixture.sold_and_kept().await, (0, 1));
    // A second run would succeed.
    let again = fixture.post("a", &body).send().await.expect(StatusCode::CONFLICT);
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &refused.bytes));
    assert_eq!(fixture.sold_and_kept().await, (0, 1));
}

#[sqlx::test(migrations = false)]
async fn a_refusal_that_can_not_be_kept_is_not_told(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = fixture(options).await;
    let body = json!({"sold out, and not kept": 1});
    let untold = fixture.post("a", &body).send().await;
    untold.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");
    fixture.pool.execute("RENAME TABLE away TO idempotency_keys").await.unwrap();
    assert_eq!(fixture.post("a", &body).send().await.expect(StatusCode::CREATED).body["run"], 2);
    assert_eq!(fixture.sold_and_kept().await, (1, 1));
}

#[sqlx::test(migrations = false)]
async fn fault_07_a_failure_before_the_commit_leaves_nothing_and_the_key_free(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let body = json!({"interrupted": 1});
    fixture.post("a", &body).send().await.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");
    assert_eq!(fixture.sold_and_kept().await, (0, 0));
    let done = fixture.post("a", &body).send().await.expect(StatusCode::CREATED);
    assert_eq!((done.header("idempotency-replayed"), &done.body["run"]), ("", &json!(2)));
    assert_eq!(fixture.sold_and_kept().await, (1, 1));
}

#[sqlx::test(migrations = false)]
async fn a_request_whose_answer_comes_long_after_its_commit_is_no_repetition(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    for trouble in ["is-slow", "forgets"] {
        let body = json!({ "after the commit": trouble });
        let first = fixture.post(trouble, &body).send().await.expect(StatusCode::CREATED);
        assert_eq!(first.header("idempotency-replayed"), "", "{trouble}");
        let again = fixture.post(trouble, &body).send().await.expect(StatusCode::CREATED);
        assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &first.bytes));
    }
    assert_eq!(fixture.sold_and_kept().await, (2, 2));
}

#[sqlx::test(migrations = false)]
async fn while_a_request_runs_its_instance_refuses_a_repetition_and_another_instance_makes_it_wait(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let body = json!({"wait": true});
    let first = tokio::spawn(fixture.post("a", &body).send());
    while fixture.runs() == 0 {
        tokio::task::yield_now().await;
    }
    let twin = fixture.post("a", &body).send().await;
    let twin = twin.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!((twin.header("retry-after"), fixture.runs()), ("1", 1));

    let another = fixture.another_instance();
    let waiting = tokio::spawn(fixture.post_to(&another, "a", &body).send());
    while fixture.runs() == 1 {
        tokio::task::yield_now().await;
    }
    // One permit for the first request; the second never gets to where it needs one.
    fixture.shop.permits.add_permits(1);
    let (first, waited) = (first.await.unwrap(), waiting.await.unwrap());
    let (first, waited) = (first.expect(StatusCode::CREATED), waited.expect(StatusCode::CREATED));
    let replayed = [&first, &waited].map(|answer| answer.header("idempotency-replayed") == "true");
    assert_eq!(replayed.into_iter().filter(|replayed| *replayed).count(), 1);
    assert_eq!(first.bytes, waited.bytes);
    assert_eq!(fixture.sold_and_kept().await, (1, 1));
}

#[sqlx::test(migrations = false)]
async fn a_request_that_is_cancelled_anywhere_has_its_whole_effect_or_none(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    const ROUNDS: u32 = 60;
    let fixture = fixture(options).await;
    let another = fixture.another_instance();
    for round in 0..ROUNDS {
        let (key, body) = (round.to_string(), json!({}));
        let request = fixture.post(&key, &body).send();
        let _ = tokio::time::timeout(Duration::from_micros(u64::from(round) * 100), request).await;
        // The request may still run without its client.
        let answers = async {
            loop {
                let answer = fixture.post_to(&another, &key, &body).send().await;
                if answer.status != StatusCode::CONFLICT {
                    return answer.expect(StatusCode::CREATED);
                }
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(20), answers).await.unwrap();
        let again = fixture.post(&key, &body).send().await.expect(StatusCode::CREATED);
        assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &answer.bytes));
    }
    assert_eq!(fixture.sold_and_kept().await, (i64::from(ROUNDS), i64::from(ROUNDS)));
}

#[sqlx::test(migrations = false)]
async fn if_many_requests_with_one_key_arrive_at_two_instances_one_takes_effect(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let another = fixture.another_instance();
    let sent: Vec<_> = (0..24)
        .map(|n| fixture.post_to(if n % 2 == 0 { &fixture.client } else { &another }, "a", &json!({})))
        .map(|request| tokio::spawn(request.send()))
        .collect();
    let mut created = Vec::new();
    for answer in sent {
        let answer = answer.await.unwrap();
        match answer.status {
            StatusCode::CREATED => created.push(answer.bytes),
            status => assert_eq!(status, StatusCode::CONFLICT),
        }
    }
    assert!(created.iter().all(|bytes| *bytes == created[0]) && !created.is_empty());
    assert_eq!(fixture.sold_and_kept().await, (1, 1));
}

#[sqlx::test(migrations = false)]
async fn a_key_is_forgotten_after_a_day(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = fixture(options).await;
    let first = fixture.post("a", &json!({"n": 1})).send().await.expect(StatusCode::CREATED);
    fixture.clock_control.advance(Duration::from_secs(24 * 60 * 60 - 1));
    let again = fixture.post("a", &json!({"n": 1})).send().await.expect(StatusCode::CREATED);
    assert_eq!(again.bytes, first.bytes);
    fixture.clock_control.advance(Duration::from_secs(1));
    let anew = fixture.post("a", &json!({"n": 2})).send().await.expect(StatusCode::CREATED);
    assert_eq!(anew.header("idempotency-replayed"), "");
    assert_ne!(anew.body["id"], first.body["id"]);
    assert_eq!(fixture.sold_and_kept().await, (2, 1));
}
