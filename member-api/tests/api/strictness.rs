//! Requests that are not of the shape that is documented.

use access::Role;
use http::StatusCode;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::World;

#[sqlx::test(migrations = "./migrations")]
async fn fault_11_16_25_every_operation_refuses_what_is_not_documented(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let customer = world.customer("kim").await;
    let admin = world.token_of_a_stranger(Role::Admin);
    testkit::check_strictness(&world.client, &[&customer.token, &admin]).await;
    let _ = world.client.get("/api/member/me").bearer(&customer.token).send().await.expect(StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_12_25_the_period_of_entries(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let customer = world.customer("kim").await;
    let ask = async |query: &str| {
        let path = format!("/api/member/me/wallet/entries?{query}");
        world.client.get(&path).bearer(&customer.token).send().await
    };
    for query in [
        "from=1970-01-01&to=9000-12-31",
        "from=2026-11-01T00:00:00Z&to=2026-11-01T00:00:00Z",
        "from=2026-11-01T14:59:59Z&to=2026-11-01",
        "from=2026-11-01T09:00:00%2B09:00",
    ] {
        let _ = ask(query).await.expect(StatusCode::OK);
    }
    for (query, pointers) in [
        ("from=2026-11-01T15:00:00Z&to=2026-11-01", vec!["/from", "/to"]),
        ("from=2026-11-02&to=2026-11-01T14:59:59Z", vec!["/from", "/to"]),
        ("from=9999-12-31T23:59:59-23:59", vec!["/from"]),
        ("to=9999-12-31", vec!["/to"]),
        ("from=-9999-01-01&to=0000-01-01T00:00:00%2B23:59", vec!["/from", "/to"]),
    ] {
        let refused = ask(query).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
        assert_eq!(refused.fault_pointers(), pointers, "{query}");
    }
}
