//! The list of revoked sessions for the gateway.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::{Person, World};

async fn revocations(world: &World, since: Option<&Value>) -> Value {
    let query = since.map_or_else(String::new, |since| format!("?since={}", since.as_str().unwrap()));
    let token = world.people.service_token("gateway", "member-api");
    let path = format!("/internal/revocations{query}");
    world.client.get(&path).bearer(&token).send().await.expect(StatusCode::OK).body
}

async fn sign_out(world: &World, who: &Person) -> Value {
    let answer = world.client.delete("/api/member/sessions/current").bearer(&who.token).send().await;
    let _ = answer.expect(StatusCode::NO_CONTENT);
    let newest = "SELECT id FROM sessions WHERE member_id = ?";
    let id: uuid::Uuid =
        sqlx::query_scalar(newest).bind(who.id.0).fetch_one(&mut *world.connection().await).await.unwrap();
    json!(id)
}

#[sqlx::test(migrations = "./migrations")]
async fn each_revocation_is_told_for_as_long_as_it_matters(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let (kim, lee, _park) =
        (world.customer("kim").await, world.customer("lee").await, world.customer("park").await);
    let none = revocations(&world, None).await;
    // The 15 minutes of an access token, and one minute of overlap.
    let expected = json!({"sessions": [], "refuseForSeconds": 960, "asOf": "2026-11-22T08:59:00Z"});
    assert_eq!(none, expected);
    let of_kim = sign_out(&world, &kim).await;
    let first = revocations(&world, Some(&none["asOf"])).await;
    assert_eq!(first["sessions"], json!([of_kim]));

    world.clock_control.advance(Duration::from_secs(120));
    let of_lee = sign_out(&world, &lee).await;
    let second = revocations(&world, Some(&first["asOf"])).await;
    assert!(second["sessions"].as_array().unwrap().contains(&of_lee));
    let third = revocations(&world, Some(&second["asOf"])).await;
    assert_eq!(third["sessions"], json!([of_lee]), "a revocation is repeated for one minute only");
    // A gateway that has just started gets all of them.
    assert_eq!(revocations(&world, None).await["sessions"].as_array().unwrap().len(), 2);

    // A revocation is listed until the access tokens of the session have expired.
    world.clock_control.advance(Duration::from_secs(841));
    assert_eq!(revocations(&world, None).await["sessions"], json!([of_lee]));
    assert_eq!(revocations(&world, Some(&none["asOf"])).await["sessions"], json!([of_lee]));
}

#[sqlx::test(migrations = "./migrations")]
async fn only_the_gateway_is_told(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let ask = async |token: &str| world.client.get("/internal/revocations").bearer(token).send().await;
    let _ = ask(&kim.token).await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    let order_api = world.people.service_token("order-api", "member-api");
    let _ = ask(&order_api).await.expect_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    let gateway = world.people.service_token("gateway", "member-api");
    let _ = ask(&gateway).await.expect(StatusCode::OK);
    let answer = world.client.get("/internal/revocations?since=yesterday").bearer(&gateway).send().await;
    let _ = answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
}
