//! What the gateway changes in an answer.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use http_body_util::BodyExt;
use tokio::sync::oneshot;

use crate::harness::{Gateway, STORE, Service, fixed, settings, with_timeout};

async fn before(router: Router) -> Gateway {
    let service = Service::answering(router).await;
    Gateway::before(&[(STORE, service.address)]).await
}

#[tokio::test]
async fn an_answer_arrives_as_it_was_given() {
    let answer = async || {
        let mut response: Response = (StatusCode::IM_A_TEAPOT, Body::from(r#"{"a":1}"#)).into_response();
        for (name, value) in [
            ("content-type", "application/problem+json"),
            ("etag", "\"1\""),
            ("location", "/api/store/items/1"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=1"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    };
    let gateway = before(Router::new().fallback(answer)).await;
    let answer = gateway.get("/api/store/items").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::IM_A_TEAPOT, r#"{"a":1}"#));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.header("location"), Some("/api/store/items/1"));
    for hop in ["connection", "x-hop", "keep-alive"] {
        assert_eq!(answer.header(hop), None, "{hop}");
    }
}

#[tokio::test]
async fn an_answer_streams_to_the_client_as_it_is_given() {
    let (proceed, may_proceed) = oneshot::channel::<()>();
    let may_proceed = std::sync::Arc::new(std::sync::Mutex::new(Some(may_proceed)));
    let router = Router::new().fallback(async move || {
        let may_proceed = may_proceed.lock().unwrap().take().unwrap();
        let second = async move {
            may_proceed.await.unwrap();
            Ok::<_, std::io::Error>(Bytes::from("second"))
        };
        let first = async { Ok::<_, std::io::Error>(Bytes::from("first")) };
        Body::from_stream(stream::once(first).chain(stream::once(second)))
    });
    let gateway = before(router).await;
    let client =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = gateway.request("GET", "/api/store/items").body(Body::empty()).unwrap();
    let mut body = with_timeout(client.request(request)).await.unwrap().into_body();
    assert_eq!(with_timeout(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "first");
    // The service sends the second half only after the first one has arrived.
    proceed.send(()).unwrap();
    assert_eq!(with_timeout(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "second");
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let answer = gateway.send(gateway.request("HEAD", "/api/store/items").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("content-length")), (StatusCode::OK, Some("2")));
    assert!(answer.body.is_empty());
    assert_eq!(service.only().method, "HEAD");
}

#[tokio::test]
async fn options_is_a_method_like_any_other_where_no_origin_is_allowed() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let request = gateway
        .request("OPTIONS", "/api/store/items")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "GET")
        .body(Body::empty())
        .unwrap();
    let answer = gateway.send(request).await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("GET,HEAD")));
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.code(), "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_call_and_read_refusals_too() {
    let service = Service::start().await;
    let mut settings = settings();
    settings.cors.allowed_origins = vec!["https://shop.example".to_owned()];
    let gateway = Gateway::start(&settings, &fixed(&[(STORE, service.address)])).await;
    let ask = |origin: &str| {
        gateway
            .request("OPTIONS", "/api/store/stores")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, idempotency-key")
            .body(Body::empty())
            .unwrap()
    };
    let answer = gateway.send(ask("https://shop.example")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(gateway.send(ask("https://evil.example")).await.header("access-control-allow-origin"), None);

    let refused = gateway.request("GET", "/api/store/me/stores").header("origin", "https://shop.example");
    let refused = gateway.send(refused.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.code(), "UNAUTHENTICATED");
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://shop.example"));
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_read_every_answer_of_the_gateway_itself() {
    const ORIGIN: &str = "https://shop.example";
    let silent = crate::harness::serve(Router::new().fallback(std::future::pending::<()>)).await;
    let mut settings = settings();
    settings.cors.allowed_origins = vec![ORIGIN.to_owned()];
    settings.upstream.first_byte_timeout_ms = 50;
    let server = serde_json::json!({"body-idle-timeout-ms": 50, "max-body-bytes": 100});
    let gateway = Gateway::hosted(&settings, &fixed(&[(STORE, silent)]), server).await;
    let long = "x".repeat(101);
    let token = gateway.token(access::Role::Customer);
    let keyed = format!(
        "POST /api/member/me/wallet/charges HTTP/1.1\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: k\r\n\
         Content-Length: 9"
    );
    let requests = [
        ("GET /nowhere HTTP/1.1", "", 404),
        ("GET /api/store/%2e%2e/items HTTP/1.1", "", 404),
        ("TRACE /api/store/items HTTP/1.1", "", 405),
        ("GET /api/store/me/stores HTTP/1.1", "", 401),
        ("POST /api/member/customers HTTP/1.1\r\nContent-Length: 101", long.as_str(), 413),
        ("GET /api/store/items HTTP/1.1\r\nHost: b", "", 400),
        ("POST /api/member/customers HTTP/1.1", "", 503),
        ("GET /api/store/items HTTP/1.1", "", 504),
        (keyed.as_str(), "{", 408),
        ("GET /problems/NOT_THERE HTTP/1.1", "", 404),
    ];
    for (head, body, status) in requests {
        let request = format!("{head}\r\nHost: a\r\nOrigin: {ORIGIN}\r\nConnection: close\r\n\r\n{body}");
        let answer = gateway.raw(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head}: {answer}");
        assert!(answer.contains(&format!("access-control-allow-origin: {ORIGIN}")), "{head}: {answer}");
    }
}
