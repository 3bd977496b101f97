//! The OpenAPI document contains every route, and agrees with the code.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::world::World;

/// The routes that need no token.
const OPEN: [&str; 5] = [
    "get /.well-known/jwks.json",
    "post /api/member/customers",
    "post /api/member/sellers",
    "post /api/member/sessions",
    "post /api/member/sessions/refresh",
];

const GUARDED: [&str; 15] = [
    "delete /api/member/me",
    "delete /api/member/me/otp",
    "delete /api/member/me/sessions/{sessionId}",
    "delete /api/member/sessions/current",
    "get /api/member/audit",
    "get /api/member/me",
    "get /api/member/me/security-events",
    "get /api/member/me/sessions",
    "get /api/member/me/wallet",
    "get /api/member/me/wallet/entries",
    "patch /api/member/me",
    "post /api/member/me/otp",
    "post /api/member/me/wallet/charges",
    "put /api/member/me/otp",
    "put /api/member/me/password",
];

async fn document(world: &World) -> Value {
    world.client.get("/openapi.json").send().await.expect(StatusCode::OK).body
}

fn operations(document: &Value) -> BTreeMap<String, Value> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
    });
    operations.collect()
}

#[sqlx::test(migrations = "./migrations")]
async fn every_public_route_is_documented_and_says_whether_it_needs_a_token(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let document = document(&world).await;
    let operations = operations(&document);
    let (guarded, open): (Vec<_>, Vec<_>) =
        operations.iter().partition(|(_, operation)| operation.get("security").is_some());
    let names = |operations: Vec<(&String, &Value)>| {
        operations.into_iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(open), OPEN);
    assert_eq!(names(guarded), GUARDED);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    for (name, operation) in &operations {
        let responses = operation["responses"].as_object().unwrap();
        assert_eq!(
            responses.contains_key("401"),
            GUARDED.contains(&name.as_str()) || name.contains("/sessions"),
            "{name}"
        );
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn every_reference_leads_somewhere(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    fn references<'value>(value: &'value Value, found: &mut Vec<&'value str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let world = World::new(options);
    let document = document(&world).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn the_kinds_of_events_and_of_entries_are_told_apart(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let document = document(&world).await;
    let of = |schema: &str, member: &str| {
        let member = &document["components"]["schemas"][schema]["properties"][member];
        let reference = member["$ref"].as_str().or(member["allOf"][0]["$ref"].as_str());
        let named = reference.and_then(|reference| document.pointer(reference.strip_prefix('#')?));
        named.unwrap_or_else(|| panic!("{schema} {member}"))["enum"].as_array().unwrap().clone()
    };
    assert!(of("SecurityEvent", "kind").contains(&json!("SIGN_IN")));
    assert!(of("SecurityEvent", "outcome").contains(&json!("WRONG_PASSWORD")));
    assert!(of("Entry", "kind").contains(&json!("CHARGE")));
}

#[sqlx::test(migrations = "./migrations")]
async fn the_bounds_in_the_schemas_are_those_that_are_kept(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let world = World::new(options);
    let document = document(&world).await;
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    let bound = |name: &str, key: &str| usize::try_from(schema(name)[key].as_u64().unwrap()).unwrap();
    let status =
        async |body: Value| world.client.post("/api/member/customers").json(&body).send().await.status;

    // Each limit is accepted, and one step outside of it is refused.
    let good = json!({"email": "a@example.com", "password": "macaron-tower-7", "name": "가"});
    for (schema_name, member) in [("NewPassword", "password"), ("MemberName", "name")] {
        for (length, expected) in [
            (bound(schema_name, "minLength") - 1, StatusCode::BAD_REQUEST),
            (bound(schema_name, "minLength"), StatusCode::CREATED),
            (bound(schema_name, "maxLength"), StatusCode::CREATED),
            (bound(schema_name, "maxLength") + 1, StatusCode::BAD_REQUEST),
        ] {
            let mut body = good.clone();
            body["email"] = json!(format!("{member}{length}@example.com"));
            body[member] = json!("가".repeat(length));
            assert_eq!(status(body).await, expected, "{member} of {length}");
        }
    }
    let label = |length: usize| format!("a@{}", "b.".repeat(60) + &"c".repeat(length - 122));
    for (length, expected) in [
        (bound("Email", "maxLength") - 80, StatusCode::CREATED),
        (bound("Email", "maxLength") + 1, StatusCode::BAD_REQUEST),
    ] {
        let mut body = good.clone();
        body["email"] = json!(label(length));
        assert_eq!(status(body).await, expected, "an email of {length}");
    }
    let amount = schema("ChargeAmount");
    assert_eq!((&amount["minimum"], &amount["maximum"]), (&json!(1_000), &json!(10_000_000)));
    assert_eq!(schema("SignUp")["additionalProperties"], false);
}
