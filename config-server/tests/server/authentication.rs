//! An application reads its own settings, with its own password.

use axum::http::StatusCode;

use crate::harness::{Harness, MEMBER_API, STORE_API};

#[tokio::test]
async fn every_route_needs_the_right_password() {
    let server = Harness::new();
    server.write("base/member-api.yml", "secret: 1");
    for wrong in [
        "",
        "Basic",
        "Basic !!!",
        "Basic bWVtYmVyLWFwaQ==",         // member-api, without a colon
        "Basic bWVtYmVyLWFwaTo=",         // member-api and no password
        "Basic bWVtYmVyLWFwaTpzZWNvbmQ=", // member-api with store-api's password
        "Basic bWVtYmVyLWFwaTpmaXJzdCA=", // a space after the password
        "Basic TUVNQkVSLUFQSTpmaXJzdA==", // MEMBER-API
        "Basic bm9ib2R5OmZpcnN0",         // nobody
        "Basic Og==",                     // neither name nor password
        "Bearer bWVtYmVyLWFwaTpmaXJzdA==",
    ] {
        for path in ["/member-api/default", "/member-api/default/label", "/encrypt/status"] {
            let request = server.client.get(path).header("authorization", wrong);

            let answer = request.send().await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");

            assert_eq!(answer.header("www-authenticate"), r#"Basic realm="config-server", charset="UTF-8""#);
            assert!(answer.body.get("propertySources").is_none(), "{wrong} {path}");
        }
        let sealing = server.client.post("/encrypt").header("authorization", wrong).bytes("text/plain", "x");
        sealing.send().await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    }
    server
        .client
        .get("/member-api/default")
        .send()
        .await
        .expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_application_reads_its_own_settings_only() {
    let server = Harness::new();
    server.write("base/member-api.yml", "secret: 1");

    for path in
        ["/member-api/default", "/member-api/default/label", "/application/default", "/nobody/default"]
    {
        let foreign = server.client.get(path).header("authorization", STORE_API);
        foreign.send().await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let own = server.client.get("/member-api/default").header("authorization", MEMBER_API);
    own.send().await.expect(StatusCode::OK);
}

/// Only an authenticated caller is told that a name is not valid.
#[tokio::test]
async fn the_password_is_checked_before_the_names() {
    let server = Harness::new();

    let path = "/member-api/..%2Fx";
    server.client.get(path).send().await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    server.get(path).send().await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
}
