//! Foreign and forged tokens, and malformed bodies.

use std::time::Duration;

use access::{Role, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::{World, access_settings, new_tokens, tokens_of};

/// Every route that needs a token, except the charge.
const GUARDED: [(&str, &str); 13] = [
    ("GET", "/api/member/me"),
    ("PATCH", "/api/member/me"),
    ("DELETE", "/api/member/me"),
    ("PUT", "/api/member/me/password"),
    ("PUT", "/api/member/me/otp"),
    ("DELETE", "/api/member/me/otp"),
    ("DELETE", "/api/member/sessions/current"),
    ("GET", "/api/member/me/security-events"),
    ("GET", "/api/member/me/sessions"),
    ("DELETE", "/api/member/me/sessions/01890a5d-ac96-774b-bcce-b302099a8057"),
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
    part_of(token, 0)
}

fn part_of(token: &str, part: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(part).unwrap()).unwrap()).unwrap()
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
    let mut other_claims = part_of(&token, 1);
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

/// The tokens are signed by HMAC with the public key. A verifier that lets the token choose the algorithm accepts them.
#[sqlx::test(migrations = "./migrations")]
async fn fault_18_a_token_that_is_signed_with_the_public_key_is_refused(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let jwks = world.client.get("/.well-known/jwks.json").send().await.expect(StatusCode::OK);
    let jwk = &jwks.body["keys"][0];
    let x = jwk["x"].as_str().unwrap();
    let public = URL_SAFE_NO_PAD.decode(x).unwrap();
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410): a fixed prefix, then the key.
    let spki = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &public].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(&spki));
    let secrets = [
        x.into(),
        STANDARD.encode(&public).into_bytes(),
        public,
        spki,
        pem.clone().into_bytes(),
        (pem + "\n").into_bytes(),
        jwk.to_string().into_bytes(),
        jwks.bytes.clone(),
    ];
    let token = world.token_of_a_stranger(Role::Admin);
    let claims: Value = part_of(&token, 1);
    for secret in secrets {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut header = Header::new(algorithm);
            header.typ = Some("at+jwt".to_owned());
            header.kid = Some(jwk["kid"].as_str().unwrap().to_owned());
            let by_hmac = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
            is_refused_everywhere(&world, &by_hmac).await;
            // The same signature, with the right algorithm in the header.
            let parts: Vec<_> = by_hmac.split('.').collect();
            is_refused_everywhere(&world, &forged(&token, &header_of(&token), Some(parts[2]))).await;
        }
    }
    assert!(world.client.get("/api/member/audit").bearer(&token).send().await.status.is_success());
}

/// Every route for other services.
const INTERNAL: [(&str, &str); 4] = [
    ("POST", "/internal/wallets/0194a000-0000-7000-8000-000000000000/transfers"),
    ("GET", "/internal/transfers/0194a000-0000-7000-8000-000000000000"),
    ("POST", "/internal/transfers/0194a000-0000-7000-8000-000000000000/void"),
    ("GET", "/internal/revocations"),
];

#[sqlx::test(migrations = "./migrations")]
async fn fault_17_a_members_token_is_no_services_and_a_services_no_members(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let (secret, clock) = (SigningKey::generate().unwrap(), world.state.clock.clone());
    let world = world.with_tokens(tokens_of(vec![secret.clone()], &access_settings("dalkom"), &clock));
    let (kim, lee) = (world.customer("kim").await, world.seller("lee").await);
    // A service token in every respect, but signed with a trusted key for access tokens.
    let (key, now) = (SigningKey::from_base64(&secret).unwrap(), clock.now().unix_timestamp());
    let encoding = EncodingKey::from_ed_der(&STANDARD.decode(secret.expose_secret()).unwrap());
    let shaped = |kid: &str, issuer: &str| {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("service+jwt".to_owned());
        header.kid = Some(kid.to_owned());
        let claims = json!({"iss": issuer, "aud": "member-api", "sub": issuer, "iat": now, "exp": now + 60});
        jsonwebtoken::encode(&header, &claims, &encoding).unwrap()
    };
    let members = [
        kim.token,
        lee.token,
        world.token_of_a_stranger(Role::Admin),
        shaped("order-api", "order-api"),
        shaped("gateway", "gateway"),
        shaped(key.id(), "order-api"),
    ];
    for token in &members {
        for (method, path) in INTERNAL {
            let request = world.client.request(method.parse().unwrap(), path).bearer(token);
            let body = json!({"id": clock.new_id(), "kind": "REFUND", "amount": 1_000_000});
            let answer = request.json(&body).send().await;
            let _ = answer.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        }
    }
    for service in ["gateway", "member-api", "store-api", "order-api"] {
        for audience in ["member-api", "dalkom"] {
            is_refused_everywhere(&world, &world.people.service_token(service, audience)).await;
        }
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM transfers").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_18_an_expired_token_is_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    world.clock_control.advance(Duration::from_secs(899));
    let me = world.client.get("/api/member/me").bearer(&kim.token);
    let _ = me.send().await.expect(StatusCode::OK);
    world.clock_control.advance(Duration::from_secs(6));
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
    // The email has two faults: it is too long, and not valid.
    assert_eq!(answer.fault_pointers(), ["/email", "/email", "/name", "/password"]);
}
