//! The trail of what happened to an account.

use std::time::Duration;

use access::Role;
use futures::future::join_all;
use http::StatusCode;
use member_api::sessions::cleanup::delete_expired;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Answer;

use crate::world::{PASSWORD, Person, World};

const HOME: &str = "203.0.113.9";
const AWAY: &str = "198.51.100.1";

async fn sign_in(world: &World, email: &str, password: &str, address: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    let request = world.client.post("/api/member/sessions").header("x-forwarded-for", address);
    request.header("user-agent", "phone/1").json(&body).send().await
}

async fn list(world: &World, token: &str, query: &str) -> Answer {
    world.client.get(&format!("/api/member/me/security-events{query}")).bearer(token).send().await
}

/// Kind, outcome and address of each event, newest first.
async fn events(world: &World, who: &Person) -> Vec<(String, String, Option<String>)> {
    let listed = list(world, &who.token, "?limit=100").await.expect(StatusCode::OK).body;
    let text = |event: &Value, name: &str| event[name].as_str().map(str::to_owned);
    let shown = |event: &Value| {
        (text(event, "kind").unwrap(), text(event, "outcome").unwrap(), text(event, "address"))
    };
    listed["items"].as_array().unwrap().iter().map(shown).collect()
}

fn names(events: &[(String, String, Option<String>)]) -> Vec<String> {
    events.iter().map(|(kind, outcome, _)| format!("{kind} {outcome}")).collect()
}

async fn count(world: &World) -> i64 {
    world.count("SELECT COUNT(*) FROM security_events").await
}

/// Waits until everything that is written after an answer is written.
async fn until_noted(world: &World) {
    let background = &world.state.background;
    testkit::until("the notes are written", Duration::from_secs(20), async || background.is_empty()).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_member_sees_who_signed_in_who_failed_and_what_was_ended(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let lee = world.customer("lee").await;
    let tick = || world.clock_control.advance(Duration::from_secs(1));
    tick();
    let _ = sign_in(&world, &kim.email, "wrong-password", AWAY).await.expect(StatusCode::UNAUTHORIZED);
    tick();
    let home = sign_in(&world, &kim.email, PASSWORD, HOME).await.expect(StatusCode::CREATED).body;
    let listed = list(&world, &kim.token, "?limit=1").await.expect(StatusCode::OK).body;
    let id = listed["items"][0]["id"].clone();
    assert_eq!(
        listed["items"],
        json!([{
            "id": id, "kind": "SIGN_IN", "address": HOME, "userAgent": "phone/1", "outcome": "SUCCEEDED",
            "createdAt": "2026-11-22T09:00:02Z",
        }])
    );
    tick();
    let wrong = json!({"currentPassword": "wrong-password", "newPassword": "another-cake-9"});
    let change = async |body: &Value| {
        world.client.put("/api/member/me/password").bearer(&kim.token).json(body).send().await.status
    };
    assert_eq!(change(&wrong).await, StatusCode::UNAUTHORIZED);
    tick();
    let right = json!({"currentPassword": PASSWORD, "newPassword": "another-cake-9"});
    assert_eq!(change(&right).await, StatusCode::NO_CONTENT);
    tick();
    // The session at home has ended with the old password, and is not ended again.
    let sessions = "SELECT id FROM sessions WHERE revoked_at IS NOT NULL";
    let ended: uuid::Uuid =
        sqlx::query_scalar(sessions).fetch_one(&mut *world.connection().await).await.unwrap();
    let end =
        world.client.delete(&format!("/api/member/me/sessions/{ended}")).bearer(&kim.token).send().await;
    let _ = end.expect(StatusCode::NO_CONTENT);
    let second = sign_in(&world, &kim.email, "another-cake-9", HOME).await.expect(StatusCode::CREATED).body;
    tick();
    let sign_out = world.client.delete("/api/member/sessions/current");
    let sign_out = sign_out.bearer(second["accessToken"].as_str().unwrap()).send().await;
    let _ = sign_out.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        names(&events(&world, &kim).await),
        [
            "SIGN_OUT SUCCEEDED",
            "SIGN_IN SUCCEEDED",
            "PASSWORD_CHANGE SUCCEEDED",
            "PASSWORD_CHANGE WRONG_PASSWORD",
            "SIGN_IN SUCCEEDED",
            "SIGN_IN WRONG_PASSWORD",
            "SIGN_IN SUCCEEDED",
        ]
    );
    assert_eq!(events(&world, &kim).await[5].2.as_deref(), Some(AWAY));
    assert_eq!(names(&events(&world, &lee).await), ["SIGN_IN SUCCEEDED"]);
    let _ = home;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refresh_token_that_is_used_twice_and_a_session_ended_from_another_are_recorded(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let other = world.sign_in(&kim.email).await;
    let refresh = async || {
        let body = json!({"refreshToken": other["refreshToken"]});
        world.client.post("/api/member/sessions/refresh").json(&body).send().await.status
    };
    assert_eq!(refresh().await, StatusCode::OK);
    world.clock_control.advance(Duration::from_secs(11));
    assert_eq!((refresh().await, refresh().await), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    let newest =
        "SELECT kind FROM security_events WHERE session_id IS NOT NULL ORDER BY created_at DESC LIMIT 1";
    let kind: String = sqlx::query_scalar(newest).fetch_one(&mut *world.connection().await).await.unwrap();
    assert_eq!(kind, "REFRESH");
    assert_eq!(
        names(&events(&world, &kim).await),
        ["REFRESH TOKEN_REUSED", "SIGN_IN SUCCEEDED", "SIGN_IN SUCCEEDED"],
        "the second reuse finds the session ended"
    );
    let third = world.sign_in(&kim.email).await;
    let id = "SELECT id FROM sessions WHERE member_id = ? AND revoked_at IS NULL ORDER BY id DESC LIMIT 1";
    let id: uuid::Uuid =
        sqlx::query_scalar(id).bind(kim.id.0).fetch_one(&mut *world.connection().await).await.unwrap();
    world.clock_control.advance(Duration::from_secs(1));
    let end = || world.client.delete(&format!("/api/member/me/sessions/{id}")).bearer(&kim.token).send();
    for answer in join_all([end(), end()]).await {
        let _ = answer.expect(StatusCode::NO_CONTENT);
    }
    let _ = third;
    let ended = names(&events(&world, &kim).await);
    assert_eq!(ended.iter().filter(|name| *name == "SESSION_END SUCCEEDED").count(), 1, "{ended:?}");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_flood_of_failures_does_not_grow_the_trail(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let before = count(&world).await;
    // Each from another place, so that some are checked and the others are throttled.
    for n in 0..30 {
        let _ = sign_in(&world, &kim.email, "wrong-password", &format!("192.0.2.{n}")).await;
        world.clock_control.advance(Duration::from_millis(1_500));
    }
    for n in 0..30 {
        let unknown = format!("nobody-{n}@example.com");
        let _ = sign_in(&world, &unknown, "wrong-password", &format!("198.51.100.{n}")).await;
    }
    until_noted(&world).await;
    let seen = names(&events(&world, &kim).await);
    let of = |name: &str| seen.iter().filter(|seen| *seen == name).count();
    assert_eq!((of("SIGN_IN WRONG_PASSWORD"), of("SIGN_IN THROTTLED")), (4, 1), "{seen:?}");
    let nobody = "SELECT COUNT(*) FROM security_events WHERE member_id = x'00000000000000000000000000000000'";
    assert_eq!(world.count(nobody).await, 4);
    assert_eq!(count(&world).await, before + 4 + 1 + 4);
    // The next hour has its own.
    world.clock_control.advance(Duration::from_hours(24));
    let _ = sign_in(&world, &kim.email, "wrong-password", AWAY).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(count(&world).await, before + 10);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_throttled_attempt_is_recorded_once_on_all_instances(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let other = world.another_instance();
    let kim = world.customer("kim").await;
    for n in 0..3 {
        let wrong = sign_in(&world, &kim.email, "wrong-password", &format!("192.0.2.{n}")).await;
        let _ = wrong.expect(StatusCode::UNAUTHORIZED);
    }
    for instance in [&world, &world, &other, &other] {
        let throttled = sign_in(instance, &kim.email, PASSWORD, AWAY).await;
        let _ = throttled.expect_problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED");
        until_noted(&world).await;
    }
    let throttled = "SELECT COUNT(*) FROM security_events WHERE outcome = 'THROTTLED'";
    assert_eq!(world.count(throttled).await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_member_who_is_refused_for_the_role_is_recorded(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let seller = world.seller("lee").await;
    for _ in 0..3 {
        let audit = world.client.get("/api/member/audit").bearer(&seller.token).send().await;
        let _ = audit.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
        let charge = world.client.post("/api/member/me/wallet/charges").bearer(&seller.token).key("k");
        let charge = charge.json(&json!({"amount": 1_000})).send().await;
        let _ = charge.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    }
    until_noted(&world).await;
    assert_eq!(names(&events(&world, &seller).await), ["ROLE_USE WRONG_ROLE", "SIGN_IN SUCCEEDED"]);
    let admin = world.token_of_a_stranger(Role::Admin);
    let _ = world.client.get("/api/member/audit").bearer(&admin).send().await.expect(StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn pages_of_events_have_no_gap_and_no_repeat_and_belong_to_their_member(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    for _ in 0..3 {
        // Some are of one moment.
        world.sign_in(&kim.email).await;
    }
    world.clock_control.advance(Duration::from_hours(2));
    let mut tokens = Value::Null;
    for _ in 0..3 {
        tokens = world.sign_in(&kim.email).await;
    }
    let kim = tokens["accessToken"].as_str().unwrap().to_owned();
    let lee = world.sign_in(&lee.email).await["accessToken"].as_str().unwrap().to_owned();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&world, &kim, &format!("?limit=2&cursor={cursor}")).await;
        let page = page.expect(StatusCode::OK).body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        next.clone_into(&mut cursor);
        let of_lee = list(&world, &lee, &format!("?cursor={cursor}")).await;
        let _ = of_lee.expect_problem(StatusCode::BAD_REQUEST, "BAD_CURSOR");
    }
    assert_eq!(seen.len(), 7);
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[sqlx::test(migrations = "./migrations")]
async fn nothing_is_recorded_of_a_sign_in_that_did_not_happen(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let before = count(&world).await;
    // The insertion of the session's token fails after that of the session.
    let rename = "ALTER TABLE refresh_tokens RENAME TO refresh_tokens_away";
    sqlx::query(rename).execute(&mut *world.connection().await).await.unwrap();
    assert!(sign_in(&world, &kim.email, PASSWORD, HOME).await.status.is_server_error());
    assert_eq!(count(&world).await, before);
}

#[sqlx::test(migrations = "./migrations")]
async fn old_events_are_deleted(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let sweep = async || {
        let state = &world.state;
        delete_expired(&state.database, &state.clock, &state.throttle, &state.trail).await.unwrap();
    };
    world.clock_control.advance(Duration::from_hours(24 * 180));
    sweep().await;
    assert_eq!(count(&world).await, 1);
    world.sign_in(&kim.email).await;
    world.clock_control.advance(Duration::from_secs(1));
    sweep().await;
    assert_eq!(count(&world).await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn no_address_is_left_of_a_closed_account_and_what_happened_is(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let lee = world.customer("lee").await;
    for who in [&kim, &lee] {
        let _ = sign_in(&world, &who.email, PASSWORD, HOME).await.expect(StatusCode::CREATED);
    }
    let close = world.client.delete("/api/member/me").bearer(&kim.token).send().await;
    let _ = close.expect(StatusCode::NO_CONTENT);
    let of_kim = events(&world, &kim).await;
    assert!(of_kim.iter().all(|(_, _, address)| address.is_none()), "{of_kim:?}");
    assert_eq!(of_kim.iter().filter(|(kind, ..)| kind == "ACCOUNT_CLOSING").count(), 1);
    let programs = "SELECT COUNT(*) FROM security_events WHERE user_agent IS NOT NULL";
    assert_eq!(world.count(programs).await, 1, "that of lee");
    assert_eq!(events(&world, &lee).await[0].2.as_deref(), Some(HOME));
}
