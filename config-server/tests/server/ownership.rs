//! Who may read a file is decided by the file, and not by the names that ask for it.

use axum::http::StatusCode;
use serde_json::json;
use testkit::Request;

use crate::harness::Harness;

/// `order:fourth`
const ORDER: &str = "Basic b3JkZXI6Zm91cnRo";

fn order(server: &Harness, path: &str) -> Request {
    server.client.get(path).header("authorization", ORDER)
}

fn server() -> Harness {
    let server = Harness::new();
    server.write("base/application.yml", "shared: 1");
    server.write("base/application-api.yml", "profile: 1");
    server.write("base/order.yml", "own: 1");
    server.write("base/order-api.yml", "foreign: 1");
    server.write("base/order-api-prod.yml", "foreign: 1");
    server.write("base/order-prod.yml", "own-prod: 1");
    server.write("base/extra.yml", "extra: 1");
    server
}

#[tokio::test]
async fn a_profile_does_not_lead_to_the_file_of_another_application() {
    let server = server();

    let api = order(&server, "/order/api").send().await.expect(StatusCode::OK);
    let prod = order(&server, "/order/prod,api-prod").send().await.expect(StatusCode::OK);

    assert_eq!(
        server.source_names(&api),
        ["base/application-api.yml", "base/order.yml", "base/application.yml"]
    );
    assert_eq!(server.source_names(&prod), ["base/order-prod.yml", "base/order.yml", "base/application.yml"]);
    for path in ["/order-api.yml", "/order-api.json", "/base/order-api.yml", "/order-api-prod.properties"] {
        let answer = order(&server, path).send().await;
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("foreign"), "{path}");
    }
}

#[tokio::test]
async fn no_list_of_names_leads_to_another_application() {
    let server = server();

    let joined = order(&server, "/order,extra/default").send().await.expect(StatusCode::OK);

    assert_eq!(server.source_names(&joined), ["base/extra.yml", "base/order.yml", "base/application.yml"]);
    for path in [
        "/order,order-api/default",
        "/order-api,order/default",
        "/extra/default",
        "/order-api/default",
        "/application/default",
    ] {
        order(&server, path).send().await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
}

#[tokio::test]
async fn an_import_does_not_lead_to_another_application_or_out() {
    let server = server();
    server.write("secret.yml", "stolen: 1");
    server.write("base/common/tls.yml", "tls: 1");
    server.write(
        "base/order.yml",
        "spring.config.import: [order-api.yml, ../secret.yml, common/tls.yml, 'file:/etc/hostname', 'classpath:x.yml']\nown: 1\n",
    );

    let answer = order(&server, "/order/default").send().await.expect(StatusCode::OK);

    assert_eq!(
        server.source_names(&answer),
        ["base/common/tls.yml", "base/order.yml", "base/application.yml"]
    );
}

#[tokio::test]
async fn a_plain_file_of_another_application_is_not_found() {
    let server = server();
    server.write("base/nginx.conf", "own ${own}");
    server.write("base/order-api/key.pem", "foreign");
    server.write("base/order-api.pem", "foreign");

    let own = order(&server, "/order/default/master/nginx.conf").send().await.expect(StatusCode::OK);

    assert_eq!(own.bytes, b"own 1");
    for path in
        ["order-api.yml", "order-api.pem", "order-api/key.pem", "..%2Fsecret.yml", "%2e%2e/secret.yml"]
    {
        for path in [
            format!("/order/default/master/{path}"),
            format!("/order/default/base/{path}"),
            format!("/order/api/master/{}", path.replace("-api", "")),
        ] {
            let answer = order(&server, &path).header("accept", "application/octet-stream").send().await;
            assert!(!String::from_utf8_lossy(&answer.bytes).contains("foreign"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_label_does_not_lead_to_the_directory_of_another_application() {
    let server = server();
    server.write("base/order-api/application.yml", "foreign: 1");
    server.write("base/canary/application.yml", "canary: 1");

    let foreign = order(&server, "/order/default/order-api").send().await.expect(StatusCode::OK);
    let canary = order(&server, "/order/default/canary").send().await.expect(StatusCode::OK);

    assert_eq!(server.source_names(&foreign), ["base/order.yml", "base/application.yml"]);
    assert_eq!(canary.body["propertySources"][0]["source"], json!({"canary": 1}));
}
