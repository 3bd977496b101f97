//! Signing up, the profile, the password, and closing an account.

use garde::Validate;
use http::StatusCode;
use member_api::accounts::create_admin::{CreateAdminError, NewAdmin, create_admin};
use member_api::accounts::sign_up::SignUpError;
use member_api::members::{Email, MemberName};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::world::{PASSWORD, World};

type MemberRow = (String, Option<String>, Option<String>, String, Option<String>);

async fn member_row(world: &World, id: Uuid) -> MemberRow {
    sqlx::query_as("SELECT role, email, password_hash, name, phone FROM members WHERE id = ?")
        .bind(id)
        .fetch_one(&mut *world.connection().await)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn signing_up_stores_a_member_and_an_empty_wallet(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let body = json!({"email": " Kim@Example.COM ", "password": PASSWORD, "name": " 김달콤 ", "phone": "+82 10-1234-5678"});
    let answer =
        world.client.post("/api/member/customers").json(&body).send().await.expect(StatusCode::CREATED);
    assert_eq!(answer.header("location"), "/api/member/me");
    let id: Uuid = answer.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        answer.body,
        json!({
            "id": id, "email": "kim@example.com", "name": "김달콤", "phone": "01012345678", "role": "CUSTOMER",
            "createdAt": "2026-11-22T09:00:00Z",
        })
    );
    assert_eq!(id.get_version_num(), 7);
    let (role, email, hash, name, phone) = member_row(&world, id).await;
    assert_eq!(
        (role.as_str(), email.as_deref(), name.as_str(), phone.as_deref()),
        ("CUSTOMER", Some("kim@example.com"), "김달콤", Some("01012345678"))
    );
    let hash = hash.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(world.count("SELECT COUNT(*) FROM wallets WHERE balance = 0 AND version = 0").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_path_is_the_role(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let body = json!({"email": "lee@example.com", "password": PASSWORD, "name": "이빵집"});
    let answer =
        world.client.post("/api/member/sellers").json(&body).send().await.expect(StatusCode::CREATED);
    assert_eq!((&answer.body["role"], &answer.body["phone"]), (&json!("SELLER"), &Value::Null));
    assert_eq!(world.count("SELECT COUNT(*) FROM members WHERE role = 'SELLER'").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_15_a_role_or_a_balance_in_the_body_is_refused(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    for (member, value) in [
        ("role", json!("ADMIN")),
        ("roles", json!(["SELLER"])),
        ("balance", json!(1_000_000)),
        ("id", json!(Uuid::nil())),
    ] {
        let mut body = json!({"email": "a@example.com", "password": PASSWORD, "name": "가나"});
        body[member] = value;
        let answer = world.client.post("/api/member/customers").json(&body).send().await;
        let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        assert_eq!(answer.fault_pointers(), [format!("/{member}")]);
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn every_fault_of_a_body_is_reported_at_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let body =
        json!({"email": "nobody", "password": "short", "name": "", "phone": "02-123-4567", "role": "ADMIN"});
    let answer = world.client.post("/api/member/sellers").json(&body).send().await;
    let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(answer.fault_pointers(), ["/email", "/name", "/password", "/phone", "/role"]);
    let answer = world.client.post("/api/member/sellers").json(&json!({})).send().await;
    let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(answer.fault_pointers(), ["/email", "/name", "/password"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn fault_27_two_sign_ups_at_once_with_one_email_make_one_account(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let sign_up = |n: usize| {
        let (path, email) = if n.is_multiple_of(2) {
            ("customers", "kim@example.com")
        } else {
            ("sellers", "KIM@example.com")
        };
        let body = json!({"email": email, "password": PASSWORD, "name": "김"});
        world.client.post(&format!("/api/member/{path}")).json(&body).send()
    };
    let answers = futures::future::join_all((0..6).map(sign_up)).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::CREATED);
    assert_eq!((made.len(), refused.len()), (1, 5));
    for answer in refused {
        let _ = answer.expect_problem(StatusCode::CONFLICT, "EMAIL_TAKEN");
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 1);
    assert_eq!(world.count("SELECT COUNT(*) FROM wallets").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_profile_changes_by_what_is_sent(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let patch =
        async |body: Value| world.client.patch("/api/member/me").bearer(&kim.token).json(&body).send().await;
    let changed = patch(json!({"name": "김치", "phone": "010-9999-8888"})).await.expect(StatusCode::OK).body;
    assert_eq!((&changed["name"], &changed["phone"]), (&json!("김치"), &json!("01099998888")));
    let unchanged = patch(json!({})).await.expect(StatusCode::OK).body;
    assert_eq!(unchanged, changed);
    let removed = patch(json!({"phone": null})).await.expect(StatusCode::OK).body;
    assert_eq!((&removed["name"], &removed["phone"]), (&json!("김치"), &Value::Null));
    let (_, email, _, name, phone) = member_row(&world, kim.id.0).await;
    assert_eq!((email.as_deref(), name.as_str(), phone), (Some("kim@example.com"), "김치", None));
    let shown =
        world.client.get("/api/member/me").bearer(&kim.token).send().await.expect(StatusCode::OK).body;
    assert_eq!(shown, removed);

    let refused = patch(json!({"name": null, "phone": "1", "email": "x@example.com", "role": "ADMIN"})).await;
    let refused = refused.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(refused.fault_pointers(), ["/email", "/name", "/phone", "/role"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_password_change_ends_every_other_session(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let kim = world.customer("kim").await;
    let elsewhere = world.sign_in(&kim.email).await;
    let change = async |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        world.client.put("/api/member/me/password").bearer(&kim.token).json(&body).send().await
    };
    let _ = change("wrong-wrong", "another-cake-9")
        .await
        .expect_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
    let refused =
        change(PASSWORD, "short").await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    assert_eq!(refused.fault_pointers(), ["/newPassword"]);
    let _ = change(PASSWORD, "another-cake-9").await.expect(StatusCode::NO_CONTENT);

    let refresh = async |token: &Value| {
        world.client.post("/api/member/sessions/refresh").json(&json!({"refreshToken": token})).send().await
    };
    let _ = refresh(&elsewhere["refreshToken"])
        .await
        .expect_problem(StatusCode::UNAUTHORIZED, "REFRESH_TOKEN_INVALID");
    let _ = refresh(&json!(kim.refresh_token)).await.expect(StatusCode::OK);
    let sign_in = async |password: &str| {
        let body = json!({"email": kim.email, "password": password});
        world.client.post("/api/member/sessions").json(&body).send().await.status
    };
    assert_eq!(sign_in(PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in("another-cake-9").await, StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_account_is_closed_when_its_wallet_is_empty(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let (rich, poor) = (world.customer("rich").await, world.customer("poor").await);
    world.charge(&rich, 1_000).await;
    let close = async |token: &str| world.client.delete("/api/member/me").bearer(token).send().await;
    let refused = close(&rich.token).await.expect_problem(StatusCode::CONFLICT, "ACCOUNT_NOT_SETTLED");
    assert_eq!(refused.body["open"], json!([{"kind": "WALLET", "count": 1, "amount": 1_000}]));
    assert_eq!(member_row(&world, rich.id.0).await.1.as_deref(), Some("rich@example.com"));

    let _ = close(&poor.token).await.expect(StatusCode::NO_CONTENT);
    let (role, email, hash, name, phone) = member_row(&world, poor.id.0).await;
    assert_eq!(
        (role.as_str(), email, hash, name.as_str(), phone),
        ("CUSTOMER", None, None, "탈퇴한 회원", None)
    );
    let ended = "SELECT COUNT(*) FROM sessions s JOIN members m ON m.id = s.member_id \
                 WHERE m.closed_at IS NOT NULL AND s.revoked_at IS NOT NULL";
    assert_eq!(world.count(ended).await, 1);

    // The token is still valid for some minutes, but the account is closed.
    let me = world.client.get("/api/member/me").bearer(&poor.token);
    let _ = me.send().await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    let charge = world.client.post("/api/member/me/wallet/charges").bearer(&poor.token).key("late");
    let _ = charge
        .json(&json!({"amount": 1_000}))
        .send()
        .await
        .expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    assert_eq!(world.wallet(&poor).await, (0, 0));
    // The request is sent again, because its answer was lost.
    let _ = close(&poor.token).await.expect(StatusCode::NO_CONTENT);
    // The email can be used again.
    world.customer("poor").await;
}

#[sqlx::test(migrations = "./migrations")]
async fn a_password_that_is_guessed_first_is_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options);
    let sign_up = async |password: &str| {
        let body = json!({"email": "dalkom.kim@sweets.example", "password": password, "name": "김달콤"});
        world.client.post("/api/member/customers").json(&body).send().await
    };
    for (password, detail) in [
        ("password", "is one of the most common passwords"),
        ("DALKOM.kim1", "must not be made of the email or the name"),
        ("sweets.example", "must not be made of the email or the name"),
        ("김달콤김달콤99", "must not be made of the email or the name"),
    ] {
        let refused = sign_up(password).await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        let fault = json!([{"pointer": "/password", "code": "INVALID", "detail": detail}]);
        assert_eq!(refused.body["errors"], fault, "{password}");
    }
    let _ = sign_up("dalkom-tower-7").await.expect(StatusCode::CREATED);

    let kim = world.customer("kim").await;
    for (password, detail) in [
        ("iloveyou", "is one of the most common passwords"),
        ("kim@example", "must not be made of the email or the name"),
    ] {
        let body = json!({"currentPassword": PASSWORD, "newPassword": password});
        let change = world.client.put("/api/member/me/password").bearer(&kim.token).json(&body).send().await;
        let refused = change.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
        let fault = json!([{"pointer": "/newPassword", "code": "INVALID", "detail": detail}]);
        assert_eq!(refused.body["errors"], fault, "{password}");
    }
    world.sign_in(&kim.email).await;
}

#[sqlx::test(migrations = "./migrations")]
async fn an_administrator_is_made_with_the_first_line_of_standard_input(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let admin = NewAdmin {
        email: Email::from("root@example.com".to_owned()),
        name: MemberName::from("관리자".to_owned()),
    };
    assert!(admin.email.validate().is_ok());
    let create = async |input: &'static str| {
        let state = &world.state;
        let (database, hasher, trail) = (&state.database, &state.password_hasher, &state.trail);
        create_admin(database, &state.clock, hasher, trail, admin.clone(), input.as_bytes()).await
    };
    assert!(matches!(create("short\n").await, Err(CreateAdminError::Password(_))));
    assert!(matches!(create("iloveyou\n").await, Err(CreateAdminError::Password(_))));
    assert!(matches!(create("root-example-1\n").await, Err(CreateAdminError::MadeOfAccount(_))));
    assert_eq!(world.count("SELECT COUNT(*) FROM members").await, 0);
    create("macaron-tower-7\nnot this\n").await.unwrap();
    let recorded = "SELECT COUNT(*) FROM security_events e JOIN members m ON m.id = e.member_id WHERE e.kind = 'ADMIN_CREATION'";
    assert_eq!(world.count(recorded).await, 1);
    assert!(matches!(
        create("macaron-tower-7").await,
        Err(CreateAdminError::SignUp(SignUpError::EmailTaken))
    ));
    let token = world.sign_in("root@example.com").await["accessToken"].as_str().unwrap().to_owned();
    let shown = world.client.get("/api/member/me").bearer(&token).send().await.expect(StatusCode::OK);
    assert_eq!(shown.body["role"], "ADMIN");
}
