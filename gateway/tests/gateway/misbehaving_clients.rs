//! Clients that send without reading, and those that use up connections. Others are served meanwhile, and nothing stays behind.

use std::time::Duration;

use axum::Router;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{Gateway, STORE, Service, fixed, serve, settings, with_timeout};

const SEARCH: &str = "/api/store/items";
const GET: &str = "GET /api/store/items HTTP/1.1\r\nHost: a\r\n\r\n";

async fn search(gateway: &Gateway) -> u16 {
    gateway.get(SEARCH).await.status.as_u16()
}

#[tokio::test]
async fn pipelined_clients_that_read_nothing_shut_nobody_out_and_are_cut_off() {
    const CLIENTS: usize = 160;
    let answer = "x".repeat(20_000);
    let address = serve(Router::new().fallback(async move || answer.clone())).await;
    let server = json!({"write-idle-timeout-ms": 300});
    let gateway = Gateway::hosted(&settings(), &fixed(&[(STORE, address)]), server).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(gateway.address).await.unwrap();
        stream.write_all(GET.repeat(100).as_bytes()).await.unwrap();
        clients.push(stream);
    }
    for _ in 0..20 {
        assert_eq!(search(&gateway).await, 200);
    }
    for mut client in clients {
        let mut rest = Vec::new();
        // The gateway has reset the connection, after it has tried for long enough.
        with_timeout(async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if client.write_all(b"x").await.is_err() {
                    break;
                }
            }
        })
        .await;
        let _ = with_timeout(client.read_to_end(&mut rest)).await;
        assert!(rest.len() < 100 * 20_000, "all answers were sent");
    }
    assert_eq!(search(&gateway).await, 200);
}

#[tokio::test]
async fn idle_connections_make_nobody_wait() {
    let service = Service::start().await;
    let server = json!({"max-connections": 64, "max-connections-per-address": 1000});
    let gateway = Gateway::hosted(&settings(), &fixed(&[(STORE, service.address)]), server).await;
    let mut idle = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(GET.as_bytes()).await.unwrap();
            let mut begin = [0; 12];
            with_timeout(stream.read_exact(&mut begin)).await.unwrap();
            assert_eq!(&begin, b"HTTP/1.1 200");
        }
        idle.push(stream);
    }
    for _ in 0..20 {
        assert_eq!(search(&gateway).await, 200);
    }
}

#[tokio::test]
async fn an_address_is_bounded_and_a_trusted_proxy_is_not() {
    let pending = Router::new().fallback(std::future::pending::<()>);
    let service = serve(pending).await;
    let server = json!({"max-connections-per-address": 4});
    let mut settings = settings();
    for (trusted, is_bounded) in [(vec![], true), (vec!["127.0.0.0/8".to_owned()], false)] {
        settings.public.trusted_proxies = trusted;
        let gateway = Gateway::hosted(&settings, &fixed(&[(STORE, service)]), server.clone()).await;
        let mut running = Vec::new();
        for _ in 0..4 {
            let mut stream = TcpStream::connect(gateway.address).await.unwrap();
            stream.write_all(GET.as_bytes()).await.unwrap();
            running.push(stream);
        }
        // The heads have arrived when this is answered, or refused.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut further = TcpStream::connect(gateway.address).await.unwrap();
        let asked = further.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        let mut answer = Vec::new();
        let _ = with_timeout(further.read_to_end(&mut answer)).await;
        assert_eq!(answer.is_empty(), is_bounded, "{asked:?} {}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn nothing_of_a_connection_stays_behind() {
    let service = Service::start().await;
    let server = json!({
        "first-byte-timeout-ms": 100, "header-read-timeout-ms": 100, "body-idle-timeout-ms": 100,
        "write-idle-timeout-ms": 100, "idle-timeout-ms": 100, "half-close-timeout-ms": 100,
    });
    let gateway = Gateway::hosted(&settings(), &fixed(&[(STORE, service.address)]), server).await;
    assert_eq!(search(&gateway).await, 200);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let mut clients = Vec::new();
    let long = format!("POST {SEARCH} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{{");
    for sent in
        ["", "G", "GET / HTTP/1.1\r\nHost", GET, "NO HTTP\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &long]
    {
        for _ in 0..10 {
            let mut stream = TcpStream::connect(gateway.address).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            clients.push(stream);
        }
    }
    for mut client in clients {
        let mut rest = Vec::new();
        let _ = with_timeout(client.read_to_end(&mut rest)).await;
    }
    with_timeout(async {
        while tasks() > before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
