//! `/docs` and `/problems`.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use problem::Code;
use serde_json::{Value, json};

use crate::harness::{Answer, Gateway, MEMBER, ORDER, STORE, Service, closed_address};

fn assert_security_headers(page: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self';"));
}

#[tokio::test]
async fn the_documentation_page_and_all_that_it_loads_are_served_from_here() {
    let gateway = Gateway::before(&[]).await;
    assert_eq!(gateway.get("/").await.header("location"), Some("/docs/"));
    assert_eq!(gateway.get("/docs").await.header("location"), Some("/docs/"));
    let page = gateway.get("/docs/").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html")));
    assert_security_headers(&page);
    assert!(!page.text().contains("://"), "the page loads a file from another host: {}", page.text());
    let attributes = page.text().split('"').collect::<Vec<_>>();
    let links = attributes.windows(2).filter(|pair| pair[0].ends_with("src=") || pair[0].ends_with("href="));
    let links: Vec<_> = links.map(|pair| pair[1].trim_start_matches("./")).collect();
    assert!(links.len() >= 4, "{links:?}");
    for link in links {
        let file = gateway.get(&format!("/docs/{link}")).await;
        assert_eq!(file.status, 200, "{link}");
        assert_security_headers(&file);
    }
    assert_eq!(gateway.get("/docs/nothing.js").await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn the_page_offers_a_definition_for_each_service_and_keeps_the_token() {
    let gateway = Gateway::before(&[]).await;
    let script = gateway.get("/docs/swagger-initializer.js").await;
    for service in [MEMBER, STORE, ORDER] {
        assert!(script.text().contains(&format!("/docs/{service}/openapi.json")), "{}", script.text());
        assert!(script.text().contains(&format!("\"name\": \"{service}\"")), "{}", script.text());
    }
    for option in
        ["\"persistAuthorization\": true", "\"tryItOutEnabled\": true", "\"validatorUrl\": \"none\""]
    {
        assert!(script.text().contains(option), "{option}: {}", script.text());
    }
}

#[tokio::test]
async fn a_definition_comes_from_the_service_and_leads_through_the_gateway() {
    let definition = json!({
        "openapi": "3.1.0",
        "info": { "title": "store-api", "version": "1" },
        "servers": [{ "url": "http://10.0.0.7:8091" }],
        "paths": { "/api/store/items": {} },
    });
    let served = definition.to_string();
    let router = Router::new().route(
        "/openapi.json",
        get(async move || ([("content-type", "application/json")], served.clone()).into_response()),
    );
    let service = Service::answering(router).await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let answer = gateway.get("/docs/store-api/openapi.json").await;
    assert_eq!(answer.status, 200);
    let shown: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(shown["servers"], json!([{ "url": "/" }]));
    assert_eq!((&shown["openapi"], &shown["paths"]), (&definition["openapi"], &definition["paths"]));
    assert_eq!(service.only().uri.path(), "/openapi.json");
}

#[tokio::test]
async fn the_definition_of_a_service_that_is_down_is_unavailable() {
    let gateway = Gateway::before(&[(STORE, closed_address())]).await;
    for service in [STORE, ORDER] {
        let answer = gateway.get(&format!("/docs/{service}/openapi.json")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (503, "SERVICE_UNAVAILABLE"),
            "{service}"
        );
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(gateway.get("/docs/config-server/openapi.json").await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn an_invalid_definition_is_a_bad_gateway() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    assert_eq!(gateway.get("/docs/store-api/openapi.json").await.code(), "BAD_GATEWAY");
}

#[tokio::test]
async fn every_type_of_problem_has_its_page() {
    let gateway = Gateway::before(&[]).await;
    let list = gateway.get("/problems").await;
    assert_eq!(list.header("content-type"), Some("text/html; charset=utf-8"));
    assert_security_headers(&list);
    for code in Code::ALL {
        let path = format!("/problems/{}", code.as_str());
        assert!(list.text().contains(&format!("href=\"{path}\"")), "{path}");
        let page = gateway.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_security_headers(&page);
        for part in [code.as_str(), &code.status().as_u16().to_string()] {
            assert!(page.text().contains(part), "{path}: {part}");
        }
        assert!(page.text().contains("<h1>") && !page.text().contains('`'), "{path}");
    }
    assert_eq!(gateway.get("/assets/page.css").await.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(gateway.get("/problems/NO_SUCH_CODE").await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn the_type_in_a_problem_leads_to_its_page() {
    let gateway = Gateway::before(&[]).await;
    let problem: Value = serde_json::from_slice(&gateway.get("/nowhere").await.body).unwrap();
    assert_eq!(problem["instance"], "/nowhere");
    assert_eq!(gateway.get(problem["type"].as_str().unwrap()).await.status, 200);
}
