//! The limit on sign-in attempts. [`World`] allows 3 attempts on an account, and 5 from an address.

use std::time::Duration;

use http::StatusCode;
use member_api::sessions::cleanup::delete_expired;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Answer;

use crate::world::{PASSWORD, World};

async fn attempt(world: &World, email: &str, password: &str, address: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    world.client.post("/api/member/sessions").header("x-forwarded-for", address).json(&body).send().await
}

#[sqlx::test(migrations = "./migrations")]
async fn an_account_takes_so_many_wrong_passwords_known_or_not(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for email in [kim.email.as_str(), "nobody@example.com"] {
        for n in 0..3 {
            let answer = attempt(&world, email, "wrong-password", &format!("192.0.2.{n}")).await;
            let _ = answer.expect_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
        }
        world.clock_control.advance(Duration::from_millis(500));
        // The right password is refused too, from any address.
        let answer = attempt(&world, email, PASSWORD, "192.0.2.9").await;
        let answer = answer.expect_problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED");
        assert_eq!(answer.header("retry-after"), "900");
    }
    world.clock_control.advance(Duration::from_secs(900));
    let _ = attempt(&world, &kim.email, PASSWORD, "192.0.2.9").await.expect(StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_right_password_makes_an_account_start_anew(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for round in 0..4 {
        let address = format!("192.0.2.{round}");
        for _ in 0..2 {
            assert_eq!(
                attempt(&world, &kim.email, "wrong-password", &address).await.status,
                StatusCode::UNAUTHORIZED
            );
        }
        assert_eq!(attempt(&world, &kim.email, PASSWORD, &address).await.status, StatusCode::CREATED);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_address_takes_so_many_wrong_passwords_for_all_accounts_together(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    // Successful attempts do not count.
    for _ in 0..8 {
        assert_eq!(attempt(&world, &kim.email, PASSWORD, "192.0.2.1").await.status, StatusCode::CREATED);
    }
    for n in 0..5 {
        let email = format!("guess{n}@example.com");
        assert_eq!(
            attempt(&world, &email, "wrong-password", "192.0.2.1").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let answer = attempt(&world, &kim.email, PASSWORD, "192.0.2.1").await;
    let _ = answer.expect_problem(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED");
    assert_eq!(attempt(&world, &kim.email, PASSWORD, "192.0.2.2").await.status, StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_burst_of_guesses_is_counted_before_any_is_looked_at(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let addresses: Vec<_> = (0..12).map(|n| format!("192.0.2.{n}")).collect();
    let guesses = addresses.iter().map(|address| attempt(&world, &kim.email, "wrong-password", address));
    let answers = futures::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count();
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).count();
    assert_eq!((looked_at, refused), (3, 9));
}

#[sqlx::test(migrations = "./migrations")]
async fn the_present_password_can_not_be_guessed_with_a_stolen_token(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let change = async |current: &str| {
        let body = json!({"currentPassword": current, "newPassword": "another-cake-9"});
        world.client.put("/api/member/me/password").bearer(&kim.token).json(&body).send().await.status
    };
    for _ in 0..3 {
        assert_eq!(change("wrong-password").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(change(PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
}

#[sqlx::test(migrations = "./migrations")]
async fn who_tried_is_not_stored_and_soon_forgotten(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let _ = attempt(&world, "kim@example.com", "wrong-password", "192.0.2.1").await;
    assert_eq!(world.count("SELECT COUNT(*) FROM sign_in_attempts WHERE LENGTH(subject) = 32").await, 2);
    world.clock_control.advance(Duration::from_secs(901));
    assert!(!delete_expired(&world.state.database, &world.state.clock).await.unwrap());
    assert_eq!(world.count("SELECT COUNT(*) FROM sign_in_attempts").await, 0);
}
