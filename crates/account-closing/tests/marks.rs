//! The routes of a participant: a mark is set, taken away and set for ever, in whatever order the requests arrive.

use std::sync::Mutex;
use std::time::Duration;

use access::MemberId;
use account_closing::{Open, OpenKind, Participant, is_marked, lock_unmarked};
use clock::Clock;
use database::Database;
use http::StatusCode;
use problem::Problem;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor, MySqlPool};
use testkit::{Answer, Client, People, statements, until};
use time::macros::datetime;

/// A service in which each member always has two open stores.
#[derive(Clone)]
struct Stores {
    database: Database,
    clock: Clock,
}

impl Participant for Stores {
    fn database(&self) -> &Database {
        &self.database
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn find_open(&self, _: MemberId) -> Result<Vec<Open>, Problem> {
        Ok(Open::counted(OpenKind::LiveStore, 2).into_iter().collect())
    }

    async fn forget(&self, _: MemberId, _: &str) -> Result<(), Problem> {
        Ok(())
    }
}

struct Fixture {
    stores: Stores,
    client: Client,
    token: String,
    member: MemberId,
    rows: MySqlPool,
}

impl Fixture {
    async fn new(options: MySqlConnectOptions) -> Self {
        let rows = MySqlPool::connect_with(options.clone()).await.expect("the test server");
        rows.execute(include_str!("../schema.sql")).await.expect("the table");
        let (clock, _) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
        let people = People::of("store-api", &clock);
        let stores = Stores { database: Database::from_options(options), clock };
        let router = account_closing::router().with_state(stores.clone());
        let router = access::only_services(router, &[account_closing::MEMBER_API]);
        Self {
            stores,
            client: Client(problem::wrap(people.verifier().wrap(router))),
            token: people.service_token("member-api", "store-api"),
            member: people.new_member(),
            rows,
        }
    }

    async fn put(&self, number: u64) -> Value {
        let request = self.client.put(&self.path("")).bearer(&self.token).json(&json!({ "number": number }));
        request.send().await.expect(StatusCode::OK).body
    }

    async fn post(&self, what: &str, body: Value) -> Answer {
        self.client.post(&self.path(what)).bearer(&self.token).json(&body).send().await
    }

    async fn undo(&self, number: u64) {
        let _ = self.post("/undo", json!({ "number": number })).await.expect(StatusCode::OK);
    }

    fn path(&self, what: &str) -> String {
        format!("/internal/closings/{}{what}", self.member)
    }

    async fn is_marked(&self) -> bool {
        let member = self.member;
        let look =
            self.stores.database.read("look", move |connection| Box::pin(is_marked(connection, member)));
        look.await.expect("the database answers")
    }
}

fn marked() -> Value {
    json!({ "isMarked": true, "open": [{ "kind": "LIVE_STORE", "count": 2 }] })
}

fn refused() -> Value {
    json!({ "isMarked": false, "open": [] })
}

#[sqlx::test(migrations = false)]
async fn looking_sets_no_mark(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = Fixture::new(options).await;
    let found = fixture.client.get(&fixture.path("")).bearer(&fixture.token).send().await;
    assert_eq!(found.expect(StatusCode::OK).body, json!({ "open": marked()["open"] }));
    assert!(!fixture.is_marked().await);
}

#[sqlx::test(migrations = false)]
async fn a_request_of_an_attempt_that_was_given_up_changes_nothing(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = Fixture::new(options).await;
    assert_eq!(fixture.put(1).await, marked());
    assert_eq!(fixture.put(1).await, marked(), "it is sent again");
    fixture.undo(1).await;
    assert!(!fixture.is_marked().await);
    assert_eq!(fixture.put(1).await, refused(), "it arrives late");
    assert!(!fixture.is_marked().await);

    assert_eq!(fixture.put(3).await, marked());
    assert_eq!(fixture.put(2).await, refused());
    fixture.undo(2).await;
    assert!(fixture.is_marked().await, "the later attempt has its mark");
    // A worker undoes it by a later number, which marks nothing itself afterwards.
    fixture.undo(4).await;
    assert_eq!(fixture.put(4).await, refused());
    assert!(!fixture.is_marked().await);
}

#[sqlx::test(migrations = false)]
async fn an_attempt_that_is_undone_before_it_arrives_sets_no_mark(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = Fixture::new(options).await;
    fixture.undo(1).await;
    assert_eq!(fixture.put(1).await, refused());
    assert_eq!(fixture.put(2).await, marked());
}

#[sqlx::test(migrations = false)]
async fn a_closed_member_stays_so(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let fixture = Fixture::new(options).await;
    assert_eq!(fixture.put(1).await, marked());
    for _ in 0..2 {
        let _ = fixture.post("/forget", json!({ "placeholder": "탈퇴한 회원" })).await.expect(StatusCode::OK);
    }
    fixture.undo(9).await;
    assert_eq!(fixture.put(10).await, refused());
    assert!(fixture.is_marked().await);
}

#[sqlx::test(migrations = false)]
async fn a_member_whose_row_is_locked_is_marked_afterwards(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let fixture = Fixture::new(options).await;
    let (member, now) = (fixture.member, fixture.stores.clock.now());
    let (locked, wait_for_lock) = tokio::sync::oneshot::channel();
    let (go_on, wait_to_go_on) = tokio::sync::oneshot::channel::<()>();
    let channels = Mutex::new(Some((locked, wait_to_go_on)));
    let business = fixture.stores.database.run_tx("business", move |connection| {
        let channels = channels.lock().expect("no panic").take();
        Box::pin(async move {
            assert!(lock_unmarked(connection, [member, member], now).await?);
            let (locked, wait) = channels.expect("it is run once");
            locked.send(()).expect("somebody waits");
            wait.await.expect("it is told");
            Ok::<_, sqlx::Error>(())
        })
    });
    let closing = async {
        wait_for_lock.await.expect("it locks");
        let request =
            fixture.client.put(&fixture.path("")).bearer(&fixture.token).json(&json!({ "number": 1 }));
        let mark = tokio::spawn(request.send());
        until("the mark waits for the lock", Duration::from_secs(20), async || {
            statements(&fixture.rows).await.iter().any(|sql| sql.starts_with("INSERT INTO member_closings"))
        })
        .await;
        assert!(!mark.is_finished());
        go_on.send(()).expect("it waits");
        mark.await.expect("no panic").expect(StatusCode::OK).body
    };
    let (business, answer) = tokio::join!(business, closing);
    business.expect("it is committed");
    assert_eq!(answer, marked());
}
