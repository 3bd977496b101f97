//! Every token but the right one is refused, each for its own reason.

use std::time::Duration;

use access::{
    Admin, Customer, Jwk, Jwks, Principal, Role, ServiceTokens, Settings, SigningKey, TokenError, UserKeys,
    UserTokens, only_services,
};
use axum::Router;
use axum::routing::get;
use clock::{Clock, ClockControl};
use http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use testkit::{Client, People};
use time::macros::datetime;

struct Fixture {
    clock: Clock,
    clock_control: ClockControl,
    people: People,
    client: Client,
}

fn fixture() -> Fixture {
    let (clock, clock_control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
    let people = People::of("store-api", &clock);
    let internal = Router::new().route("/internal/x", get(async || "in"));
    let router = Router::new()
        .route("/any", get(async |principal: Principal| principal.member_id.to_string()))
        .route("/customer", get(async |_: Customer| "in"))
        .route("/admin", get(async |_: Admin| "in"))
        .merge(only_services(internal, &["order-api"]));
    let client = Client(people.verifier().wrap(problem::wrap(router)));
    Fixture { clock, clock_control, people, client }
}

impl Fixture {
    async fn status(&self, path: &str, token: &str) -> StatusCode {
        self.client.get(path).bearer(token).send().await.status
    }

    /// A token of our issuer's shape with any header, claims and key.
    fn forged(&self, header: &Header, change: impl FnOnce(&mut Value), key: &EncodingKey) -> String {
        let now = self.clock.now().unix_timestamp();
        let mut claims = json!({
            "iss": "https://dalkom.test", "aud": "dalkom", "sub": self.clock.new_id(), "role": "ADMIN",
            "sid": self.clock.new_id(), "iat": now, "exp": now + 900,
        });
        change(&mut claims);
        jsonwebtoken::encode(header, &claims, key).unwrap()
    }
}

fn header(algorithm: Algorithm, typ: &str, kid: &str) -> Header {
    let mut header = Header::new(algorithm);
    header.typ = Some(typ.to_owned());
    header.kid = Some(kid.to_owned());
    header
}

#[tokio::test]
async fn a_member_is_who_the_token_says() {
    let fixture = fixture();
    let member_id = fixture.people.new_member();
    let token = fixture.people.token(member_id, Role::Customer);
    let answer = fixture.client.get("/any").bearer(&token).send().await.expect(StatusCode::OK);
    assert_eq!(answer.bytes, member_id.to_string().as_bytes());
}

#[tokio::test]
async fn a_missing_or_doubled_header_is_refused() {
    let fixture = fixture();
    let token = fixture.people.token(fixture.people.new_member(), Role::Admin);
    let nothing = fixture.client.get("/any").send().await;
    let nothing = nothing.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    assert_eq!(nothing.header("www-authenticate"), "Bearer");
    for value in ["", "Bearer", "Bearer ", "Basic dTpw", &token, &format!("Token {token}")] {
        let answer = fixture.client.get("/any").header("authorization", value).send().await;
        answer.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    }
    let twice = fixture.client.get("/any").bearer(&token).bearer(&token).send().await;
    twice.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
}

#[tokio::test]
async fn fault_16_a_role_is_matched_whole() {
    let fixture = fixture();
    for (role, customer, admin) in [
        (Role::Customer, StatusCode::OK, StatusCode::FORBIDDEN),
        (Role::Seller, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        (Role::Admin, StatusCode::FORBIDDEN, StatusCode::OK),
    ] {
        let token = fixture.people.token(fixture.people.new_member(), role);
        assert_eq!(fixture.status("/customer", &token).await, customer, "{role:?}");
        assert_eq!(fixture.status("/admin", &token).await, admin, "{role:?}");
    }
}

#[tokio::test]
async fn a_role_that_is_empty_or_unknown_is_no_role() {
    let fixture = fixture();
    let secret = SigningKey::generate().unwrap();
    let (keys, key, encoding) = keys_of(&fixture.clock, &secret);
    for role in [json!(""), json!([]), json!(null), json!("admin"), json!("ADMIN,CUSTOMER"), json!(["ADMIN"])]
    {
        let token = fixture.forged(
            &header(Algorithm::EdDSA, "at+jwt", key.id()),
            |claims| claims["role"] = role.clone(),
            &encoding,
        );
        assert_eq!(keys.verify(&token).await, Err(TokenError::Malformed), "{role}");
    }
}

#[tokio::test]
async fn fault_18_an_expired_token_is_refused() {
    let fixture = fixture();
    let token = fixture.people.token(fixture.people.new_member(), Role::Admin);
    fixture.clock_control.advance(Duration::from_secs(899));
    assert_eq!(fixture.status("/any", &token).await, StatusCode::OK);
    fixture.clock_control.advance(Duration::from_secs(6));
    assert_eq!(fixture.status("/any", &token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_forged_token_is_refused_for_its_reason() {
    let fixture = fixture();
    let secret = SigningKey::generate().unwrap();
    let (keys, key, encoding) = keys_of(&fixture.clock, &secret);
    let right = || header(Algorithm::EdDSA, "at+jwt", key.id());
    let good = fixture.forged(&right(), |_| {}, &encoding);
    assert!(keys.verify(&good).await.is_ok(), "the forger can make a right one, too");

    let other = SigningKey::generate().unwrap();
    let (_, _, other_encoding) = keys_of(&fixture.clock, &other);
    let as_text = |token: &str, algorithm: &str| {
        let header = json!({"alg": algorithm, "typ": "at+jwt", "kid": key.id()}).to_string();
        let mut parts = token.split('.');
        parts.next();
        format!("{}.{}.{}", base64url(header.as_bytes()), parts.next().unwrap(), parts.next().unwrap())
    };
    let hmac_by_public_key = fixture.forged(
        &header(Algorithm::HS256, "at+jwt", key.id()),
        |_| {},
        &EncodingKey::from_secret(key.public_base64().as_bytes()),
    );
    let cases = [
        ("none", as_text(&good, "none"), TokenError::Algorithm),
        (
            "None without a signature",
            as_text(&good, "NONE").rsplit_once('.').unwrap().0.to_owned() + ".",
            TokenError::Algorithm,
        ),
        ("RS256", as_text(&good, "RS256"), TokenError::Algorithm),
        ("HS256 with the public key", hmac_by_public_key, TokenError::Algorithm),
        ("another key", fixture.forged(&right(), |_| {}, &other_encoding), TokenError::Signature),
        (
            "an unknown kid",
            fixture.forged(&header(Algorithm::EdDSA, "at+jwt", "x"), |_| {}, &encoding),
            TokenError::UnknownKey,
        ),
        (
            "another type",
            fixture.forged(&header(Algorithm::EdDSA, "JWT", key.id()), |_| {}, &encoding),
            TokenError::Malformed,
        ),
        (
            "another audience",
            fixture.forged(&right(), |claims| claims["aud"] = json!("else"), &encoding),
            TokenError::Foreign,
        ),
        (
            "another issuer",
            fixture.forged(&right(), |claims| claims["iss"] = json!("else"), &encoding),
            TokenError::Foreign,
        ),
        (
            "no audience",
            fixture.forged(&right(), |claims| drop(claims.as_object_mut().unwrap().remove("aud")), &encoding),
            TokenError::Malformed,
        ),
        (
            "no expiry",
            fixture.forged(&right(), |claims| drop(claims.as_object_mut().unwrap().remove("exp")), &encoding),
            TokenError::Malformed,
        ),
        (
            "from tomorrow",
            fixture.forged(
                &right(),
                |claims| claims["iat"] = json!(claims["exp"].as_i64().unwrap() - 60),
                &encoding,
            ),
            TokenError::NotYetValid,
        ),
        ("cut off", good[..good.len() - 9].to_owned(), TokenError::Malformed),
        ("nonsense", "a.b.c".to_owned(), TokenError::Malformed),
        ("far too long", "a".repeat(100_000), TokenError::Malformed),
    ];
    for (what, token, reason) in cases {
        assert_eq!(keys.verify(&token).await, Err(reason), "{what}");
    }
}

#[tokio::test]
async fn a_user_token_opens_no_internal_route_and_a_service_token_no_users() {
    let fixture = fixture();
    let user = fixture.people.token(fixture.people.new_member(), Role::Admin);
    let order_api = fixture.people.service_token("order-api", "store-api");
    assert_eq!(fixture.status("/internal/x", &user).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.status("/any", &order_api).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.status("/internal/x", &order_api).await, StatusCode::OK);
}

#[tokio::test]
async fn a_service_token_is_good_for_its_audience_its_caller_and_a_minute() {
    let fixture = fixture();
    let for_another = fixture.people.service_token("order-api", "member-api");
    assert_eq!(fixture.status("/internal/x", &for_another).await, StatusCode::UNAUTHORIZED);
    let of_another = fixture.people.service_token("gateway", "store-api");
    assert_eq!(fixture.status("/internal/x", &of_another).await, StatusCode::FORBIDDEN);
    let stranger = SigningKey::from_base64(&SigningKey::generate().unwrap()).unwrap();
    let in_its_name =
        ServiceTokens::new("order-api", stranger, fixture.clock.clone()).token_for("store-api").unwrap();
    assert_eq!(fixture.status("/internal/x", &in_its_name).await, StatusCode::UNAUTHORIZED);

    let token = fixture.people.service_token("order-api", "store-api");
    fixture.clock_control.advance(Duration::from_secs(66));
    assert_eq!(fixture.status("/internal/x", &token).await, StatusCode::UNAUTHORIZED);
    let renewed = fixture.people.service_token("order-api", "store-api");
    assert_eq!(fixture.status("/internal/x", &renewed).await, StatusCode::OK);
}

#[tokio::test]
async fn a_key_that_is_published_later_is_fetched_when_a_token_names_it() {
    let clock = Clock::system();
    let secret = SigningKey::generate().unwrap();
    let (_, key, _) = keys_of(&clock, &secret);
    let tokens = UserTokens::new(&settings(), Duration::from_secs(900), clock.clone());
    let principal = Principal {
        member_id: access::MemberId(clock.new_id()),
        role: Role::Admin,
        session_id: clock.new_id(),
    };
    let token = tokens.sign(&principal, &key).unwrap();

    let keys = UserKeys::new(&settings().issuer, &settings().audience, clock);
    assert_eq!(keys.verify(&token).await, Err(TokenError::NoKeys));
    let published = Jwks { keys: vec![Jwk::from(&key)] };
    let mut fetches = 0;
    tokio::spawn(keys.clone().keep_fresh(move || {
        fetches += 1;
        let jwks = if fetches == 1 { Jwks::default() } else { published.clone() };
        async move { Ok::<_, std::convert::Infallible>(jwks) }
    }));
    // The first answer may come while the token waits; the second is fetched for its sake.
    let verified = async {
        loop {
            if let Ok(principal) = keys.verify(&token).await {
                return principal;
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), verified).await.unwrap(), principal);
}

#[tokio::test]
async fn a_token_that_was_good_a_moment_ago_is_not_when_it_expires_or_its_key_is_taken_away() {
    let (clock, clock_control) = Clock::manual(datetime!(2026-11-22 09:00 UTC));
    let (keys, key, _) = keys_of(&clock, &SigningKey::generate().unwrap());
    let tokens = UserTokens::new(&settings(), Duration::from_secs(900), clock.clone());
    let principal = Principal {
        member_id: access::MemberId(clock.new_id()),
        role: Role::Customer,
        session_id: clock.new_id(),
    };
    let token = tokens.sign(&principal, &key).unwrap();
    for _ in 0..2 {
        assert_eq!(keys.verify(&token).await, Ok(principal));
    }
    // One byte of the signature is another: it is another token, however well the first one is known.
    let tampered = format!("{}{}", &token[..token.len() - 5], "AAAAA");
    assert_eq!(keys.verify(&tampered).await, Err(TokenError::Signature));

    let other = SigningKey::from_base64(&SigningKey::generate().unwrap()).unwrap();
    let published = |keys: &[&SigningKey]| Jwks { keys: keys.iter().map(|key| Jwk::from(*key)).collect() };
    keys.replace(&published(&[&other, &key]));
    assert_eq!(keys.verify(&token).await, Ok(principal), "both keys are good");
    keys.replace(&published(&[&other]));
    assert_eq!(keys.verify(&token).await, Err(TokenError::UnknownKey));
    keys.replace(&published(&[&key]));
    assert_eq!(keys.verify(&token).await, Ok(principal));
    clock_control.advance(Duration::from_secs(900 + 5));
    assert_eq!(keys.verify(&token).await, Err(TokenError::Expired));
}

fn settings() -> Settings {
    Settings::of_users("https://dalkom.test", "dalkom", "member-api")
}

fn keys_of(clock: &Clock, secret: &secrecy::SecretString) -> (UserKeys, SigningKey, EncodingKey) {
    use secrecy::ExposeSecret;
    let key = SigningKey::from_base64(secret).unwrap();
    let keys = UserKeys::new(&settings().issuer, &settings().audience, clock.clone());
    keys.replace(&Jwks { keys: vec![Jwk::from(&key)] });
    let pkcs8 =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, secret.expose_secret()).unwrap();
    (keys, key, EncodingKey::from_ed_der(&pkcs8))
}

fn base64url(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}
