//! The second factor: setting it up, signing in with it, turning it off. [`World`] allows 3 failed attempts without a delay.

use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;
use member_api::accounts::operator_otp::{self, OfMember};
use member_api::members::Email;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Answer;
use totp_rs::{Builder, Secret};

use crate::world::{PASSWORD, Person, World, otp_keys};

const HOME: &str = "203.0.113.9";

/// What the member's authenticator shows some steps from now.
fn code(world: &World, secret: &str, steps: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    let now = world.state.clock.now().unix_timestamp() + 30 * steps;
    totp.generate(now.try_into().unwrap()).to_string()
}

/// Six digits that no step near now has.
fn wrong_code(world: &World, secret: &str) -> String {
    let near: Vec<_> = (-2..=2).map(|step| code(world, secret, step)).collect();
    (0..10).map(|n: u32| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
}

async fn begin(world: &World, token: &str) -> Answer {
    world.client.post("/api/member/me/otp").bearer(token).send().await
}

async fn confirm(world: &World, token: &str, code: &str) -> Answer {
    world.client.put("/api/member/me/otp").bearer(token).json(&json!({"otp": code})).send().await
}

async fn remove(world: &World, token: &str, password: &str, code: &str) -> Answer {
    let body = json!({"currentPassword": password, "otp": code});
    world.client.delete("/api/member/me/otp").bearer(token).json(&body).send().await
}

async fn sign_in(world: &World, email: &str, password: &str, code: Option<&str>) -> Answer {
    sign_in_from(world, HOME, email, password, code).await
}

async fn sign_in_from(
    world: &World,
    address: &str,
    email: &str,
    password: &str,
    code: Option<&str>,
) -> Answer {
    let mut body = json!({"email": email, "password": password});
    if let Some(code) = code {
        body["otp"] = json!(code);
    }
    world.client.post("/api/member/sessions").header("x-forwarded-for", address).json(&body).send().await
}

fn needs_code(answer: Answer) -> Answer {
    answer.expect_problem(StatusCode::UNAUTHORIZED, "OTP_REQUIRED")
}

/// A second factor in force, whose codes up to the present one are used.
async fn enrol(world: &World, who: &Person) -> String {
    let begun = begin(world, &who.token).await.expect(StatusCode::CREATED).body;
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let _ = confirm(world, &who.token, &code(world, &secret, 0)).await.expect(StatusCode::NO_CONTENT);
    secret
}

/// A customer who has a second factor in force, and its secret.
async fn enrolled(options: MySqlConnectOptions) -> (World, Person, String) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let secret = enrol(&world, &kim).await;
    (world, kim, secret)
}

fn next_step(world: &World) {
    world.clock_control.advance(Duration::from_secs(30));
}

#[sqlx::test(migrations = "./migrations")]
async fn a_second_factor_is_in_force_when_its_first_code_was_sent(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let nothing = confirm(&world, &kim.token, "000000").await;
    let _ = nothing.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let first = begin(&world, &kim.token).await.expect(StatusCode::CREATED);
    assert_eq!(first.header("cache-control"), "no-store");
    assert_eq!(first.header("location"), "/api/member/me");
    let begun = begin(&world, &kim.token).await.expect(StatusCode::CREATED).body;
    let (secret, uri) = (begun["secret"].as_str().unwrap(), begun["uri"].as_str().unwrap());
    assert_eq!(secret.len(), 32);
    assert!(uri.starts_with("otpauth://totp/Dalkom:kim%40example.com?"), "{uri}");
    assert!(uri.contains(&format!("secret={secret}")), "{uri}");
    assert_eq!(begun.as_object().unwrap().len(), 2);

    let _ = sign_in(&world, &kim.email, PASSWORD, None).await.expect(StatusCode::CREATED);
    needs_code(confirm(&world, &kim.token, &wrong_code(&world, secret)).await);
    // The first secret was replaced.
    let of_the_first = code(&world, first.body["secret"].as_str().unwrap(), 0);
    needs_code(confirm(&world, &kim.token, &of_the_first).await);
    let right = code(&world, secret, 0);
    let _ = confirm(&world, &kim.token, &right).await.expect(StatusCode::NO_CONTENT);

    needs_code(sign_in(&world, &kim.email, PASSWORD, None).await);
    needs_code(sign_in(&world, &kim.email, PASSWORD, Some(&right)).await);
    next_step(&world);
    let next = code(&world, secret, 0);
    let _ = sign_in(&world, &kim.email, PASSWORD, Some(&next)).await.expect(StatusCode::CREATED);
    needs_code(sign_in(&world, &kim.email, PASSWORD, Some(&next)).await);
    // Sent again, because the answer was lost.
    let _ = confirm(&world, &kim.token, &right).await.expect(StatusCode::NO_CONTENT);
    let _ = begin(&world, &kim.token).await.expect_problem(StatusCode::CONFLICT, "OTP_IN_FORCE");
    let malformed = sign_in(&world, &kim.email, PASSWORD, Some("12345")).await;
    let malformed = malformed.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(malformed.fault_pointers(), ["/otp"]);
    let stored: String = sqlx::query_scalar("SELECT sealed_secret FROM one_time_passwords")
        .fetch_one(&mut *world.connection().await)
        .await
        .unwrap();
    assert!(stored.starts_with("{cipher}{key:test}") && !stored.contains(secret), "{stored}");
}

#[sqlx::test(migrations = "./migrations")]
async fn who_does_not_know_the_password_is_not_told_of_the_second_factor(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (world, kim, secret) = enrolled(options).await;
    next_step(&world);
    let right = code(&world, &secret, 0);
    for code in [None, Some("000000"), Some(right.as_str())] {
        for email in [kim.email.as_str(), "nobody@example.com"] {
            let refused = sign_in(&world, email, "wrong-password", code).await;
            let _ = refused.expect_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
        }
        world.clock_control.advance(Duration::from_hours(24));
    }
    // The right code with a wrong password was not used.
    let right = code(&world, &secret, 0);
    let _ = sign_in(&world, &kim.email, PASSWORD, Some(&right)).await.expect(StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_code_is_taken_once_also_on_two_instances_at_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let other = world.another_instance();
    let kim = world.customer("kim").await;
    let secret = enrol(&world, &kim).await;
    for _ in 0..5 {
        world.clock_control.advance(Duration::from_hours(24));
        let right = code(&world, &secret, 0);
        let all = [&world, &other].map(|instance| sign_in(instance, &kim.email, PASSWORD, Some(&right)));
        let made = join_all(all).await.into_iter().filter(|answer| answer.status == StatusCode::CREATED);
        assert_eq!(made.count(), 1);
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, 1 + 5);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_clock_may_be_off_by_a_step_and_no_older_code_is_taken_after_a_newer_one(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (world, kim, secret) = enrolled(options).await;
    world.clock_control.advance(Duration::from_secs(300));
    let codes: Vec<_> = (-2..=2).map(|step| code(&world, &secret, step)).collect();
    let attempt = async |code: &str| sign_in(&world, &kim.email, PASSWORD, Some(code)).await.status;
    assert_eq!(attempt(&codes[0]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(attempt(&codes[4]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(attempt(&codes[1]).await, StatusCode::CREATED);
    assert_eq!(attempt(&codes[3]).await, StatusCode::CREATED);
    assert_eq!(attempt(&codes[2]).await, StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrations = "./migrations")]
async fn wrong_codes_count_like_wrong_passwords_and_missing_ones_do_not(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (world, kim, secret) = enrolled(options).await;
    next_step(&world);
    let failures = async || world.count("SELECT COUNT(*) FROM sign_in_failures").await;
    for _ in 0..5 {
        needs_code(sign_in(&world, &kim.email, PASSWORD, None).await);
    }
    assert_eq!(failures().await, 0);
    let wrong = wrong_code(&world, &secret);
    for n in 0..3 {
        needs_code(sign_in_from(&world, &format!("192.0.2.{n}"), &kim.email, PASSWORD, Some(&wrong)).await);
    }
    // As after wrong passwords, a right code has to wait, too.
    let right = code(&world, &secret, 0);
    let throttled = sign_in(&world, &kim.email, PASSWORD, Some(&right)).await;
    let throttled = throttled.expect_problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED");
    assert_eq!(throttled.header("retry-after"), "1");
    world.clock_control.advance(Duration::from_secs(1));
    // Asking whether a code is needed does not use the turn up.
    needs_code(sign_in(&world, &kim.email, PASSWORD, None).await);
    let _ = sign_in(&world, &kim.email, PASSWORD, Some(&right)).await.expect(StatusCode::CREATED);
    let wrong_codes = "SELECT COUNT(*) FROM security_events WHERE kind = 'SIGN_IN' AND outcome = 'WRONG_OTP'";
    assert_eq!(world.count(wrong_codes).await, 3);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_burst_of_codes_is_not_looked_at_faster_than_it_is_counted(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let (world, kim, secret) = enrolled(options).await;
    next_step(&world);
    let wrong = wrong_code(&world, &secret);
    let burst = (0..20).map(|n| {
        let (world, kim, wrong) = (&world, &kim, &wrong);
        async move { sign_in_from(world, &format!("192.0.2.{n}"), &kim.email, PASSWORD, Some(wrong)).await }
    });
    let looked_at =
        join_all(burst).await.into_iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED);
    // Two passwords are hashed at once.
    let looked_at = looked_at.count();
    assert!((3..=5).contains(&looked_at), "{looked_at}");
}

#[sqlx::test(migrations = "./migrations")]
async fn it_is_turned_off_with_the_password_and_a_code(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (world, kim, secret) = enrolled(options).await;
    let used = code(&world, &secret, 0);
    needs_code(remove(&world, &kim.token, PASSWORD, &used).await);
    next_step(&world);
    let right = code(&world, &secret, 0);
    let wrong = remove(&world, &kim.token, "wrong-password", &right).await;
    let _ = wrong.expect_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
    needs_code(remove(&world, &kim.token, PASSWORD, &wrong_code(&world, &secret)).await);
    assert_eq!(world.count("SELECT COUNT(*) FROM one_time_passwords").await, 1);
    let failed = remove(&world, &kim.token, PASSWORD, &right).await;
    assert_eq!(failed.status, StatusCode::TOO_MANY_REQUESTS, "three have failed");
    world.clock_control.advance(Duration::from_secs(1));
    let _ = remove(&world, &kim.token, PASSWORD, &right).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.count("SELECT COUNT(*) FROM one_time_passwords").await, 0);
    let _ = sign_in(&world, &kim.email, PASSWORD, None).await.expect(StatusCode::CREATED);
    // Sent again.
    let _ = remove(&world, &kim.token, PASSWORD, &right).await.expect(StatusCode::NO_CONTENT);
    let kinds = "SELECT kind FROM security_events WHERE outcome = 'SUCCEEDED' AND kind LIKE 'OTP%' ORDER BY created_at";
    let kinds: Vec<String> =
        sqlx::query_scalar(kinds).fetch_all(&mut *world.connection().await).await.unwrap();
    assert_eq!(kinds, ["OTP_ON", "OTP_OFF"]);
    // One that is not in force yet needs no code, and is no event.
    let _ = begin(&world, &kim.token).await.expect(StatusCode::CREATED);
    let _ = remove(&world, &kim.token, PASSWORD, "000000").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.count("SELECT COUNT(*) FROM one_time_passwords").await, 0);
    let off = "SELECT COUNT(*) FROM security_events WHERE kind = 'OTP_OFF' AND outcome = 'SUCCEEDED'";
    assert_eq!(world.count(off).await, 1);
    // Another one can be set up.
    enrol(&world, &kim).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_repetition_is_shown_the_secret_again_until_it_is_in_force_and_the_kept_answer_has_it_sealed(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let lee = world.customer("lee").await;
    let begin = async |world: &World, token: &str| {
        world.client.post("/api/member/me/otp").bearer(token).key("one").send().await
    };
    let first = begin(&world, &kim.token).await.expect(StatusCode::CREATED);
    let again = begin(&world.another_instance(), &kim.token).await.expect(StatusCode::CREATED);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let of_lee = begin(&world, &lee.token).await.expect(StatusCode::CREATED);
    assert_ne!(of_lee.body["secret"], first.body["secret"]);

    let secret = first.body["secret"].as_str().unwrap();
    let kept: Vec<Vec<u8>> = sqlx::query_scalar("SELECT body FROM idempotency_keys WHERE body IS NOT NULL")
        .fetch_all(&mut *world.connection().await)
        .await
        .unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|body| !String::from_utf8_lossy(body).contains(secret)));
    let _ = confirm(&world, &kim.token, &code(&world, secret, 0)).await.expect(StatusCode::NO_CONTENT);
    let late = begin(&world, &kim.token).await;
    let _ = late.expect_problem(StatusCode::CONFLICT, "OTP_IN_FORCE");
    needs_code(sign_in(&world, &kim.email, PASSWORD, None).await);
}

#[sqlx::test(migrations = "./migrations")]
async fn nothing_is_left_of_it_in_a_closed_account(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    enrol(&world, &kim).await;
    let close = world.client.delete("/api/member/me").bearer(&kim.token).send().await;
    let _ = close.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.count("SELECT COUNT(*) FROM one_time_passwords").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_administrator_without_a_required_second_factor_gets_it_on_the_command_line(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let root = world.customer("root").await;
    let promote = "UPDATE members SET role = 'ADMIN'";
    sqlx::query(promote).execute(&mut *world.connection().await).await.unwrap();
    let before = world.sign_in(&root.email).await;
    let world = world.with_otp_keys(otp_keys(true));
    needs_code(sign_in(&world, &root.email, PASSWORD, None).await);
    let refresh = async |tokens: &Value| {
        let body = json!({"refreshToken": tokens["refreshToken"]});
        world.client.post("/api/member/sessions/refresh").json(&body).send().await
    };
    let _ = refresh(&before).await.expect_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");

    let state = &world.state;
    let of_root = OfMember { email: Email::from(root.email.clone()) };
    let uri =
        operator_otp::enrol(&state.database, &state.clock, &state.otp_keys, &state.trail, of_root.clone());
    let uri = uri.await.unwrap();
    let (_, secret) = uri.expose_secret().split_once("secret=").unwrap();
    let secret = secret.split('&').next().unwrap();
    let signed_in = sign_in(&world, &root.email, PASSWORD, Some(&code(&world, secret, 0))).await;
    let tokens = signed_in.expect(StatusCode::CREATED).body;
    let token = tokens["accessToken"].as_str().unwrap();
    let _ = world.client.get("/api/member/audit").bearer(token).send().await.expect(StatusCode::OK);
    let _ = refresh(&tokens).await.expect(StatusCode::OK);
    next_step(&world);
    let kept = remove(&world, token, PASSWORD, &code(&world, secret, 0)).await;
    let _ = kept.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    // A member who has lost it is helped by an operator.
    operator_otp::remove(&state.database, &state.trail, of_root).await.unwrap();
    assert_eq!(world.count("SELECT COUNT(*) FROM one_time_passwords").await, 0);
    let nobody = OfMember { email: Email::from("nobody@example.com".to_owned()) };
    assert!(operator_otp::remove(&state.database, &state.trail, nobody).await.is_err());
}
