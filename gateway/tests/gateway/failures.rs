//! Services that are down, slow or broken, and the requests that are retried.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::harness::{
    Answer, Gateway, MEMBER, STORE, Service, closed_address, closed_socket, fixed, serve, settings,
    with_timeout,
};

const SIGN_UP: &str = "/api/member/customers";
/// A route whose service honours keys.
const CHARGES: &str = "/api/member/me/wallet/charges";
const SEARCH: &str = "/api/store/items";

/// A server that reads a request, sends `answer`, which may be empty or incomplete, and closes the connection.
#[derive(Clone)]
struct Breaking {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Breaking {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 4096];
                if connection.read(&mut request).await.is_ok_and(|read| read > 0) {
                    // Not those who ask whether an ejected instance answers again.
                    if !request.starts_with(b"HEAD /healthz") {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    connection.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn post(gateway: &Gateway, key: Option<&str>) -> Answer {
    let token = gateway.token(access::Role::Customer);
    let mut request = gateway.request("POST", CHARGES).header("authorization", format!("Bearer {token}"));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    gateway.send(request.body(Body::from("{\"a\":1}")).unwrap()).await
}

#[tokio::test]
async fn a_service_without_instances_is_unavailable_at_once_and_the_others_are_not() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let answer = post(&gateway, None).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(gateway.get(SEARCH).await.status, 200);
}

#[tokio::test]
async fn the_only_instance_is_asked_again_as_soon_as_it_is_back() {
    let (socket, address) = closed_socket();
    let gateway = Gateway::before(&[(STORE, address)]).await;
    for _ in 0..6 {
        let answer = gateway.get(SEARCH).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    let listener = socket.listen(16).unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(async || "ok")).await });
    assert_eq!(gateway.get(SEARCH).await.status, 200);
}

#[tokio::test]
async fn an_instance_that_does_not_answer_is_ejected_while_there_is_another() {
    let (breaking, service) = (Breaking::start("").await, Service::start().await);
    let gateway = Gateway::before(&[(STORE, breaking.address), (STORE, service.address)]).await;
    for _ in 0..20 {
        assert_eq!(gateway.get(SEARCH).await.status, 200);
    }
    assert_eq!(breaking.requests(), 3);
}

#[tokio::test]
async fn of_many_broken_instances_at_most_half_are_ejected() {
    let breaking = [(); 4].map(|()| Breaking::start(""));
    let breaking = futures::future::join_all(breaking).await;
    let at: Vec<_> = breaking.iter().map(|server| (STORE, server.address)).collect();
    let gateway = Gateway::before(&at).await;
    for _ in 0..20 {
        assert_eq!(gateway.get(SEARCH).await.code(), "BAD_GATEWAY", "requests are still sent");
    }
    let used = breaking.iter().filter(|server| server.requests() > 3).count();
    assert_eq!(used, 2, "{:?}", breaking.iter().map(Breaking::requests).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_that_reached_nobody_goes_to_another_instance_whatever_it_is() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, closed_address()), (MEMBER, service.address)]).await;
    for _ in 0..6 {
        assert_eq!(post(&gateway, None).await.status, 200);
    }
    let received = service.received();
    assert_eq!(received.len(), 6);
    assert!(received.iter().all(|request| request.body == "{\"a\":1}"), "the whole body was sent");
}

#[tokio::test]
async fn no_more_instances_are_tried_than_the_settings_say() {
    let service = Service::start().await;
    let mut settings = settings();
    settings.upstream.connect_tries = 1;
    let services = fixed(&[(MEMBER, closed_address()), (MEMBER, service.address)]);
    let gateway = Gateway::start(&settings, &services).await;
    let statuses = [post(&gateway, None).await.status.as_u16(), post(&gateway, None).await.status.as_u16()];
    assert!(statuses.contains(&503), "{statuses:?}");
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_is_not_repeated_unless_that_is_safe() {
    let breaking = Breaking::start("").await;
    let gateway =
        Gateway::before(&[(MEMBER, breaking.address), (MEMBER, Breaking::start("").await.address)]).await;
    let answer = post(&gateway, None).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "BAD_GATEWAY"));
    let answer = post(&gateway, None).await;
    assert_eq!(answer.status, 502);
    assert_eq!(breaking.requests(), 1, "each instance got one of the two requests");
}

#[tokio::test]
async fn a_read_with_a_body_is_not_repeated_without_it() {
    let breaking = [Breaking::start("").await, Breaking::start("").await];
    let gateway = Gateway::before(&breaking.each_ref().map(|server| (STORE, server.address))).await;
    let request = gateway.request("GET", SEARCH).body(Body::from("a body")).unwrap();
    assert_eq!(gateway.send(request).await.code(), "BAD_GATEWAY");
    assert_eq!(breaking.iter().map(Breaking::requests).sum::<usize>(), 1);
}

#[tokio::test]
async fn reads_and_requests_with_a_key_are_repeated_once_on_another_instance() {
    for key in [None, Some("k-1")] {
        let (service, breaking) = (Service::start().await, Breaking::start("").await);
        let at = [(MEMBER, breaking.address), (MEMBER, service.address)];
        let gateway =
            Gateway::before(&[at[0], at[1], (STORE, breaking.address), (STORE, service.address)]).await;
        for _ in 0..2 {
            let answer = if key.is_some() { post(&gateway, key).await } else { gateway.get(SEARCH).await };
            assert_eq!(answer.status, 200);
        }
        assert!(breaking.requests() > 0, "one of the two requests was sent to the broken instance first");
        let received = service.received();
        assert_eq!(received.len(), 2);
        if key.is_some() {
            assert!(received.iter().all(|request| request.body == "{\"a\":1}" && request.headers["idempotency-key"] == "k-1"));
        }
    }
}

/// Signing in gives tokens, which are never kept. So the service honours no key there.
#[tokio::test]
async fn a_key_on_a_route_that_does_not_honour_it_makes_nothing_repeatable() {
    let breaking = [Breaking::start("").await, Breaking::start("").await];
    let gateway = Gateway::before(&breaking.each_ref().map(|server| (MEMBER, server.address))).await;
    let token = gateway.token(access::Role::Customer);
    for (method, path) in [
        ("POST", "/api/member/sessions"),
        ("POST", "/api/member/sessions/refresh"),
        ("PUT", "/api/member/me/password"),
        ("DELETE", "/api/member/me"),
    ] {
        let before: usize = breaking.iter().map(Breaking::requests).sum();
        let request = gateway.request(method, path).header("idempotency-key", "k");
        let request =
            request.header("authorization", format!("Bearer {token}")).body(Body::from("{}")).unwrap();
        assert_eq!(gateway.send(request).await.code(), "BAD_GATEWAY");
        let after: usize = breaking.iter().map(Breaking::requests).sum();
        assert_eq!(after - before, 1, "{method} {path}");
    }
}

#[tokio::test]
async fn a_request_is_repeated_only_once() {
    let breaking = [Breaking::start("").await, Breaking::start("").await, Breaking::start("").await];
    let gateway = Gateway::before(&breaking.each_ref().map(|server| (STORE, server.address))).await;
    assert_eq!(gateway.get(SEARCH).await.code(), "BAD_GATEWAY");
    assert_eq!(breaking.iter().map(Breaking::requests).sum::<usize>(), 2);
}

#[tokio::test]
async fn a_request_is_not_repeated_on_the_same_instance() {
    let breaking = Breaking::start("").await;
    let gateway = Gateway::before(&[(STORE, breaking.address)]).await;
    assert_eq!(gateway.get(SEARCH).await.code(), "BAD_GATEWAY");
    assert_eq!(breaking.requests(), 1);
}

#[tokio::test]
async fn an_invalid_answer_is_a_bad_gateway() {
    let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    for invalid in ["hello\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-", "\0\0\0\0", switched] {
        let gateway = Gateway::before(&[(MEMBER, Breaking::start(invalid).await.address)]).await;
        assert_eq!(post(&gateway, Some("k")).await.code(), "BAD_GATEWAY", "{invalid:?}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_begin_to_answer_is_a_gateway_timeout_and_is_not_asked_again() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let silent = Router::new().fallback(async move || {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    });
    let silent = serve(silent).await;
    let mut settings = settings();
    settings.upstream.first_byte_timeout_ms = 50;
    let service = Service::start().await;
    let services = fixed(&[(STORE, silent), (STORE, silent), (MEMBER, service.address)]);
    let gateway = Gateway::start(&settings, &services).await;
    let answer = gateway.get(SEARCH).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (504, "GATEWAY_TIMEOUT"));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    assert_eq!(post(&gateway, None).await.status, 200, "the other service is not affected");
}

#[tokio::test]
async fn a_slow_client_is_not_a_slow_service() {
    let service = Service::start().await;
    let mut settings = settings();
    settings.upstream.first_byte_timeout_ms = 1_000;
    let gateway = Gateway::start(&settings, &fixed(&[(MEMBER, service.address)])).await;
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    let head =
        format!("POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(b"{").await.unwrap();
    // This time must be longer than the first-byte timeout, so the test has to wait.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    connection.write_all(b"}").await.unwrap();
    let mut answer = String::new();
    with_timeout(connection.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(service.only().body, "{}");
}

#[tokio::test]
async fn an_incomplete_answer_is_incomplete_for_the_client_too() {
    let half = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"items\":";
    let gateway = Gateway::before(&[(STORE, Breaking::start(half).await.address)]).await;
    let answer = gateway.raw(&format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_ascii_lowercase().contains("content-length: 100"), "{head}");
    assert_eq!(body, "{\"items\":", "the gateway added nothing to the incomplete body");
}

/// Notifies when it is dropped.
struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_request_that_the_client_cancels_is_cancelled_at_the_service() {
    let (started, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (on_start, on_drop) = (Arc::clone(&started), Arc::clone(&dropped));
    let waiting = Router::new().fallback(async move || {
        let _notify = NotifyOnDrop(Arc::clone(&on_drop));
        on_start.notify_one();
        std::future::pending::<()>().await;
    });
    let mut settings = settings();
    // So that the gateway itself does not give the request up.
    settings.upstream.first_byte_timeout_ms = 3_600_000;
    let discovery = fixed(&[(STORE, serve(waiting).await)]);
    // A client that is gone looks like one that has closed its sending half, for so long.
    let server = serde_json::json!({"half-close-timeout-ms": 10});
    let gateway = Gateway::hosted(&settings, &discovery, server).await;
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    connection.write_all(format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
    with_timeout(started.notified()).await;
    assert!(dropped.notified().now_or_never().is_none(), "the handler runs while the client waits");
    drop(connection);
    with_timeout(dropped.notified()).await;
}
