//! A request that is sent more than once, whose effect takes several steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use access::{Customer, MemberId, Role};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clock::{Clock, ClockControl};
use database::Database;
use http::StatusCode;
use idempotency::{Guard, IdempotencyKeys, Operation, TakenOver};
use jobs::Progress;
use problem::{Code, Created, Problem};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor, MySqlPool};
use testkit::{Client, People};
use time::macros::datetime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Counts its runs. The body of the request says what to answer, and whether to wait for a permit. Then it begins its effect, if
/// it may.
#[derive(Clone)]
struct Shop {
    database: Database,
    runs: Arc<AtomicU32>,
    permits: Arc<Semaphore>,
    operations: Arc<std::sync::Mutex<Vec<Uuid>>>,
    /// Whether the effect could be begun, by runs that have no permit to wait for any more.
    begun: Arc<std::sync::Mutex<Vec<bool>>>,
    pool: MySqlPool,
}

async fn order(State(shop): State<Shop>, _: Customer, operation: Operation, body: String) -> Response {
    let run = shop.runs.fetch_add(1, Ordering::SeqCst) + 1;
    let id = operation.id;
    shop.operations.lock().unwrap().push(id);
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    if body["wait"] == true {
        shop.permits.acquire().await.unwrap().forget();
    }
    let begin = shop.database.run_tx("begin", move |connection| {
        let operation = operation.clone();
        Box::pin(async move { operation.hold(connection).await })
    });
    let begun: sqlx::Result<Result<(), TakenOver>> = begin.await;
    shop.begun.lock().unwrap().push(begun.unwrap().is_ok());
    match body["answer"].as_str() {
        Some("400 once") if run == 1 => Problem::new(Code::ValidationFailed).into_response(),
        Some("409 once") if run == 1 => Problem::new(Code::OutOfStock).into_response(),
        Some("409, not kept") if run == 1 => {
            shop.pool.execute("RENAME TABLE idempotency_keys TO away").await.unwrap();
            Problem::new(Code::OutOfStock).into_response()
        }
        Some("400") => Problem::new(Code::ValidationFailed).into_response(),
        Some("409") => Problem::new(Code::OutOfStock).extra("shortages", &[run]).into_response(),
        Some("500 once") if run == 1 => Problem::new(Code::Internal).into_response(),
        _ => Created { location: format!("/orders/{run}"), body: json!({"run": run, "id": id}) }
            .into_response(),
    }
}

struct Fixture {
    shop: Shop,
    people: People,
    member: MemberId,
    client: Client,
    clock_control: ClockControl,
    pool: MySqlPool,
    idempotency_keys: IdempotencyKeys,
}

async fn fixture(options: MySqlConnectOptions) -> Fixture {
    let pool = MySqlPool::connect_with(options.clone()).await.unwrap();
    pool.execute(include_str!("../schema.sql")).await.unwrap();
    let (clock, clock_control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
    let people = People::of("order-api", &clock);
    let database = Database::from_options(options);
    let shop = Shop {
        database: database.clone(),
        runs: Arc::default(),
        permits: Arc::new(Semaphore::new(0)),
        operations: Arc::default(),
        begun: Arc::default(),
        pool: pool.clone(),
    };
    let idempotency_keys = IdempotencyKeys::new(database, clock);
    let routes = Router::new().route("/orders", post(order)).route("/lines/{id}/x", post(order));
    let router = idempotency_keys.guard(routes, Guard::steps()).with_state(shop.clone());
    let client = Client(people.verifier().wrap(problem::wrap(router)));
    let member = people.new_member();
    Fixture { shop, people, member, client, clock_control, pool, idempotency_keys }
}

impl Fixture {
    fn post(&self, key: &str, body: &Value) -> testkit::Request {
        self.client.post("/orders").bearer(&self.token()).key(key).json(body)
    }

    fn token(&self) -> String {
        self.people.token(self.member, Role::Customer)
    }

    fn runs(&self) -> u32 {
        self.shop.runs.load(Ordering::SeqCst)
    }

    async fn kept(&self) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM idempotency_keys").fetch_one(&self.pool).await.unwrap()
    }
}

#[sqlx::test(migrations = false)]
async fn a_repetition_gets_the_first_answer_to_the_byte(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = fixture(options).await;
    for (key, body, status) in
        [("a", json!({}), StatusCode::CREATED), ("b", json!({"answer": "409"}), StatusCode::CONFLICT)]
    {
        let first = fixture.post(key, &body).send().await.expect(status);
        assert_eq!(first.header("idempotency-replayed"), "");
        let runs = fixture.runs();
        for bare_or_quoted in [key.to_owned(), format!("\"{key}\"")] {
            let again = fixture.post(&bare_or_quoted, &body).send().await.expect(status);
            assert_eq!(again.header("idempotency-replayed"), "true");
            assert_eq!(again.bytes, first.bytes);
            for name in ["content-type", "location"] {
                assert_eq!(again.header(name), first.header(name));
            }
        }
        assert_eq!(fixture.runs(), runs);
    }
}

#[sqlx::test(migrations = false)]
async fn a_key_is_demanded_and_belongs_to_one_body_one_member_and_one_route(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let no_key = fixture.client.post("/orders").bearer(&fixture.token()).json(&json!({})).send().await;
    no_key.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING");
    let bad_key = fixture.post("a b", &json!({})).send().await;
    bad_key.expect_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID");
    let nobody = fixture.client.post("/orders").key("a").json(&json!({})).send().await;
    nobody.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    assert_eq!((fixture.runs(), fixture.kept().await), (0, 0));

    fixture.post("a", &json!({"n": 1})).send().await.expect(StatusCode::CREATED);
    let other_body = fixture.post("a", &json!({"n": 2})).send().await;
    other_body.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(fixture.runs(), 1);

    let other = fixture.people.token(fixture.people.new_member(), Role::Customer);
    let other_member =
        fixture.client.post("/orders").bearer(&other).key("a").json(&json!({"n": 2})).send().await;
    assert_eq!(other_member.expect(StatusCode::CREATED).body["run"], 2);
    let other_route =
        fixture.client.post("/lines/1/x").bearer(&fixture.token()).key("a").json(&json!({"n": 1}));
    assert_eq!(other_route.send().await.expect(StatusCode::CREATED).body["run"], 3);
    let other_thing =
        fixture.client.post("/lines/2/x").bearer(&fixture.token()).key("a").json(&json!({"n": 1}));
    other_thing.send().await.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
}

#[sqlx::test(migrations = false)]
async fn nothing_is_kept_for_a_body_that_was_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = fixture(options).await;
    let refused = fixture.post("a", &json!({"answer": "400"})).send().await;
    refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(fixture.kept().await, 0);
    let corrected = fixture.post("a", &json!({})).send().await.expect(StatusCode::CREATED);
    assert_eq!(corrected.body["run"], 2);
}

#[sqlx::test(migrations = false)]
async fn a_server_error_is_run_again_as_the_same_operation(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let body = json!({"answer": "500 once"});
    fixture.post("a", &body).send().await.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");
    fixture.post("a", &body).send().await.expect(StatusCode::CREATED);
    let operations = fixture.shop.operations.lock().unwrap().clone();
    assert_eq!(operations.len(), 2);
    assert_eq!(operations[0], operations[1]);
}

#[sqlx::test(migrations = false)]
async fn a_request_that_runs_is_not_run_twice_and_outlives_its_client(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let body = json!({"wait": true});
    let client = tokio::spawn(fixture.post("a", &body).send());
    while fixture.runs() == 0 {
        tokio::task::yield_now().await;
    }
    let meanwhile = fixture.post("a", &body).send().await;
    let meanwhile = meanwhile.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(meanwhile.header("retry-after"), "1");

    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    fixture.shop.permits.add_permits(1);
    let answer = async {
        loop {
            let answer = fixture.post("a", &body).send().await;
            if answer.status != StatusCode::CONFLICT {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap();
    assert_eq!(answer.expect(StatusCode::CREATED).header("idempotency-replayed"), "true");
    assert_eq!(fixture.runs(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_request_whose_process_died_is_run_to_its_end_once_by_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    let first = fixture.post("a", &json!({})).send().await.expect(StatusCode::CREATED);
    // So is the row if the process dies before it keeps the answer.
    fixture.pool.execute("UPDATE idempotency_keys SET status = NULL, body = NULL").await.unwrap();
    let too_soon = fixture.post("a", &json!({})).send().await;
    too_soon.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE");

    fixture.clock_control.advance(Duration::from_secs(31));
    let (one, other) =
        tokio::join!(fixture.post("a", &json!({})).send(), fixture.post("a", &json!({})).send());
    let mut statuses = [one.status, other.status];
    statuses.sort();
    assert_eq!(fixture.runs(), 2, "one of the two took it over");
    assert_eq!(statuses[0], StatusCode::CREATED);
    let finished = if one.status == StatusCode::CREATED { one } else { other };
    assert_eq!(finished.body["id"], first.body["id"]);
}

#[sqlx::test(migrations = false)]
async fn a_request_that_was_taken_over_begins_no_effect_and_decides_nothing(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = fixture(options).await;
    for (tries, refusal) in (1..).zip(["409 once", "400 once"]) {
        let (key, body) = (&refusal[..3], json!({"wait": true, "answer": refusal}));
        fixture.shop.runs.store(0, Ordering::SeqCst);
        fixture.shop.begun.lock().unwrap().clear();
        let send = || tokio::spawn(fixture.post(key, &body).send());
        let runs = async |number| {
            while fixture.runs() < number {
                tokio::task::yield_now().await;
            }
        };
        let first = send();
        runs(1).await;
        fixture.clock_control.advance(Duration::from_secs(31));
        let second = send();
        runs(2).await;
        // The first one goes on, refuses, and ends before the second.
        fixture.shop.permits.add_permits(1);
        let first = first.await.unwrap();
        fixture.shop.permits.add_permits(1);
        let second = second.await.unwrap().expect(StatusCode::CREATED);
        let third = fixture.post(key, &body).send().await.expect(StatusCode::CREATED);
        assert_eq!((third.header("idempotency-replayed"), &third.bytes), ("true", &second.bytes));
        assert_eq!(*fixture.shop.begun.lock().unwrap(), [false, true]);
        assert_eq!((fixture.runs(), fixture.kept().await), (2, tries));
        // A refusal that is kept under no key can be told.
        match refusal {
            "409 once" => first.expect_problem(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE"),
            _ => first.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED"),
        };
    }
}

#[sqlx::test(migrations = false)]
async fn a_refusal_that_can_not_be_kept_is_not_told(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = fixture(options).await;
    let body = json!({"answer": "409, not kept"});
    let untold = fixture.post("a", &body).send().await;
    untold.expect_problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL");
    fixture.pool.execute("RENAME TABLE away TO idempotency_keys").await.unwrap();
    fixture.clock_control.advance(Duration::from_secs(31));
    let again = fixture.post("a", &body).send().await.expect(StatusCode::CREATED);
    let operations = fixture.shop.operations.lock().unwrap().clone();
    assert_eq!(again.body["id"], json!(operations[0]));
    assert_eq!(operations[0], operations[1]);
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
    assert_eq!(anew.body["run"], 2);
    assert_ne!(anew.body["id"], first.body["id"]);

    fixture.clock_control.advance(Duration::from_secs(24 * 60 * 60));
    let purge =
        fixture.idempotency_keys.clone().keep_purging(Progress::new("purge"), CancellationToken::new());
    let purging = tokio::spawn(purge);
    let forgotten = async {
        while fixture.kept().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.unwrap();
    purging.abort();
}

#[sqlx::test(migrations = false)]
async fn of_many_at_once_one_runs(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = fixture(options).await;
    let sent: Vec<_> = (0..24).map(|_| tokio::spawn(fixture.post("a", &json!({})).send())).collect();
    let mut created = 0;
    for answer in sent {
        match answer.await.unwrap().status {
            StatusCode::CREATED => created += 1,
            status => assert_eq!(status, StatusCode::CONFLICT),
        }
    }
    assert!(created >= 1);
    assert_eq!(fixture.runs(), 1);
}
