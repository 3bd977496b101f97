//! What reaches a service of a request.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use telemetry::LogFormat;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::harness::{Gateway, MAX_BODY_BYTES, MEMBER, STORE, Service};

#[tokio::test]
async fn a_request_arrives_as_it_was_sent() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
    let request = gateway
        .request("POST", "/api/member/customers?a=%20b&a=%EB%A7%9B")
        .header("content-type", "application/json")
        .header("authorization", "Bearer whatever")
        .header("idempotency-key", "\"k-1\"")
        .body(Body::from(r#"{"email":"a@b"}"#))
        .unwrap();
    assert_eq!(gateway.send(request).await.status, StatusCode::OK);
    let received = service.only();
    assert_eq!(
        (received.method.as_str(), received.uri.to_string().as_str()),
        ("POST", "/api/member/customers?a=%20b&a=%EB%A7%9B")
    );
    assert_eq!(received.body, r#"{"email":"a@b"}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", "Bearer whatever"),
        ("idempotency-key", "\"k-1\""),
    ] {
        assert_eq!(received.headers[name], value);
    }
    assert_eq!(received.headers["host"], service.address.to_string());
}

#[tokio::test]
async fn who_calls_and_from_where_is_said_by_the_gateway_alone() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let answer = gateway
        .raw(
            "GET /api/store/items HTTP/1.1\r\nHost: shop.example:8080\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
             X-User-Id: 1\r\nX_User_Id: 1\r\nX-Member-Role: ADMIN\r\nX-Forwarded-User: root\r\n\
             X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\nX-Forwarded-Proto: https\r\nTE: trailers\r\n\
             traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let headers = service.only().headers;
    let mut names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["host", "traceparent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]
    );
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-host"], "shop.example:8080");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert!(!headers["traceparent"].to_str().unwrap().contains("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[tokio::test]
async fn every_request_begins_a_trace_that_goes_on_in_the_service_and_in_the_problem() {
    // For the whole process: where each thread has its own, a span that another test's thread begins first is off for
    // all of them.
    let log = telemetry::subscriber("gateway", LogFormat::Json, "off", std::io::sink).unwrap();
    tracing::subscriber::set_global_default(log).unwrap();
    let router = Router::new().fallback(async || StatusCode::NOT_FOUND);
    let service = Service::answering(router).await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let outside = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut seen = Vec::new();
    for _ in 0..2 {
        let request = gateway.request("GET", "/api/store/items").header("traceparent", outside);
        let answer = gateway.send(request.body(Body::empty()).unwrap()).await;
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        seen.push(problem["traceId"].as_str().unwrap().to_owned());
    }
    let passed_on: Vec<_> = service
        .received()
        .iter()
        .map(|r| r.headers["traceparent"].to_str().unwrap()[3..35].to_owned())
        .collect();
    assert_eq!(passed_on, seen);
    assert_ne!(seen[0], seen[1]);
    assert!(seen.iter().all(|trace_id| !outside.contains(trace_id)), "a stranger's trace is not taken over");
}

#[tokio::test]
async fn a_body_streams_to_the_service_as_it_is_sent() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let router = Router::new().fallback(async move |body: Body| {
        let mut frames = body.into_data_stream();
        while let Some(Ok(frame)) = futures::StreamExt::next(&mut frames).await {
            arrived.send(frame).unwrap();
        }
        "done"
    });
    let address = crate::harness::serve(router).await;
    let gateway = Gateway::before(&[(MEMBER, address)]).await;
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    let head =
        "POST /api/member/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(b"first").await.unwrap();
    // The second half is sent only when the first one has come through.
    assert_eq!(arrivals.recv().await.unwrap(), Bytes::from("first"));
    connection.write_all(b"other").await.unwrap();
    assert_eq!(arrivals.recv().await.unwrap(), Bytes::from("other"));
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
}

#[tokio::test]
async fn a_body_that_says_that_it_is_too_large_is_refused_unread() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
    let answer = gateway
        .raw("POST /api/member/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("BODY_TOO_LARGE"), "{answer}");
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_is_refused_and_no_fault_of_the_service() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
    let chunk = format!("{:x}\r\n{}\r\n", MAX_BODY_BYTES / 2 + 1, "x".repeat(MAX_BODY_BYTES / 2 + 1));
    let head = "POST /api/member/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n";
    let streamed = format!("{head}\r\n{chunk}{chunk}0\r\n\r\n");
    let kept = format!("{head}Idempotency-Key: k\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    for request in [&streamed, &kept, &streamed, &streamed, &streamed] {
        let answer = gateway.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("BODY_TOO_LARGE"), "{answer}");
    }
    // Had it been blamed, it would be ejected by now.
    let small = gateway.request("POST", "/api/member/customers").body(Body::from("{}")).unwrap();
    assert_eq!(gateway.send(small).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_largest_body_passes() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
    for key in [None, Some("k")] {
        let mut request = gateway.request("POST", "/api/member/customers");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = vec![b'x'; MAX_BODY_BYTES];
        assert_eq!(gateway.send(request.body(Body::from(body)).unwrap()).await.status, StatusCode::OK);
    }
    assert!(service.received().iter().all(|request| request.body.len() == MAX_BODY_BYTES));
}

#[tokio::test]
async fn a_client_that_expects_to_be_asked_is_asked_and_others_are_refused_before_they_send() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
    };
    connection.write_all(head("/api/member/customers").as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    connection.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(b"{}").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!service.only().headers.contains_key("expect"));

    let refused = gateway.raw(&head("/api/order/orders")).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
}

#[tokio::test]
async fn what_breaks_a_rule_of_http_is_refused() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let refused = [
        "GET /api/store/items HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /api/store/items HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        "GET /api/store/items HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
        "POST /api/store/items HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET /api/store/items HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    ];
    for request in refused {
        let answer = gateway.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request}\n{answer}");
    }
    assert!(service.received().is_empty());
    // An offer of HTTP/2 is passed over: Java's client makes it with every first request.
    let offer = "GET /api/store/items HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\n\
                 Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    assert!(gateway.raw(offer).await.starts_with("HTTP/1.1 200"));
    assert!(!service.only().headers.contains_key("upgrade"));
}
