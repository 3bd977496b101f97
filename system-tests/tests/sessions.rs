//! Sessions that end before their access tokens expire, and keys that change while members stay signed in.
//!
//! One test after the other: they share a stack, and some stop member-api for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use reqwest::Method;
use serde_json::{Value, json};
use stack::{Override, Stack};
use system_tests::arena::{heal, shared};
use system_tests::client::{Answer, Client, text};
use system_tests::forgery::{Token, other_key, user_token_key};
use system_tests::people::{PASSWORD, Person, new_key};
use tokio::sync::{Mutex, MutexGuard};

/// What Dalkom promises: so soon after its end a session is refused.
const PROMISE: Duration = Duration::from_secs(2);
/// How long a part that is back may take until it is used again.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// Of member-api, store-api and order-api, for customers.
const GUARDED: [&str; 3] = ["/api/member/me", "/api/store/me/hearts", "/api/order/orders"];

struct World {
    stack: Arc<Stack>,
    client: Client,
    _alone: MutexGuard<'static, ()>,
}

/// Somebody with an account, and their first session.
struct Member {
    email: String,
    session: Session,
}

/// What a member holds of a session.
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
        static ALONE: Mutex<()> = Mutex::const_new(());
        let alone = ALONE.lock().await;
        let stack = shared();
        heal(&stack).await;
        Self { client: Client::of(&stack), stack, _alone: alone }
    }

    async fn customer(&self) -> Member {
        let email = format!("{}@dalkom.example", new_key());
        let body = json!({ "email": email, "password": PASSWORD, "name": "홍길동" });
        self.client.post("/api/member/customers", &body).send().await.expect(201);
        let session = self.sign_in(&email).await;
        Member { email, session }
    }

    async fn sign_in(&self, email: &str) -> Session {
        let body = json!({ "email": email, "password": PASSWORD });
        Session::of(&self.client.post("/api/member/sessions", &body).send().await.expect(201))
    }

    async fn refresh(&self, refresh_token: &str) -> Answer {
        let body = json!({ "refreshToken": refresh_token });
        self.client.post("/api/member/sessions/refresh", &body).send().await
    }

    async fn delete(&self, path: &str, session: &Session) {
        self.client.call(Method::DELETE, path).bearer(&session.access_token).send().await.expect(204);
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.client.get(path).bearer(token).send().await
    }

    async fn is_good(&self, token: &str) {
        for path in GUARDED {
            self.get(path, token).await.expect(200);
        }
    }

    async fn is_refused(&self, token: &str) {
        for path in GUARDED {
            self.get(path, token).await.expect_problem(401, "UNAUTHENTICATED");
        }
    }

    /// Waits until a session that has ended just now is refused, for no longer than is promised.
    async fn is_soon_refused(&self, session: &Session) {
        self.is_refused_by(session, Instant::now() + PROMISE).await;
    }

    async fn is_refused_by(&self, session: &Session, deadline: Instant) {
        while self.get(GUARDED[1], &session.access_token).await.status != 401 {
            assert!(Instant::now() < deadline, "a session that has ended is not refused");
            tokio::time::sleep(POLL).await;
        }
        self.is_refused(&session.access_token).await;
    }

    /// Does what blocks, elsewhere.
    async fn with_stack<T: Send + 'static>(&self, work: impl FnOnce(&Stack) -> T + Send + 'static) -> T {
        let stack = self.stack.clone();
        tokio::task::spawn_blocking(move || work(&stack)).await.unwrap()
    }

    /// Waits until member-api is called again.
    async fn until_member_api_is_back(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.client.get("/.well-known/jwks.json").send().await.status != 200 {
            assert!(Instant::now() < deadline, "member-api is not served again");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Starts member-api again with these keys, of which the first one signs.
    async fn restart_with_keys(&self, keys: Vec<String>) {
        self.with_stack(move |stack| {
            stack.change_setting(&Override::new("member-api", "tokens.signing-keys", keys)).unwrap();
            stack.stop("member-api").unwrap();
            stack.start_again("member-api").unwrap();
        })
        .await;
        self.until_member_api_is_back().await;
    }
}

#[tokio::test]
async fn who_signs_out_is_refused_within_two_seconds_and_stays_signed_in_elsewhere() {
    let world = World::new().await;
    let member = world.customer().await;
    let elsewhere = world.sign_in(&member.email).await;
    world.is_good(&member.session.access_token).await;

    world.delete("/api/member/sessions/current", &member.session).await;

    world.is_soon_refused(&member.session).await;
    world.is_good(&elsewhere.access_token).await;
    world.refresh(&member.session.refresh_token).await.expect_problem(401, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn another_password_ends_all_other_sessions_within_two_seconds() {
    let world = World::new().await;
    let member = world.customer().await;
    let others = [world.sign_in(&member.email).await, world.sign_in(&member.email).await];

    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another password" });
    let change = world.client.put("/api/member/me/password", &body).bearer(&member.session.access_token);
    change.send().await.expect(204);

    let deadline = Instant::now() + PROMISE;
    for other in &others {
        world.is_refused_by(other, deadline).await;
    }
    world.is_good(&member.session.access_token).await;
}

#[tokio::test]
async fn a_closed_account_is_refused_within_two_seconds() {
    let world = World::new().await;
    let member = world.customer().await;

    world.delete("/api/member/me", &member.session).await;

    world.is_soon_refused(&member.session).await;
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_the_session_with_all_its_access_tokens() {
    let world = World::new().await;
    let member = world.customer().await;
    let second = Session::of(&world.refresh(&member.session.refresh_token).await.expect(200));
    let third = Session::of(&world.refresh(&second.refresh_token).await.expect(200));
    for session in [&member.session, &second, &third] {
        world.is_good(&session.access_token).await;
    }

    // Two generations old: no lost reply excuses that.
    world.refresh(&member.session.refresh_token).await.expect_problem(401, "REFRESH_TOKEN_INVALID");

    let deadline = Instant::now() + PROMISE;
    for session in [&member.session, &second, &third] {
        world.is_refused_by(session, deadline).await;
    }
    world.refresh(&third.refresh_token).await.expect_problem(401, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn a_gateway_that_starts_later_knows_of_what_ended_before() {
    let world = World::new().await;
    let member = world.customer().await;
    let elsewhere = world.sign_in(&member.email).await;
    world.delete("/api/member/sessions/current", &member.session).await;

    world
        .with_stack(|stack| {
            stack.stop("gateway").unwrap();
            stack.start_again("gateway").unwrap();
        })
        .await;

    // Until it has heard what has ended it believes nobody: there is no moment in which it takes the token.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = world.get(GUARDED[1], &member.session.access_token).await;
        if answer.status == 401 {
            break;
        }
        answer.expect_problem(503, "SERVICE_UNAVAILABLE");
        assert!(Instant::now() < deadline, "the gateway does not hear what has ended");
    }
    world.is_good(&elsewhere.access_token).await;
}

#[tokio::test]
async fn without_member_api_those_who_signed_out_stay_out_and_the_others_in() {
    let world = World::new().await;
    let member = world.customer().await;
    let elsewhere = world.sign_in(&member.email).await;
    world.delete("/api/member/sessions/current", &member.session).await;
    world.is_soon_refused(&member.session).await;

    world.stack.kill("member-api").unwrap();

    world.is_refused(&member.session.access_token).await;
    for path in ["/api/store/me/hearts", "/api/order/orders"] {
        world.get(path, &elsewhere.access_token).await.expect(200);
    }

    world.with_stack(|stack| stack.start_again("member-api").unwrap()).await;
    world.until_member_api_is_back().await;
    world.is_refused(&member.session.access_token).await;
    // It goes on asking, and hears of what ends now.
    world.delete("/api/member/sessions/current", &elsewhere).await;
    world.is_soon_refused(&elsewhere).await;
}

#[tokio::test]
async fn keys_change_and_nobody_is_signed_out() {
    let world = World::new().await;
    let old = STANDARD.encode(user_token_key(&world.stack).to_pkcs8_der().unwrap().as_bytes());
    let new = STANDARD.encode(SigningKey::from_bytes(&rand::random()).to_pkcs8_der().unwrap().as_bytes());
    let member = world.customer().await;

    world.restart_with_keys(vec![new.clone(), old.clone()]).await;

    world.is_good(&member.session.access_token).await;
    // The gateway and the services have never heard of the key of this one, and ask for it.
    let renewed = Session::of(&world.refresh(&member.session.refresh_token).await.expect(200));
    let key_id = |session: &Session| text(&Token::of(&session.access_token).header, "kid");
    assert_ne!(key_id(&renewed), key_id(&member.session));
    world.is_good(&renewed.access_token).await;
    world.is_good(&member.session.access_token).await;

    world.restart_with_keys(vec![new]).await;

    world.is_good(&renewed.access_token).await;
    // A token of a key that nobody has makes the gateway look; then it knows that the old key is gone.
    let mut stranger = Token::of(&renewed.access_token);
    stranger.header["kid"] = json!("a key that nobody has");
    let stranger = stranger.signed_by(&other_key());
    let deadline = Instant::now() + PATIENCE;
    while world.get(GUARDED[1], &member.session.access_token).await.status != 401 {
        world.get(GUARDED[1], &stranger).await.expect_problem(401, "UNAUTHENTICATED");
        assert!(Instant::now() < deadline, "a key that was taken away is still believed");
    }
    world.is_good(&renewed.access_token).await;
    // For the tests that come after this one.
    world.restart_with_keys(vec![old]).await;
    let newcomer = Person::customer(&world.client, 1_000).await;
    assert_eq!(newcomer.balance().await, 1_000);
}
