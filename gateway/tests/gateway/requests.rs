//! What the gateway changes in a request.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use gateway::settings::TableSettings;
use telemetry::LogFormat;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::harness::{Gateway, MAX_BODY_BYTES, MEMBER, STORE, Service, fixed, settings, with_timeout};

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
async fn only_the_gateway_sets_headers_about_the_caller() {
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
        [
            "forwarded",
            "host",
            "te",
            "traceparent",
            "via",
            "x-deadline-left-ms",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto"
        ]
    );
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(headers["x-forwarded-host"], "shop.example:8080");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert!(!headers["traceparent"].to_str().unwrap().contains("4bf92f3577b34da6a3ce929d0e0e4736"));
}

#[tokio::test]
async fn every_request_starts_a_trace_that_the_service_and_the_problem_continue() {
    // For the whole process: a span that another test enters first without a subscriber would be disabled for all threads.
    let log = telemetry::subscriber("gateway", LogFormat::Json, "off", std::io::sink).unwrap();
    tracing::subscriber::set_global_default(log).unwrap();
    let router = Router::new().fallback(async || StatusCode::NOT_FOUND);
    let service = Service::answering(router).await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let of_client = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut seen = Vec::new();
    for _ in 0..2 {
        let request = gateway.request("GET", "/api/store/items").header("traceparent", of_client);
        let answer = gateway.send(request.body(Body::empty()).unwrap()).await;
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        seen.push(problem["traceId"].as_str().unwrap().to_owned());
    }
    let forwarded: Vec<_> = service
        .received()
        .iter()
        .map(|r| r.headers["traceparent"].to_str().unwrap()[3..35].to_owned())
        .collect();
    assert_eq!(forwarded, seen);
    assert_ne!(seen[0], seen[1]);
    assert!(
        seen.iter().all(|trace_id| !of_client.contains(trace_id)),
        "the trace of a client is not continued"
    );
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
    // The second half is sent only after the first one has arrived.
    assert_eq!(with_timeout(arrivals.recv()).await.unwrap(), Bytes::from("first"));
    connection.write_all(b"other").await.unwrap();
    assert_eq!(with_timeout(arrivals.recv()).await.unwrap(), Bytes::from("other"));
    let mut answer = String::new();
    with_timeout(connection.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
}

#[tokio::test]
async fn a_body_with_a_too_large_content_length_is_refused_unread() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
    let answer = gateway
        .raw("POST /api/member/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("BODY_TOO_LARGE"), "{answer}");
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn a_streamed_body_that_is_too_large_is_refused_and_is_not_the_fault_of_the_service() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
    let chunk = format!("{:x}\r\n{}\r\n", MAX_BODY_BYTES / 2 + 1, "x".repeat(MAX_BODY_BYTES / 2 + 1));
    let head = "POST /api/member/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n";
    let streamed = format!("{head}\r\n{chunk}{chunk}0\r\n\r\n");
    let buffered = format!("{head}Idempotency-Key: k\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    for request in [&streamed, &buffered, &streamed, &streamed, &streamed] {
        let answer = gateway.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("BODY_TOO_LARGE"), "{answer}");
    }
    // Otherwise the instance would be ejected by now.
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
async fn a_client_that_expects_100_continue_gets_it_or_a_refusal_before_it_sends_the_body() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
    };
    connection.write_all(head("/api/member/customers").as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    with_timeout(connection.read_exact(&mut interim)).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(b"{}").await.unwrap();
    let mut answer = String::new();
    with_timeout(connection.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!service.only().headers.contains_key("expect"));

    let refused = gateway.raw(&head("/api/order/orders")).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
}

#[tokio::test]
async fn a_request_that_violates_http_is_refused() {
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
    // An offer of HTTP/2 is ignored: Java's client makes it with every first request.
    let offer = "GET /api/store/items HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\n\
                 Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    assert!(gateway.raw(offer).await.starts_with("HTTP/1.1 200"));
    assert!(!service.only().headers.contains_key("upgrade"));
}

#[tokio::test]
async fn the_client_of_a_trusted_proxy_is_told_to_the_service_and_no_other_claim() {
    let service = Service::start().await;
    let mut settings = settings();
    let forwarded_for = async |settings: &TableSettings, headers: &[(&str, &str)]| {
        let gateway = Gateway::start(settings, &fixed(&[(STORE, service.address)])).await;
        let mut request = gateway.request("GET", "/api/store/items");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(gateway.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
        let headers = service.received().last().unwrap().headers.clone();
        let all = |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        let client = all("x-forwarded-for").join(" and ");
        let quoted = if client.contains(':') { format!("\"[{client}]\"") } else { client.clone() };
        let host = gateway.address;
        assert_eq!(all("forwarded"), [format!("by=_gateway;for={quoted};host=\"{host}\";proto=http")]);
        client
    };
    let claim = [("x-forwarded-for", "1.1.1.1, 198.51.100.1"), ("x-real-ip", "2.2.2.2")];
    let claim_of_another = [("forwarded", "for=1.1.1.1;by=_gateway;proto=https;host=evil.example")];
    // Nobody is trusted by default.
    assert_eq!(forwarded_for(&settings, &claim).await, "127.0.0.1");
    assert_eq!(forwarded_for(&settings, &claim_of_another).await, "127.0.0.1");
    settings.public.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    assert_eq!(forwarded_for(&settings, &claim).await, "198.51.100.1");
    let forwarded = [("forwarded", "for=1.1.1.1, for=\"[2001:db8::7]:80\";proto=https")];
    assert_eq!(forwarded_for(&settings, &forwarded).await, "2001:db8::7");
    settings.public.trusted_proxies = vec!["10.0.0.0/8".to_owned()];
    assert_eq!(forwarded_for(&settings, &claim).await, "127.0.0.1");
}
