//! Signing in, staying signed in, signing out, and the keys of access tokens.

use std::time::Duration;

use access::SigningKey;
use http::StatusCode;
use member_api::sessions::cleanup::delete_expired;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Answer;

use crate::world::{PASSWORD, World, access_settings, tokens_of};

async fn sweep(world: &World) -> sqlx::Result<bool> {
    let state = &world.state;
    delete_expired(&state.database, &state.clock, &state.throttle, &state.trail).await
}

async fn refresh(world: &World, token: &Value) -> Answer {
    world.client.post("/api/member/sessions/refresh").json(&json!({"refreshToken": token})).send().await
}

async fn refresh_is_refused(world: &World, token: &Value) {
    let _ = refresh(world, token).await.expect_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");
}

#[sqlx::test(migrations = "./migrations")]
async fn signing_in_gives_tokens_that_nobody_on_the_way_may_keep(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let body = json!({"email": "KIM@example.com ", "password": PASSWORD});
    let answer =
        world.client.post("/api/member/sessions").json(&body).send().await.expect(StatusCode::CREATED);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("location"), "/api/member/sessions/current");
    assert_eq!((&answer.body["tokenType"], &answer.body["expiresIn"]), (&json!("Bearer"), &json!(900)));
    let me = world.client.get("/api/member/me").bearer(answer.body["accessToken"].as_str().unwrap());
    assert_eq!(me.send().await.expect(StatusCode::OK).body["id"], json!(kim.id));
    // The database has only the hash.
    let token = answer.body["refreshToken"].as_str().unwrap();
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM refresh_tokens")
        .fetch_all(&mut *world.connection().await)
        .await
        .unwrap();
    assert_eq!(hashes.len(), 2);
    assert!(hashes.iter().all(|hash| hash.len() == 32 && hash != token.as_bytes()));
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_21_an_unknown_email_and_a_wrong_password_are_answered_alike(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let closed = world.customer("closed").await;
    let _ = world
        .client
        .delete("/api/member/me")
        .bearer(&closed.token)
        .send()
        .await
        .expect(StatusCode::NO_CONTENT);
    let mut answers = Vec::new();
    for (email, password) in [
        (kim.email.as_str(), "wrong-password"),
        ("nobody@example.com", "wrong-password"),
        (&closed.email, PASSWORD),
        (&kim.email, ""),
        ("nobody@example.com", "nobody"),
    ] {
        let body = json!({"email": email, "password": password});
        let answer = world.client.post("/api/member/sessions").json(&body).send().await;
        answers.push(answer.expect_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS"));
        // The first attempts on an account are forgiven, so that the same is left for the next ones.
        world.clock_control.advance(Duration::from_hours(24));
    }
    assert!(
        answers.windows(2).all(|pair| pair[0].bytes == pair[1].bytes && pair[0].headers == pair[1].headers)
    );
}

/// The counts in the metrics after a sign-in attempt: hashes, transactions, outcomes. Durations are left out.
async fn metrics_of_attempt(world: &World, email: &str, password: &str) -> Vec<String> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    // All tasks of the test run on its one thread.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let body = json!({"email": email, "password": password});
    let answer = world.client.post("/api/member/sessions").json(&body).send().await;
    let _ = answer.expect_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
    let text = metrics.render();
    let is_count = |line: &&str| !line.contains("quantile=") && !line.contains("_seconds_sum");
    let mut counts: Vec<_> = text.lines().filter(is_count).map(str::to_owned).collect();
    counts.sort_unstable();
    counts
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_21_an_unknown_email_costs_what_a_wrong_password_does(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let closed = world.customer("closed").await;
    let close = world.client.delete("/api/member/me").bearer(&closed.token).send().await;
    let _ = close.expect(StatusCode::NO_CONTENT);

    let known = metrics_of_attempt(&world, &kim.email, "wrong-password").await;
    for figure in [
        "password_hash_seconds_count 1",
        r#"sign_ins_total{outcome="bad_credentials"} 1"#,
        r#"db_transactions_total{name="sign_in_failed",outcome="committed"} 1"#,
    ] {
        assert!(known.iter().any(|line| line == figure), "no {figure} in {known:#?}");
    }
    for (email, password) in [
        ("nobody@example.com", "wrong-password"),
        ("nobody-at-all@example.com", "nobody"),
        (&closed.email, PASSWORD),
        (&kim.email, ""),
    ] {
        assert_eq!(metrics_of_attempt(&world, email, password).await, known, "{email} {password}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refresh_token_is_good_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let first = json!(kim.refresh_token);
    let second = refresh(&world, &first).await.expect(StatusCode::OK);
    assert_eq!(second.header("cache-control"), "no-store");
    let me = world.client.get("/api/member/me").bearer(second.body["accessToken"].as_str().unwrap());
    let _ = me.send().await.expect(StatusCode::OK);

    world.clock_control.advance(Duration::from_secs(11));
    refresh_is_refused(&world, &first).await;
    // The reuse has revoked the session, so the newer token is refused too.
    refresh_is_refused(&world, &second.body["refreshToken"]).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NOT NULL").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_lost_answer_can_be_asked_for_again_for_ten_seconds(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let first = json!(kim.refresh_token);
    let lost = refresh(&world, &first).await.expect(StatusCode::OK).body["refreshToken"].clone();
    world.clock_control.advance(Duration::from_secs(10));
    let again = refresh(&world, &first).await.expect(StatusCode::OK).body["refreshToken"].clone();
    assert_ne!(lost, again);
    assert_eq!(world.count("SELECT COUNT(*) FROM sessions WHERE generation = 1").await, 1);
    // Both belong to one generation. After one of them is used, the other one is old.
    let _ = refresh(&world, &again).await.expect(StatusCode::OK);
    world.clock_control.advance(Duration::from_secs(11));
    refresh_is_refused(&world, &lost).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NOT NULL").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn refreshes_at_once_begin_one_generation(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let token = json!(world.customer("kim").await.refresh_token);
    let answers = futures::future::join_all((0..4).map(|_| refresh(&world, &token))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(
        world.count("SELECT COUNT(*) FROM sessions WHERE generation = 1 AND revoked_at IS NULL").await,
        1
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn made_up_refresh_tokens_are_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    for made_up in ["", "x", &"A".repeat(43), &kim.token[..60]] {
        refresh_is_refused(&world, &json!(made_up)).await;
    }
    let _ =
        refresh(&world, &json!(kim.token)).await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    let _ = refresh(&world, &json!(kim.refresh_token)).await.expect(StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_session_lasts_thirty_days_from_its_last_refresh(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let days = |days: u64| Duration::from_hours(days * 24);
    let mut token = json!(world.customer("kim").await.refresh_token);
    for _ in 0..2 {
        world.clock_control.advance(days(29));
        token = refresh(&world, &token).await.expect(StatusCode::OK).body["refreshToken"].clone();
    }
    world.clock_control.advance(days(30));
    refresh_is_refused(&world, &token).await;
    // An expired session is deleted with its tokens.
    assert!(!sweep(&world).await.unwrap());
    assert_eq!(
        world.count("SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM refresh_tokens)").await,
        1 + 3
    );
    world.clock_control.advance(Duration::from_secs(1));
    assert!(!sweep(&world).await.unwrap());
    assert_eq!(
        world.count("SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM refresh_tokens)").await,
        0
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn signing_out_ends_one_session(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let elsewhere = world.sign_in(&kim.email).await;
    let sign_out =
        async || world.client.delete("/api/member/sessions/current").bearer(&kim.token).send().await;
    let _ = sign_out().await.expect(StatusCode::NO_CONTENT);
    refresh_is_refused(&world, &json!(kim.refresh_token)).await;
    let _ = refresh(&world, &elsewhere["refreshToken"]).await.expect(StatusCode::OK);
    let _ = sign_out().await.expect(StatusCode::NO_CONTENT);
    assert_eq!(world.count("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NOT NULL").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn keys_are_rotated_without_signing_anybody_out(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let access = access_settings("dalkom");
    let (old, new) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let clock = world.state.clock.clone();
    let world = world.with_tokens(tokens_of(vec![old.clone()], &access, &clock));
    let kim = world.customer("kim").await;

    let world = world.with_tokens(tokens_of(vec![new.clone(), old], &access, &clock));
    let me = async |world: &World, token: &str| {
        world.client.get("/api/member/me").bearer(token).send().await.status
    };
    assert_eq!(me(&world, &kim.token).await, StatusCode::OK);
    let jwks = world.client.get("/.well-known/jwks.json").send().await.expect(StatusCode::OK);
    assert_eq!(jwks.header("cache-control"), "public, max-age=60");
    let keys = jwks.body["keys"].as_array().unwrap();
    let ids: Vec<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], SigningKey::from_base64(&new).unwrap().id());
    assert!(
        keys.iter().all(|key| key.get("d").is_none() && key["alg"] == "EdDSA" && key["crv"] == "Ed25519")
    );
    let renewed = refresh(&world, &json!(kim.refresh_token)).await.expect(StatusCode::OK).body;

    let world = world.with_tokens(tokens_of(vec![new], &access, &clock));
    assert_eq!(me(&world, renewed["accessToken"].as_str().unwrap()).await, StatusCode::OK);
    assert_eq!(me(&world, &kim.token).await, StatusCode::UNAUTHORIZED);
}
