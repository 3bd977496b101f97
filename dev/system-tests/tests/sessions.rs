//! Sessions that end before their access tokens expire, and signing keys that change while members stay signed in.
//!
//! The tests run one after the other: they share a stack, and some stop member-api for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use http::StatusCode;
use serde_json::{Value, json};
use stack::{Override, Stack};
use system_tests::Client;
use system_tests::forged_tokens::{Token, other_key, user_token_key};
use system_tests::test_stack::{
    blocking, exclusive, gateway, shared, start_again, start_stopped_parts, wait_until_served,
};
use testkit::member::{Member, PASSWORD, sign_in};
use testkit::{Answer, text};
use tokio::sync::MutexGuard;

/// Dalkom promises to refuse a session within this time after its end.
const PROMISE: Duration = Duration::from_secs(2);
/// How long it may take until a part that is back is used again.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// The public keys of member-api.
const JWKS: &str = "/.well-known/jwks.json";

/// A path of each of the three APIs that needs a customer's token.
const PROTECTED: [&str; 3] = ["/api/member/me", "/api/store/me/hearts", "/api/order/orders"];

struct World {
    stack: Arc<Stack>,
    client: Client,
    _exclusive: MutexGuard<'static, ()>,
}

/// A customer with a first session.
struct Customer {
    email: String,
    session: Session,
}

/// The tokens of a session.
struct Session {
    access_token: String,
    refresh_token: String,
}

impl Session {
    fn of(body: &Value) -> Self {
        Self { access_token: text(body, "accessToken"), refresh_token: text(body, "refreshToken") }
    }
}

impl World {
    async fn new() -> Self {
        let exclusive = exclusive().await;
        let stack = shared();
        start_stopped_parts(&stack).await;
        Self { client: gateway(&stack), stack, _exclusive: exclusive }
    }

    async fn customer(&self) -> Customer {
        let member = Member::customer(&self.client, 0).await;
        let session = Session { access_token: member.token, refresh_token: member.refresh_token };
        Customer { email: member.email, session }
    }

    async fn sign_in(&self, email: &str) -> Session {
        Session::of(&sign_in(&self.client, email).await)
    }

    async fn refresh(&self, refresh_token: &str) -> Answer {
        let body = json!({ "refreshToken": refresh_token });
        self.client.post("/api/member/sessions/refresh").json(&body).send().await
    }

    async fn delete(&self, path: &str, session: &Session) {
        self.client.delete(path).bearer(&session.access_token).send().await.expect(StatusCode::NO_CONTENT);
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.client.get(path).bearer(token).send().await
    }

    async fn expect_accepted(&self, token: &str) {
        for path in PROTECTED {
            self.get(path, token).await.expect(StatusCode::OK);
        }
    }

    async fn expect_refused(&self, token: &str) {
        for path in PROTECTED {
            self.get(path, token).await.expect_service_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        }
    }

    /// Waits until a session that has just ended is refused, for no longer than is promised.
    async fn expect_soon_refused(&self, session: &Session) {
        self.expect_refused_by(session, Instant::now() + PROMISE).await;
    }

    async fn expect_refused_by(&self, session: &Session, deadline: Instant) {
        while self.get(PROTECTED[1], &session.access_token).await.status != 401 {
            assert!(Instant::now() < deadline, "a session that has ended is not refused");
            tokio::time::sleep(POLL).await;
        }
        self.expect_refused(&session.access_token).await;
    }

    /// Restarts member-api with these keys. It signs with the first one.
    async fn restart_with_keys(&self, keys: Vec<String>) {
        blocking(&self.stack, move |stack| {
            stack.change_setting(&Override::new("member-api", "tokens.signing-keys", keys)).unwrap();
            stack.stop("member-api").unwrap();
            stack.start_again("member-api").unwrap();
        })
        .await;
        wait_until_served(&self.client, JWKS).await;
    }
}

#[tokio::test]
async fn a_session_is_refused_within_two_seconds_after_the_sign_out_and_other_sessions_go_on() {
    let world = World::new().await;
    let member = world.customer().await;
    let elsewhere = world.sign_in(&member.email).await;
    world.expect_accepted(&member.session.access_token).await;

    world.delete("/api/member/sessions/current", &member.session).await;

    world.expect_soon_refused(&member.session).await;
    world.expect_accepted(&elsewhere.access_token).await;
    world
        .refresh(&member.session.refresh_token)
        .await
        .expect_service_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn a_session_that_is_ended_from_another_is_refused_within_two_seconds_and_its_address_is_the_gateways()
{
    let world = World::new().await;
    let member = world.customer().await;
    let other = world.sign_in(&member.email).await;
    let path = "/api/member/me/sessions";
    let listed = world.get(path, &other.access_token).await.expect(StatusCode::OK).body;
    let sessions = listed["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|session| session["address"] == "127.0.0.1"), "{listed}");
    let first = sessions.iter().find(|session| session["current"] == false).unwrap();

    world.delete(&format!("{path}/{}", text(first, "id")), &other).await;

    world.expect_soon_refused(&member.session).await;
    world.expect_accepted(&other.access_token).await;
    let events =
        world.get("/api/member/me/security-events", &other.access_token).await.expect(StatusCode::OK);
    assert_eq!(text(&events.body["items"][0], "kind"), "SESSION_END");
    // A body of DELETE reaches the service.
    let body = json!({ "currentPassword": "a wrong password", "otp": "000000" });
    let removed =
        world.client.delete("/api/member/me/otp").bearer(&other.access_token).json(&body).send().await;
    removed.expect_service_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_within_two_seconds() {
    let world = World::new().await;
    let member = world.customer().await;
    let others = [world.sign_in(&member.email).await, world.sign_in(&member.email).await];

    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another password" });
    let change = world.client.put("/api/member/me/password").json(&body).bearer(&member.session.access_token);
    change.send().await.expect(StatusCode::NO_CONTENT);

    let deadline = Instant::now() + PROMISE;
    for other in &others {
        world.expect_refused_by(other, deadline).await;
    }
    world.expect_accepted(&member.session.access_token).await;
}

#[tokio::test]
async fn a_closed_account_is_refused_within_two_seconds() {
    let world = World::new().await;
    let member = world.customer().await;

    world.delete("/api/member/me", &member.session).await;

    world.expect_soon_refused(&member.session).await;
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_the_session_with_all_its_access_tokens() {
    let world = World::new().await;
    let member = world.customer().await;
    let second = Session::of(&world.refresh(&member.session.refresh_token).await.expect(StatusCode::OK).body);
    let third = Session::of(&world.refresh(&second.refresh_token).await.expect(StatusCode::OK).body);
    for session in [&member.session, &second, &third] {
        world.expect_accepted(&session.access_token).await;
    }

    // It is two generations old: a lost answer can't be the reason.
    world
        .refresh(&member.session.refresh_token)
        .await
        .expect_service_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");

    let deadline = Instant::now() + PROMISE;
    for session in [&member.session, &second, &third] {
        world.expect_refused_by(session, deadline).await;
    }
    world
        .refresh(&third.refresh_token)
        .await
        .expect_service_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn a_gateway_that_starts_later_refuses_sessions_that_ended_before() {
    let world = World::new().await;
    let member = world.customer().await;
    let elsewhere = world.sign_in(&member.email).await;
    world.delete("/api/member/sessions/current", &member.session).await;

    blocking(&world.stack, |stack| {
        stack.stop("gateway").unwrap();
        stack.start_again("gateway").unwrap();
    })
    .await;

    // The gateway accepts no token until it knows which sessions have ended: at no moment it accepts this one.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = world.get(PROTECTED[1], &member.session.access_token).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            break;
        }
        answer.expect_service_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
        assert!(Instant::now() < deadline, "the gateway does not learn which sessions have ended");
    }
    world.expect_accepted(&elsewhere.access_token).await;
}

#[tokio::test]
async fn without_member_api_ended_sessions_stay_refused_and_the_others_go_on() {
    let world = World::new().await;
    let member = world.customer().await;
    let elsewhere = world.sign_in(&member.email).await;
    world.delete("/api/member/sessions/current", &member.session).await;
    world.expect_soon_refused(&member.session).await;

    world.stack.kill("member-api").unwrap();

    world.expect_refused(&member.session.access_token).await;
    for path in ["/api/store/me/hearts", "/api/order/orders"] {
        world.get(path, &elsewhere.access_token).await.expect(StatusCode::OK);
    }

    start_again(&world.stack, "member-api").await;
    wait_until_served(&world.client, JWKS).await;
    world.expect_refused(&member.session.access_token).await;
    // The gateway asks member-api again, and learns of a session that ends now.
    world.delete("/api/member/sessions/current", &elsewhere).await;
    world.expect_soon_refused(&elsewhere).await;
}

#[tokio::test]
async fn keys_change_and_no_member_is_signed_out() {
    let world = World::new().await;
    let old = STANDARD.encode(user_token_key(&world.stack).to_pkcs8_der().unwrap().as_bytes());
    let new = STANDARD.encode(SigningKey::from_bytes(&rand::random()).to_pkcs8_der().unwrap().as_bytes());
    let member = world.customer().await;

    world.restart_with_keys(vec![new.clone(), old.clone()]).await;

    world.expect_accepted(&member.session.access_token).await;
    // The gateway and the services do not know the key of this token yet, and ask for it.
    let renewed =
        Session::of(&world.refresh(&member.session.refresh_token).await.expect(StatusCode::OK).body);
    let key_id = |session: &Session| text(&Token::of(&session.access_token).header, "kid");
    assert_ne!(key_id(&renewed), key_id(&member.session));
    world.expect_accepted(&renewed.access_token).await;
    world.expect_accepted(&member.session.access_token).await;

    world.restart_with_keys(vec![new]).await;

    world.expect_accepted(&renewed.access_token).await;
    // A token with an unknown key id makes the gateway fetch the keys; then it knows that the old key is gone.
    let mut unknown = Token::of(&renewed.access_token);
    unknown.header["kid"] = json!("a key that nobody has");
    let unknown = unknown.signed_by(&other_key());
    let deadline = Instant::now() + PATIENCE;
    while world.get(PROTECTED[1], &member.session.access_token).await.status != 401 {
        world
            .get(PROTECTED[1], &unknown)
            .await
            .expect_service_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        assert!(Instant::now() < deadline, "a key that was removed is still accepted");
    }
    world.expect_accepted(&renewed.access_token).await;
    // For the tests after this one.
    world.restart_with_keys(vec![old]).await;
    let newcomer = Member::customer(&world.client, 1_000).await;
    assert_eq!(newcomer.balance().await, 1_000);
}
