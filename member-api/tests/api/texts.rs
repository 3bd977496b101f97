//! What a text, a password, an email and a phone number may be (docs/text-rules.md).

use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::{PASSWORD, World};

/// Nothing of these can be seen.
const INVISIBLE: [&str; 10] = [
    "\u{200B}",
    "\u{3164}",
    "\u{115F}\u{1160}",
    "\u{FFA0}",
    "\u{2800}",
    "\u{AD}",
    "\u{FEFF}",
    "\u{301}",
    "\u{200E}",
    " \t ",
];
/// No text may hold these, not even between visible characters.
const REFUSED: [&str; 8] =
    ["\0", "\u{1B}", "\u{202E}", "\u{2066}", "\u{2028}", "\u{E0041}", "\u{E000}", "\u{FFFF}"];
const FINE: [&str; 7] = [
    "김달콤",
    "Zoë",
    "می\u{200C}خواهم",
    "क्\u{200D}ष",
    "👩🏽\u{200D}🍳",
    "❤\u{FE0F}",
    "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
];

/// 비밀번호여덟글자, of Hangul letters.
const DECOMPOSED: &str = "\u{1107}\u{1175}\u{1106}\u{1175}\u{11AF}\u{1107}\u{1165}\u{11AB}\u{1112}\u{1169}\u{110B}\u{1167}\u{1103}\u{1165}\u{11B2}\u{1100}\u{1173}\u{11AF}\u{110C}\u{1161}";
const COMPOSED: &str = "비밀번호여덟글자";

/// As the service hashed before the rule.
fn hash_as_typed(password: &str) -> String {
    Argon2::default().hash_password(password.as_bytes()).unwrap().to_string()
}

async fn sign_up(world: &World, body: Value) -> testkit::Answer {
    let mut whole = json!({"email": "kim@example.com", "password": PASSWORD, "name": "김달콤"});
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    world.client.post("/api/member/customers").json(&whole).send().await
}

async fn sign_in(world: &World, password: &str) -> testkit::Answer {
    let body = json!({"email": "kim@example.com", "password": password});
    world.client.post("/api/member/sessions").json(&body).send().await
}

#[sqlx::test(migrations = "./migrations")]
async fn a_name_can_be_read(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let refused = REFUSED.iter().map(|text| format!("김{text}달콤"));
    for name in INVISIBLE.iter().map(|text| (*text).to_owned()).chain(refused) {
        let answer = sign_up(&world, json!({"email": "lee@example.com", "name": name})).await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), ["/name"], "{name:?}");
        let change = world.client.patch("/api/member/me").bearer(&kim.token).json(&json!({"name": name}));
        let answer = change.send().await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), ["/name"], "{name:?}");
    }
    for name in FINE {
        let change = world.client.patch("/api/member/me").bearer(&kim.token).json(&json!({"name": name}));
        assert_eq!(change.send().await.expect(StatusCode::OK).body["name"], name);
    }
    let change = json!({"name": " \u{1103}\u{1161}\u{11AF} "});
    let change = world.client.patch("/api/member/me").bearer(&kim.token).json(&change).send().await;
    assert_eq!(change.expect(StatusCode::OK).body["name"], "달", "it is kept composed");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_password_is_right_however_the_keyboard_composes_it(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let three_syllables = "\u{1103}\u{1161}\u{11AF}".repeat(3);
    for bad in [three_syllables.as_str(), "macaron\u{200B}tower", "macaron\0tower"] {
        let answer = sign_up(&world, json!({"password": bad})).await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), ["/password"], "{bad:?}");
    }
    let _ = sign_up(&world, json!({"password": COMPOSED})).await.expect(StatusCode::CREATED);
    for typed in [COMPOSED, DECOMPOSED] {
        let session = sign_in(&world, typed).await.expect(StatusCode::CREATED);
        let token = session.body["accessToken"].as_str().unwrap().to_owned();
        let change = json!({"currentPassword": typed, "newPassword": DECOMPOSED});
        let change = world.client.put("/api/member/me/password").bearer(&token).json(&change);
        let _ = change.send().await.expect(StatusCode::NO_CONTENT);
    }
    let _ = sign_in(&world, COMPOSED).await.expect(StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_hash_that_is_older_than_the_rule_stays_good_and_is_made_anew(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let _ = sign_up(&world, json!({})).await.expect(StatusCode::CREATED);
    sqlx::query("UPDATE members SET password_hash = ?")
        .bind(hash_as_typed(DECOMPOSED))
        .execute(&mut *world.connection().await)
        .await
        .unwrap();
    let answers = futures::future::join_all((0..4).map(|_| sign_in(&world, DECOMPOSED))).await;
    for answer in answers {
        let _ = answer.expect(StatusCode::CREATED);
    }
    let _ = sign_in(&world, COMPOSED).await.expect(StatusCode::CREATED);
    let _ = sign_in(&world, DECOMPOSED).await.expect(StatusCode::CREATED);
    let _ =
        sign_in(&world, "비밀번호여덟글짜").await.expect_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
}

#[sqlx::test(migrations = "./migrations")]
async fn emails_and_phone_numbers_have_one_form(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    for email in [".a@b.kr", "a.@b.kr", "a..b@b.kr", "a@b", "a@1.2.3.4", "달@b.kr", "a@b\u{202E}.kr"] {
        let answer = sign_up(&world, json!({"email": email})).await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), ["/email"], "{email:?}");
    }
    for phone in ["010--1234-5678", "0-1-0-1-2-3-4-5-6-7-8", "010/1234/5678", "٠١٠١٢٣٤٥٦٧٨"] {
        let answer = sign_up(&world, json!({"phone": phone})).await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), ["/phone"], "{phone:?}");
    }
    // An account from before the rule.
    let _ = sign_up(&world, json!({"email": "old@example.com"})).await.expect(StatusCode::CREATED);
    let rename = "UPDATE members SET email = '.old@example.com'";
    sqlx::query(rename).execute(&mut *world.connection().await).await.unwrap();
    for (email, status) in [(".old@example.com", 201), ("..@b.kr", 401), ("달@b.kr", 400), ("nobody", 400)] {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = world.client.post("/api/member/sessions").json(&body).send().await;
        assert_eq!(answer.status, status, "{email}");
    }
    let body = json!({"email": "Baker@달콤.한국", "phone": "010.1234.5678"});
    let member = sign_up(&world, body).await.expect(StatusCode::CREATED).body;
    assert_eq!(
        (&member["email"], &member["phone"]),
        (&"baker@xn--bk1bx35c.xn--3e0b707e".into(), &"01012345678".into())
    );
    let body = json!({"email": "baker@달콤。한국", "password": PASSWORD});
    let _ = world.client.post("/api/member/sessions").json(&body).send().await.expect(StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn json_is_known_in_any_case_and_only_in_utf_8(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let _ = sign_up(&world, json!({})).await.expect(StatusCode::CREATED);
    let body = json!({"email": "kim@example.com", "password": PASSWORD}).to_string();
    let send = async |media_type: &str, body: &str| {
        let request =
            world.client.post("/api/member/sessions").bytes(media_type, body.to_owned().into_bytes());
        request.send().await
    };
    for media_type in ["Application/VND.x+JSON", "application/json; charset=UTF-8"] {
        let _ = send(media_type, &body).await.expect(StatusCode::CREATED);
    }
    let _ = send("application/json", &format!("\u{FEFF}{body}")).await.expect(StatusCode::CREATED);
    for media_type in ["application/json; charset=euc-kr", "text/json"] {
        let answer = send(media_type, &body).await;
        let _ = answer.expect_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE");
    }
}
