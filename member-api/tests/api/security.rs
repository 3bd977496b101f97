//! Tokens that are not ours, and bodies that are not what they should be.

use std::time::Duration;

use access::Role;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::{World, access_settings, new_tokens};

/// Every route that asks who is calling.
const GUARDED: [(&str, &str); 8] = [
    ("GET", "/api/member/me"),
    ("PATCH", "/api/member/me"),
    ("DELETE", "/api/member/me"),
    ("PUT", "/api/member/me/password"),
    ("DELETE", "/api/member/sessions/current"),
    ("GET", "/api/member/me/wallet"),
    ("GET", "/api/member/me/wallet/entries"),
    ("GET", "/api/member/audit"),
];

async fn is_refused_everywhere(world: &World, token: &str) {
    for (method, path) in GUARDED {
        let request = world.client.request(method.parse().unwrap(), path).bearer(token).json(&json!({}));
        let answer = request.send().await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{method} {path}");
    }
    let charge = world
        .client
        .post("/api/member/me/wallet/charges")
        .bearer(token)
        .key("k")
        .json(&json!({"amount": 1_000}));
    let _ = charge.send().await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
}

/// The same token with another header, another signature, or both.
fn forged(token: &str, header: &Value, signature: Option<&str>) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{header}.{}.{}", parts[1], signature.unwrap_or(parts[2]))
}

fn header_of(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_18_forged_and_foreign_tokens_are_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let token = world.token_of_a_stranger(Role::Customer);
    let principal = access::Principal {
        member_id: world.people.new_member(),
        role: Role::Admin,
        session_id: world.state.clock.new_id(),
    };
    let clock = &world.state.clock;
    let of_another_key = new_tokens(1, &access_settings("dalkom"), clock).sign(&principal).unwrap();
    let for_another_audience = new_tokens(1, &access_settings("elsewhere"), clock).sign(&principal).unwrap();
    let header = header_of(&token);
    let with = |name: &str, value: &str| {
        let mut header = header.clone();
        header[name] = json!(value);
        header
    };
    let claims: Vec<&str> = token.split('.').collect();
    let mut other_claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims[1]).unwrap()).unwrap();
    other_claims["role"] = json!("ADMIN");
    let other_claims = URL_SAFE_NO_PAD.encode(other_claims.to_string());
    let tokens = [
        forged(&token, &with("alg", "none"), Some("")),
        forged(&token, &with("alg", "NONE"), Some("")),
        forged(&token, &with("alg", "HS256"), None),
        forged(&token, &with("alg", "RS256"), None),
        forged(&token, &with("kid", "another"), None),
        forged(&token, &with("typ", "JWT"), None),
        forged(&token, &with("typ", "service+jwt"), None),
        format!("{}.{}.{}", claims[0], other_claims, claims[2]),
        format!("{}.{}.", claims[0], claims[1]),
        of_another_key,
        for_another_audience,
        world.people.service_token("order-api", "member-api"),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
    ];
    for token in tokens {
        is_refused_everywhere(&world, &token).await;
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_18_an_expired_token_is_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.hand.advance(Duration::from_secs(899));
    let me = world.client.get("/api/member/me").bearer(&kim.token);
    let _ = me.send().await.expect(StatusCode::OK);
    world.hand.advance(Duration::from_secs(6));
    is_refused_everywhere(&world, &kim.token).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_15_nobody_sees_or_moves_what_is_anothers(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let (kim, lee) = (world.customer("kim").await, world.customer("lee").await);
    world.charge(&kim, 5_000).await;
    let wallet =
        world.client.get("/api/member/me/wallet").bearer(&lee.token).send().await.expect(StatusCode::OK);
    assert_eq!(wallet.body["balance"], 0);
    let entries = world
        .client
        .get("/api/member/me/wallet/entries")
        .bearer(&lee.token)
        .send()
        .await
        .expect(StatusCode::OK);
    assert_eq!(entries.body["items"], json!([]));
    let _ = world
        .client
        .delete("/api/member/sessions/current")
        .bearer(&lee.token)
        .send()
        .await
        .expect(StatusCode::NO_CONTENT);
    let refresh =
        world.client.post("/api/member/sessions/refresh").json(&json!({"refreshToken": kim.refresh_token}));
    let _ = refresh.send().await.expect(StatusCode::OK);
}

#[sqlx::test(migrations = "./migrations")]
async fn bodies_that_are_not_json_are_refused_with_a_reason(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let post = async |content_type: &str, body: Vec<u8>| {
        world.client.post("/api/member/customers").bytes(content_type, body).send().await
    };
    for body in [&b"{\"email\": "[..], b"", b"{\"email\": \"\xff\"}"] {
        let answer = post("application/json", body.to_vec()).await;
        let _ = answer.expect_problem(StatusCode::BAD_REQUEST, "MALFORMED_JSON");
    }
    for body in ["[]", "5", "null", "\"x\""] {
        let answer = post("application/json", body.into()).await;
        let _ = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    }
    let answer = post("text/plain", b"{}".to_vec()).await;
    let _ = answer.expect_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE");
    let answer = post("application/json", vec![b' '; 3 * 1024 * 1024]).await;
    let _ = answer.expect_problem(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE");
    let long = json!({"email": format!("{}@example.com", "a".repeat(300)), "password": "x".repeat(10_000), "name": "가".repeat(51)});
    let answer = post("application/json", long.to_string().into_bytes()).await;
    let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    // Too long, and no address either.
    assert_eq!(answer.fault_pointers(), ["/email", "/email", "/name", "/password"]);
}
