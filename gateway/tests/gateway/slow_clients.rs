//! Clients that are slow, stop in the middle, or close their sending half; and a gateway that drains.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use serde_json::json;
use service_host::App;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{
    Gateway, MEMBER, STORE, Service, fixed, no_verifier, serve_hosted, settings, with_timeout,
};

const SIGN_UP: &str = "/api/member/customers";
const SEARCH: &str = "/api/store/items";

/// Sends the head and a part of the body of a request, and reads the answer to its end.
async fn stalled(gateway: &Gateway, fields: &str) -> String {
    let head = format!("POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
    gateway.raw(&(head + "2\r\n{\"")).await
}

async fn sign_up(gateway: &Gateway) -> u16 {
    let request = gateway.request("POST", SIGN_UP).body(Body::from("{}")).unwrap();
    gateway.send(request).await.status.as_u16()
}

#[tokio::test]
async fn a_body_that_stalls_is_the_fault_of_the_client() {
    // Two instances, because the only one would not be ejected anyway.
    let services = [Service::start().await, Service::start().await];
    let instances = fixed(&services.each_ref().map(|service| (MEMBER, service.address)));
    let gateway = Gateway::hosted(&settings(), &instances, json!({"body-idle-timeout-ms": 50})).await;
    for fields in [
        "Content-Length: 100",
        "Transfer-Encoding: chunked",
        "Content-Length: 100\r\nIdempotency-Key: k",
        "Content-Length: 100\r\nExpect: 100-continue",
    ] {
        for _ in 0..8 {
            let answer = stalled(&gateway, fields).await;
            let answer = answer.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&answer);
            assert!(
                answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"),
                "{fields}: {answer}"
            );
            assert!(answer.contains("connection: close"), "{answer}");
        }
    }
    for _ in 0..4 {
        assert_eq!(sign_up(&gateway).await, 200);
    }
    assert!(services.iter().all(|service| service.received().len() == 2), "both instances are still used");
}

#[tokio::test]
async fn a_body_that_stalls_at_the_service_is_408_too() {
    let read = App::new(Router::new().route(SIGN_UP, post(async |body: Bytes| body)));
    let (service, _) = serve_hosted(read, no_verifier(), json!({"body-idle-timeout-ms": 50})).await;
    let gateway = Gateway::before(&[(MEMBER, service)]).await;
    let answer = stalled(&gateway, "Content-Length: 100\r\nConnection: close").await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
}

#[tokio::test]
async fn a_body_that_drips_for_too_long_is_the_fault_of_the_client() {
    let service = Service::start().await;
    let limits = json!({"request-timeout-ms": 200});
    let gateway = Gateway::hosted(&settings(), &fixed(&[(MEMBER, service.address)]), limits).await;
    for key in ["", "Idempotency-Key: k\r\n"] {
        let (mut reading, mut writing) = TcpStream::connect(gateway.address).await.unwrap().into_split();
        let head = format!("POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\n{key}Content-Length: 100000\r\n\r\n");
        writing.write_all(head.as_bytes()).await.unwrap();
        // It ends when the gateway closes the connection.
        let dripping = tokio::spawn(async move {
            while writing.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut begin = [0; 12];
        with_timeout(reading.read_exact(&mut begin)).await.unwrap();
        assert_eq!(std::str::from_utf8(&begin).unwrap(), "HTTP/1.1 408");
        dripping.abort();
    }
    assert_eq!(sign_up(&gateway).await, 200);
}

#[tokio::test]
async fn a_service_that_does_not_read_is_not_the_fault_of_the_client() {
    // More than all buffers on the way hold.
    const BYTES: usize = 1_000_000;
    let listener = tokio::net::TcpSocket::new_v4().unwrap();
    listener.set_recv_buffer_size(4096).unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(16).unwrap();
    let instances = fixed(&[(MEMBER, listener.local_addr().unwrap())]);
    let gateway = Gateway::hosted(&settings(), &instances, json!({"request-timeout-ms": 300})).await;
    let head =
        format!("POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {BYTES}\r\n\r\n");
    let answer = gateway.raw(&(head + &"x".repeat(BYTES))).await;
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_the_fault_of_the_client() {
    let services = [Service::start().await, Service::start().await];
    let gateway = Gateway::before(&services.each_ref().map(|service| (MEMBER, service.address))).await;
    for key in ["", "Idempotency-Key: k\r\n"] {
        for _ in 0..8 {
            let mut stream = TcpStream::connect(gateway.address).await.unwrap();
            let head = format!("POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\n{key}Content-Length: 100\r\n\r\n{{");
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            with_timeout(stream.read_to_string(&mut answer)).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        }
    }
    for _ in 0..4 {
        assert_eq!(sign_up(&gateway).await, 200);
    }
    assert!(services.iter().all(|service| service.received().len() == 2), "both instances are still used");
}

#[tokio::test]
async fn a_client_that_closes_its_sending_half_gets_its_answer() {
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        "done"
    };
    let service = Service::answering(Router::new().fallback(slow)).await;
    let gateway = Gateway::before(&[(MEMBER, service.address), (STORE, service.address)]).await;
    let requests = [
        format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET {SEARCH} HTTP/1.0\r\nHost: a\r\n\r\n"),
        format!("POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!(
            "POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        ),
        format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(2),
    ];
    for request in requests {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        with_timeout(stream.read_to_string(&mut answer)).await.unwrap();
        let answers = request.matches("Host").count();
        assert_eq!(answer.matches("200 OK").count(), answers, "{request}{answer}");
        assert_eq!(answer.matches("done").count(), answers, "{request}{answer}");
    }
}

#[tokio::test]
async fn a_draining_gateway_loses_no_request_of_clients_that_heed_connection_close() {
    const CLIENTS: usize = 16;
    const AFTER: usize = 5;
    let service = Service::start().await;
    let instances = fixed(&[(STORE, service.address)]);
    let gateway = Gateway::hosted(&settings(), &instances, json!({"drain-idle-ms": 1_000})).await;
    // 20 ms from a request to its answer.
    let network = testkit::FaultProxy::to(&gateway.address.to_string());
    network.delay(Duration::from_millis(10)..=Duration::from_millis(10));
    let (address, begun) = (network.address(), tokio::sync::Barrier::new(CLIENTS + 1));
    let begun = std::sync::Arc::new(begun);
    let clients = (0..CLIENTS).map(|_| {
        let begun = begun.clone();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert!(!ask(&mut stream).await);
            begun.wait().await;
            let mut closed = 0;
            while closed < AFTER {
                if ask(&mut stream).await {
                    closed += 1;
                    stream = TcpStream::connect(address).await.unwrap();
                }
            }
            // Its next request is on its way when the port is closed.
            begun.wait().await;
            assert!(ask(&mut stream).await);
        })
    });
    let clients: Vec<_> = clients.collect();
    begun.wait().await;
    gateway.drain.begin();
    begun.wait().await;
    gateway.drain.close_port();
    for client in clients {
        with_timeout(client).await.expect("a request was lost");
    }
}

/// Sends a request on a kept connection. Returns whether the answer says that the connection ends.
async fn ask(stream: &mut TcpStream) -> bool {
    stream.write_all(format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        answer.push(with_timeout(stream.read_u8()).await.expect("the connection ended without an answer"));
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.contains("connection: close")
}
