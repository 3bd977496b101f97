//! Requests that wait for the hash of a password.

use futures::FutureExt;
use futures::future::{join_all, select_all};
use http::StatusCode;
use member_api::members::HashKind;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use testkit::Answer;

use crate::world::{PASSWORD, World};

async fn sign_up(world: &World, n: usize) -> Answer {
    let body = json!({"email": format!("new{n}@example.com"), "password": PASSWORD, "name": "newcomer"});
    world.client.post("/api/member/customers").json(&body).send().await
}

#[sqlx::test(migrations = "./migrations")]
async fn a_flood_of_sign_ups_is_refused_at_once_and_nobody_else_notices(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    // Nothing is hashed, so a request that gets an answer has not waited for a hash.
    let turns = [world.turn(HashKind::SignUp).await, world.turn(HashKind::SignUp).await];
    let mut flood: Vec<_> = (0..110).map(|n| sign_up(&world, n).boxed()).collect();
    for _ in 0..110 - 12 {
        let (answer, _, others) = select_all(flood).await;
        let answer = answer.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1");
        flood = others;
    }
    // The wallet is charged and shown meanwhile.
    world.charge(&kim, 1_000).await;
    let wallet = world.client.get("/api/member/me/wallet").bearer(&kim.token).send().await;
    assert_eq!(wallet.expect(StatusCode::OK).body["balance"], 1_000);
    // Sign-ins have their own queue.
    let body = json!({"email": kim.email, "password": PASSWORD});
    let mut sign_in = world.client.post("/api/member/sessions").json(&body).send().boxed();
    world.until_waiting(&mut sign_in).await;
    drop(turns);
    let (waited, signed_in) = futures::join!(join_all(flood), sign_in);
    assert_eq!(signed_in.status, StatusCode::CREATED);
    assert!(waited.iter().all(|answer| answer.status == StatusCode::CREATED));
    assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 1 + 12);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_client_that_gives_up_leaves_its_place_in_the_queue(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let turns = [world.turn(HashKind::SignUp).await, world.turn(HashKind::SignUp).await];
    for n in 0..40 {
        let mut given_up = sign_up(&world, n).boxed();
        world.until_waiting(&mut given_up).await;
    }
    let mut patient = sign_up(&world, 40).boxed();
    world.until_waiting(&mut patient).await;
    drop(turns);
    assert_eq!(patient.await.status, StatusCode::CREATED);
    assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 1);
}
