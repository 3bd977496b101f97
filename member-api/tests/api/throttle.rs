//! Slowing down the guessing of passwords. [`World`] allows 3 failed attempts on an account without a delay, and 5 from an address.

use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;
use member_api::members::HashKind;
use member_api::sessions::cleanup::delete_expired;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::{Answer, Cancel};

use crate::world::{PASSWORD, World};

const HOME: &str = "192.0.2.200";

async fn attempt(world: &World, email: &str, password: &str, address: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    world.client.post("/api/member/sessions").header("x-forwarded-for", address).json(&body).send().await
}

/// A wrong password.
async fn guess(world: &World, email: &str, address: &str) -> StatusCode {
    attempt(world, email, "wrong-password", address).await.status
}

async fn sign_up(world: &World, name: &str, address: &str) -> Answer {
    let body = json!({"email": format!("{name}@example.com"), "password": PASSWORD, "name": name});
    world.client.post("/api/member/customers").header("x-forwarded-for", address).json(&body).send().await
}

async fn failures(world: &World) -> i64 {
    world.count("SELECT COUNT(*) FROM sign_in_failures").await
}

#[sqlx::test(migrations = "./migrations")]
async fn twenty_right_sign_ins_at_once_all_succeed(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for _ in 0..2 {
        let all = (0..20).map(|_| attempt(&world, &kim.email, PASSWORD, HOME));
        assert!(join_all(all).await.iter().all(|answer| answer.status == StatusCode::CREATED));
    }
    let body = json!({"currentPassword": PASSWORD, "newPassword": "another-cake-9"});
    let change = world.client.put("/api/member/me/password").bearer(&kim.token).json(&body).send().await;
    assert_eq!(change.status, StatusCode::NO_CONTENT);
    assert_eq!(failures(&world).await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn wrong_passwords_are_delayed_longer_and_longer_whether_the_account_exists_or_not(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let mut seen = Vec::new();
    for email in [kim.email.as_str(), "nobody@example.com"] {
        let mut answers = Vec::new();
        for n in 0..9 {
            let answer = attempt(&world, email, "wrong-password", &format!("192.0.2.{n}")).await;
            let wait = answer.header("retry-after").to_owned();
            answers.push((
                answer.status.as_u16(),
                wait.clone(),
                answer.header("ratelimit").to_owned(),
                answer.header("ratelimit-policy").to_owned(),
            ));
            if let Ok(seconds) = wait.parse() {
                world.clock_control.advance(Duration::from_secs(seconds));
            }
        }
        let waits: Vec<_> = answers.iter().map(|(status, wait, ..)| (*status, wait.as_str())).collect();
        assert_eq!(
            waits,
            [
                (401, ""),
                (401, ""),
                (401, ""),
                (429, "1"),
                (401, ""),
                (429, "2"),
                (401, ""),
                (429, "4"),
                (401, "")
            ]
        );
        // From an unknown place, the right password is not checked either before the delay is over.
        let _ = attempt(&world, email, PASSWORD, "192.0.2.9")
            .await
            .expect_problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED");
        seen.push(answers);
        world.clock_control.advance(Duration::from_secs(24 * 3600));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(attempt(&world, &kim.email, PASSWORD, "192.0.2.9").await.status, StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn nobody_keeps_a_member_out_from_where_the_member_signed_in_before(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    // Signing up somewhere makes the place known, too.
    let _ = sign_up(&world, "kim", HOME).await.expect(StatusCode::CREATED);
    let email = "kim@example.com";
    for n in 0..10 {
        guess(&world, email, &format!("192.0.2.{n}")).await;
    }
    let from = async |address: &str| attempt(&world, email, PASSWORD, address).await.status;
    assert_eq!(from("198.51.100.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(from(HOME).await, StatusCode::CREATED);
    // That does not give others more guesses.
    assert_eq!(guess(&world, email, "192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    // It is known for four weeks.
    world.clock_control.advance(Duration::from_hours(24 * 29));
    for n in 0..10 {
        guess(&world, email, &format!("192.0.2.{n}")).await;
    }
    assert_eq!(from(HOME).await, StatusCode::TOO_MANY_REQUESTS);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_known_place_has_as_many_attempts_as_any_other(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let _ = sign_up(&world, "kim", "2001:db8:1:2::1").await.expect(StatusCode::CREATED);
    let email = "kim@example.com";
    for n in 0..3 {
        // Addresses of one network.
        let address = format!("2001:db8:1:2:{n}::9");
        assert_eq!(guess(&world, email, &address).await, StatusCode::UNAUTHORIZED);
    }
    let answer = attempt(&world, email, PASSWORD, "2001:db8:1:2::1").await;
    let answer = answer.expect_problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), "1");
    world.clock_control.advance(Duration::from_secs(1));
    assert_eq!(attempt(&world, email, PASSWORD, "2001:db8:1:2::1").await.status, StatusCode::CREATED);
    // The success has forgiven what was counted there.
    assert_eq!(guess(&world, email, "2001:db8:1:2::1").await, StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_right_password_makes_an_account_start_anew(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for round in 0..4 {
        let address = format!("192.0.2.{round}");
        for _ in 0..2 {
            assert_eq!(guess(&world, &kim.email, &address).await, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(attempt(&world, &kim.email, PASSWORD, &address).await.status, StatusCode::CREATED);
    }
    // Here, too, where the place was not known at first.
    for _ in 0..2 {
        assert_eq!(guess(&world, &kim.email, "192.0.2.0").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(attempt(&world, &kim.email, PASSWORD, "192.0.2.0").await.status, StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_sign_in_from_a_new_place_gives_guessers_no_new_attempts(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for n in 0..3 {
        assert_eq!(guess(&world, &kim.email, &format!("192.0.2.{n}")).await, StatusCode::UNAUTHORIZED);
    }
    world.clock_control.advance(Duration::from_secs(1));
    assert_eq!(attempt(&world, &kim.email, PASSWORD, "198.51.100.1").await.status, StatusCode::CREATED);
    assert_eq!(guess(&world, &kim.email, "192.0.2.9").await, StatusCode::UNAUTHORIZED, "after its delay");
    assert_eq!(guess(&world, &kim.email, "192.0.2.10").await, StatusCode::TOO_MANY_REQUESTS);
}

#[sqlx::test(migrations = "./migrations")]
async fn many_wrong_passwords_from_an_address_delay_others_there_but_not_members_who_are_known_there(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    let from = async |email: &str, address: &str| attempt(&world, email, PASSWORD, address).await.status;
    assert_eq!(from(&kim.email, "192.0.2.1").await, StatusCode::CREATED);
    // Far more than the limit, as fast as they are taken.
    for n in 0..50 {
        guess(&world, &format!("guess{n}@example.com"), "192.0.2.1").await;
    }
    assert_eq!(from(&lee.email, "192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(from(&kim.email, "192.0.2.1").await, StatusCode::CREATED);
    assert_eq!(from(&lee.email, "192.0.2.2").await, StatusCode::CREATED);
    // One failure is forgiven every three seconds.
    world.clock_control.advance(Duration::from_secs(3));
    let park = world.customer("park").await;
    assert_eq!(from(&park.email, "192.0.2.1").await, StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_burst_of_guesses_exceeds_the_limit_only_by_the_hashes_at_once(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let other_instance = world.another_instance();
    let looked_at = async || {
        let guesses = (0..24).map(|n| {
            let instance = if n % 2 == 0 { &world } else { &other_instance };
            let email = kim.email.clone();
            async move { guess(instance, &email, &format!("192.0.2.{n}")).await }
        });
        join_all(guesses).await.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count()
    };
    let first = looked_at().await;
    assert!((3..3 + 4).contains(&first), "{first}");
    // The rest of the burst would have to wait.
    assert_eq!(looked_at().await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn after_a_delay_one_guess_is_looked_at_on_all_instances_together(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let other_instance = world.another_instance();
    for _ in 0..3 {
        assert_eq!(guess(&world, &kim.email, "192.0.2.1").await, StatusCode::UNAUTHORIZED);
    }
    for delay in [1, 2, 4] {
        world.clock_control.advance(Duration::from_secs(delay));
        let guesses = (0..12).map(|n| {
            let instance = if n % 2 == 0 { &world } else { &other_instance };
            let email = kim.email.clone();
            async move { guess(instance, &email, &format!("198.51.100.{n}")).await }
        });
        let answers = join_all(guesses).await;
        let looked_at = answers.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count();
        assert_eq!(looked_at, 1, "{answers:?}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_attempt_of_a_client_that_has_gone_is_not_counted(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for password in [PASSWORD, "wrong-password"] {
        for _ in 0..5 {
            // All turns are taken, so that the attempt waits.
            let turns = [world.turn(HashKind::SignIn).await, world.turn(HashKind::SignIn).await];
            let mut given_up = Box::pin(attempt(&world, &kim.email, password, "192.0.2.1"));
            world.until_waiting(&mut given_up).await;
            drop(given_up);
            drop(turns);
        }
    }
    assert_eq!(failures(&world).await, 0);
    assert_eq!(world.count("SELECT COUNT(*) FROM sessions").await, 1);
    // Nor is a right one that is given up later, wherever it stands.
    for polls in 1..12 {
        let _ = Cancel::AtPoll(polls).run(attempt(&world, &kim.email, PASSWORD, "192.0.2.1")).await;
    }
    assert_eq!(failures(&world).await, 0);
    assert_eq!(attempt(&world, &kim.email, PASSWORD, "192.0.2.1").await.status, StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_present_password_can_not_be_guessed_with_a_stolen_token(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    assert_eq!(attempt(&world, &kim.email, PASSWORD, HOME).await.status, StatusCode::CREATED);
    let change = async |current: &str, address: &str| {
        let body = json!({"currentPassword": current, "newPassword": PASSWORD});
        let request = world.client.put("/api/member/me/password").bearer(&kim.token);
        request.header("x-forwarded-for", address).json(&body).send().await
    };
    for _ in 0..3 {
        let answer = change("wrong-password", "192.0.2.1").await;
        let _ = answer.expect_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
    }
    let answer = change(PASSWORD, "192.0.2.1").await;
    let answer = answer.expect_problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.header("ratelimit").starts_with(r#""account";r=0;t=1"#));
    // The thief of the token does not keep the owner out.
    assert_eq!(change(PASSWORD, HOME).await.status, StatusCode::NO_CONTENT);
}

#[sqlx::test(migrations = "./migrations")]
async fn after_a_change_of_the_password_only_its_own_place_is_known(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for address in [HOME, "192.0.2.1"] {
        assert_eq!(attempt(&world, &kim.email, PASSWORD, address).await.status, StatusCode::CREATED);
    }
    let body = json!({"currentPassword": PASSWORD, "newPassword": "another-cake-9"});
    let change =
        world.client.put("/api/member/me/password").bearer(&kim.token).header("x-forwarded-for", HOME);
    let _ = change.json(&body).send().await.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.count("SELECT COUNT(*) FROM known_sign_in_places").await, 1);
    let closed = world.client.delete("/api/member/me").bearer(&kim.token).send().await;
    let _ = closed.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.count("SELECT COUNT(*) FROM known_sign_in_places").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn sign_ups_with_emails_that_are_taken_are_delayed(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let _ = sign_up(&world, "kim", "192.0.2.1").await.expect(StatusCode::CREATED);
    for _ in 0..5 {
        let taken = sign_up(&world, "kim", "192.0.2.1").await;
        let taken = taken.expect_problem(StatusCode::CONFLICT, "EMAIL_TAKEN");
        assert!(taken.header("ratelimit-policy").starts_with(r#""address";q=5;w=15"#));
    }
    for name in ["kim", "newcomer"] {
        let answer = sign_up(&world, name, "192.0.2.1").await;
        let answer = answer.expect_problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED");
        assert_eq!(answer.header("retry-after"), "1");
    }
    // Others are not delayed, and here only for a moment.
    assert_eq!(sign_up(&world, "lee", "192.0.2.2").await.status, StatusCode::CREATED);
    world.clock_control.advance(Duration::from_secs(1));
    assert_eq!(sign_up(&world, "newcomer", "192.0.2.1").await.status, StatusCode::CREATED);
    // Sign-ups that succeed are never counted.
    world.clock_control.advance(Duration::from_secs(60));
    for n in 0..8 {
        assert_eq!(sign_up(&world, &format!("new{n}"), "192.0.2.1").await.status, StatusCode::CREATED);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn every_answer_tells_what_is_left(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let tell = |answer: &Answer| {
        assert_eq!(answer.header("ratelimit-policy"), r#""account";q=3;w=2700, "address";q=5;w=15"#);
        answer.header("ratelimit").to_owned()
    };
    let right = attempt(&world, &kim.email, PASSWORD, HOME).await.expect(StatusCode::CREATED);
    assert_eq!(tell(&right), r#""account";r=3, "address";r=5"#);
    let wrong = attempt(&world, &kim.email, "wrong-password", HOME).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(tell(&wrong), r#""account";r=2;t=900, "address";r=4;t=3"#);
    guess(&world, &kim.email, HOME).await;
    let last = attempt(&world, &kim.email, "wrong-password", HOME).await.expect(StatusCode::UNAUTHORIZED);
    assert_eq!(tell(&last), r#""account";r=0;t=1, "address";r=2;t=9"#);
    let refused = attempt(&world, &kim.email, PASSWORD, HOME).await.expect(StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(tell(&refused), r#""account";r=0;t=1, "address";r=2;t=9"#);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_email_and_address_of_an_attempt_are_not_stored_in_clear_and_soon_deleted(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let _ = sign_up(&world, "kim", "192.0.2.1").await.expect(StatusCode::CREATED);
    guess(&world, "lee@example.com", "192.0.2.1").await;
    assert_eq!(world.count("SELECT COUNT(*) FROM sign_in_failures WHERE LENGTH(subject) = 32").await, 3);
    let sweep = async || {
        let state = &world.state;
        assert!(!delete_expired(&state.database, &state.clock, &state.throttle, &state.trail).await.unwrap());
        (failures(&world).await, world.count("SELECT COUNT(*) FROM known_sign_in_places").await)
    };
    world.clock_control.advance(Duration::from_secs(10));
    assert_eq!(sweep().await, (2, 1));
    world.clock_control.advance(Duration::from_secs(900));
    assert_eq!(sweep().await, (0, 1));
    world.clock_control.advance(Duration::from_hours(24 * 28));
    assert_eq!(sweep().await, (0, 0));
}
