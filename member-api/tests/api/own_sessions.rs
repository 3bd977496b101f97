//! The list of a member's sessions, ending one, and the time after which a session ends for good.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Answer;
use uuid::Uuid;

use crate::world::{PASSWORD, Person, World};

async fn list(world: &World, token: &str, query: &str) -> Answer {
    world.client.get(&format!("/api/member/me/sessions{query}")).bearer(token).send().await
}

async fn sessions(world: &World, token: &str) -> Vec<Value> {
    list(world, token, "").await.expect(StatusCode::OK).body["items"].as_array().unwrap().clone()
}

async fn end(world: &World, token: &str, id: &Value) -> Answer {
    let path = format!("/api/member/me/sessions/{}", id.as_str().unwrap());
    world.client.delete(&path).bearer(token).send().await
}

async fn sign_in(world: &World, who: &Person, address: &str, user_agent: &str) -> Value {
    let request = world.client.post("/api/member/sessions").header("x-forwarded-for", address);
    let body = json!({"email": who.email, "password": PASSWORD});
    let request = request.header("user-agent", user_agent).json(&body);
    request.send().await.expect(StatusCode::CREATED).body
}

async fn refresh(world: &World, tokens: &Value, address: &str) -> Answer {
    let body = json!({"refreshToken": tokens["refreshToken"]});
    let request = world.client.post("/api/member/sessions/refresh").header("x-forwarded-for", address);
    request.header("user-agent", "phone/2").json(&body).send().await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn a_member_sees_where_they_are_signed_in(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let _lee = world.customer("lee").await;
    world.clock_control.advance(Duration::from_secs(60));
    let phone = sign_in(&world, &kim, "192.0.2.7, 203.0.113.9", "phone/1 \u{202E}x").await;
    world.clock_control.advance(Duration::from_secs(60));
    let phone = refresh(&world, &phone, "2001:db8::1").await.expect(StatusCode::OK).body;

    let seen = sessions(&world, text(&phone, "accessToken")).await;
    assert_eq!(seen.len(), 2);
    let id = seen[0]["id"].clone();
    assert_eq!(
        seen[0],
        json!({
            "id": id, "createdAt": "2026-11-22T09:01:00Z", "lastUsedAt": "2026-11-22T09:02:00Z",
            "expiresAt": "2026-12-22T09:02:00Z", "address": "2001:db8::1", "userAgent": "phone/2", "current": true,
        })
    );
    assert_eq!((&seen[1]["current"], &seen[1]["address"]), (&json!(false), &Value::Null));
    let from_the_other = sessions(&world, &kim.token).await;
    assert_eq!((&from_the_other[0]["current"], &from_the_other[1]["current"]), (&json!(false), &json!(true)));
    assert_eq!(
        world.count("SELECT COUNT(*) FROM sessions WHERE user_agent = 'phone/1 x'").await,
        0,
        "the last use replaces the one before"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn pages_of_sessions_have_no_gap_and_no_repeat_and_belong_to_their_member(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    for _ in 0..4 {
        world.sign_in(&kim.email).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&world, &kim.token, &format!("?limit=2&cursor={cursor}")).await;
        let page = page.expect(StatusCode::OK).body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "id").to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        next.clone_into(&mut cursor);
        let _ = list(&world, &lee.token, &format!("?cursor={cursor}"))
            .await
            .expect_problem(StatusCode::BAD_REQUEST, "BAD_CURSOR");
        // A new session comes before all pages.
        world.sign_in(&kim.email).await;
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_session_that_is_ended_gets_no_more_tokens_and_the_gateway_hears_of_it(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let elsewhere = world.sign_in(&kim.email).await;
    let seen = sessions(&world, &kim.token).await;
    let id = &seen.iter().find(|session| session["current"] == false).unwrap()["id"];
    // Twice at once on two instances, and sent again.
    let other = world.another_instance();
    let both = tokio::join!(end(&world, &kim.token, id), end(&other, &kim.token, id));
    for answer in [both.0, both.1, end(&world, &kim.token, id).await] {
        let _ = answer.expect(StatusCode::NO_CONTENT);
    }
    let _ = refresh(&world, &elsewhere, "192.0.2.1")
        .await
        .expect_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");
    let gateway = world.people.service_token("gateway", "member-api");
    let told = world.client.get("/internal/revocations").bearer(&gateway).send().await.expect(StatusCode::OK);
    assert_eq!(told.body["sessions"], json!([id]));
    assert_eq!(sessions(&world, &kim.token).await.len(), 1);

    // One's own, too.
    let own = sessions(&world, &kim.token).await[0]["id"].clone();
    let _ = end(&world, &kim.token, &own).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.count("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NOT NULL").await, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn nobody_ends_the_session_of_another(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    let of_lee = sessions(&world, &lee.token).await[0]["id"].clone();
    for id in [of_lee, json!(Uuid::nil()), json!(world.state.clock.new_id())] {
        let _ = end(&world, &kim.token, &id).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let _ = end(&world, &kim.token, &json!("x")).await.expect(StatusCode::BAD_REQUEST);
    assert_eq!(world.count("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL").await, 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_session_ends_for_good_ninety_days_after_its_sign_in(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let days = |days: u64| Duration::from_hours(days * 24);
    let kim = world.customer("kim").await;
    let mut tokens = json!({"refreshToken": kim.refresh_token});
    for expires_at in ["2027-01-20T09:00:00Z", "2027-02-18T09:00:00Z", "2027-02-20T09:00:00Z"] {
        world.clock_control.advance(days(29));
        tokens = refresh(&world, &tokens, "192.0.2.1").await.expect(StatusCode::OK).body;
        let seen = sessions(&world, text(&tokens, "accessToken")).await;
        assert_eq!(seen[0]["expiresAt"], expires_at);
    }
    world.clock_control.advance(days(3));
    let _ = refresh(&world, &tokens, "192.0.2.1")
        .await
        .expect_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");
    let again = world.sign_in(&kim.email).await;
    assert_eq!(sessions(&world, text(&again, "accessToken")).await.len(), 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn sessions_that_a_longer_setting_has_extended_end_by_the_one_in_force(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    // What an older build, or a setting of a year, has written.
    let extend = "UPDATE sessions SET expires_at = DATE_ADD(expires_at, INTERVAL 300 DAY)";
    sqlx::query(extend).execute(&mut *world.connection().await).await.unwrap();
    assert_eq!(sessions(&world, &kim.token).await[0]["expiresAt"], "2027-02-20T09:00:00Z");
    world.clock_control.advance(Duration::from_hours(90 * 24));
    let tokens = json!({"refreshToken": kim.refresh_token});
    let _ = refresh(&world, &tokens, "192.0.2.1")
        .await
        .expect_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");
}

#[sqlx::test(migrations = "./migrations")]
async fn nothing_is_left_of_where_the_member_of_a_closed_account_was(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    sign_in(&world, &kim, "192.0.2.7", "phone/1").await;
    let close = world.client.delete("/api/member/me").bearer(&kim.token).send().await;
    let _ = close.expect(StatusCode::NO_CONTENT);
    let left = "SELECT COUNT(*) FROM sessions WHERE address IS NOT NULL OR user_agent IS NOT NULL";
    assert_eq!(world.count(left).await, 0);
}
