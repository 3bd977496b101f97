//! A connection to a service is kept only if its last answer was read to the end. No client gets the answer to another request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::RawQuery;
use futures::StreamExt;
use testkit::{Cancel, FaultProxy};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::harness::{Answer, Gateway, MEMBER, STORE, fixed, serve, settings, with_timeout};

const SIGN_UP: &str = "/api/member/customers";
const SEARCH: &str = "/api/store/items";
/// Sends a request with a new id. The answer must contain this id.
async fn ask(gateway: &Gateway) {
    let id = Uuid::new_v4().to_string();
    let answer = with_timeout(gateway.get(&format!("{SEARCH}?{id}"))).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, id.as_str()),
        "the answer belongs to another request"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_a_cancelled_request_reaches_no_client() {
    const CLIENTS: usize = 24;
    const ROUNDS: usize = 60;
    // Long enough to be sent in several pieces.
    const TIMES: usize = 200;
    let echo = Router::new().fallback(async |RawQuery(id): RawQuery| id.unwrap_or_default().repeat(TIMES));
    let proxy = FaultProxy::to(&serve(echo).await.to_string());
    proxy.delay(Duration::ZERO..=Duration::from_millis(1));
    proxy.split(3_000);
    let gateway = Arc::new(Gateway::before(&[(STORE, proxy.address())]).await);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients = (0..CLIENTS).map(|_| {
        let (gateway, answered) = (gateway.clone(), answered.clone());
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let id = Uuid::new_v4().to_string();
                let path = format!("{SEARCH}?{id}");
                let request = gateway.get(&path);
                let Some(answer) = Cancel::by_chance(Duration::from_millis(12)).run(request).await else {
                    continue;
                };
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert_eq!(answer.text(), id.repeat(TIMES), "the answer belongs to another request");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for end in with_timeout(futures::future::join_all(clients.collect::<Vec<_>>())).await {
        end.unwrap();
    }
    let answered = answered.load(Ordering::Relaxed);
    let cancelled = CLIENTS * ROUNDS - answered;
    assert!(answered > CLIENTS * ROUNDS / 8 && cancelled > CLIENTS * ROUNDS / 8, "{answered} answered");
    assert!(
        proxy.connections() <= cancelled + CLIENTS,
        "only the connections of cancelled requests are closed"
    );
}

/// What a service sends for a request with `id`: several answers, or bytes after the answer.
type Script = fn(id: &str) -> String;

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A service that sends the text of `script` for each request, and reads the next request.
async fn scripted(script: Script) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = BufReader::new(connection);
                while let Some(id) = request_id(&mut connection).await {
                    if connection.write_all(script(&id).as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Reads the head of a request, and returns the query of its path.
async fn request_id(connection: &mut BufReader<TcpStream>) -> Option<String> {
    let mut first = String::new();
    connection.read_line(&mut first).await.ok().filter(|length| *length > 0)?;
    let mut line = String::from("head");
    while !line.trim().is_empty() {
        line.clear();
        connection.read_line(&mut line).await.ok()?;
    }
    let path = first.split(' ').nth(1)?;
    Some(path.split_once('?').map(|(_, id)| id.to_owned()).unwrap_or_default())
}

#[tokio::test]
async fn bytes_after_an_answer_are_not_the_answer_to_the_next_request() {
    let scripts: [(&str, Script); 4] = [
        ("a second answer", |id| answer(id) + &answer("smuggled")),
        ("bytes after the answer", |id| answer(id) + "and more"),
        ("a late 100", |id| answer(id) + "HTTP/1.1 100 Continue\r\n\r\n"),
        ("a 100 before, and a second answer after", |id| {
            "HTTP/1.1 100 Continue\r\n\r\n".to_owned() + &answer(id) + &answer("smuggled")
        }),
    ];
    for (what, script) in scripts {
        let gateway = Gateway::before(&[(STORE, scripted(script).await)]).await;
        for round in 0..50 {
            println!("{what}, round {round}");
            ask(&gateway).await;
        }
    }
}

#[tokio::test]
async fn the_body_after_an_answer_without_a_body_is_not_the_answer_to_the_next_request() {
    // The answer to HEAD, and a 204 or 304, have no body, even if the service sends one.
    let statuses: [(u16, Script); 2] = [
        (204, |id| answer(id).replace("200 OK", "204 No Content") + &answer("smuggled")),
        (304, |id| answer(id).replace("200 OK", "304 Not Modified") + &answer("smuggled")),
    ];
    for (status, script) in statuses {
        let gateway = Gateway::before(&[(STORE, scripted(script).await)]).await;
        for _ in 0..20 {
            let answer = with_timeout(gateway.get(&format!("{SEARCH}?body"))).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (status, ""));
        }
    }
    let gateway = Gateway::before(&[(STORE, scripted(answer).await)]).await;
    for _ in 0..20 {
        let head = gateway.request("HEAD", &format!("{SEARCH}?head")).body(Body::empty()).unwrap();
        assert_eq!(with_timeout(gateway.send(head)).await.text(), "");
        ask(&gateway).await;
    }
}

#[tokio::test]
async fn an_unexpected_answer_on_an_idle_connection_closes_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::before(&[(STORE, listener.local_addr().unwrap())]).await;
    for _ in 0..20 {
        let serving = async {
            let mut connection = BufReader::new(listener.accept().await.unwrap().0);
            let id = request_id(&mut connection).await.unwrap();
            connection.write_all(answer(&id).as_bytes()).await.unwrap();
            connection
        };
        let ((), mut connection) = tokio::join!(ask(&gateway), with_timeout(serving));
        connection.write_all(answer("smuggled").as_bytes()).await.unwrap();
        // The gateway closes the connection, and uses a new one for the next request.
        assert!(!matches!(with_timeout(connection.read(&mut [0])).await, Ok(1..)));
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_does_not_mix_up_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bodies = Arc::new(AtomicUsize::new(0));
    let read = bodies.clone();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let read = read.clone();
            tokio::spawn(async move {
                let mut connection = BufReader::new(connection);
                while let Some(id) = request_id(&mut connection).await {
                    connection.write_all(answer(&id).as_bytes()).await.unwrap();
                    if !read_body(&mut connection).await {
                        return;
                    }
                    read.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let gateway = Gateway::before(&[(MEMBER, address)]).await;
    for round in 1..=50 {
        let id = Uuid::new_v4().to_string();
        let (send, mut pieces) = mpsc::channel::<Bytes>(1);
        let body =
            futures::stream::poll_fn(move |context| pieces.poll_recv(context)).map(Ok::<_, Infallible>);
        let request =
            gateway.request("POST", &format!("{SIGN_UP}?{id}")).body(Body::from_stream(body)).unwrap();
        send.send(Bytes::from_static(b"first half,")).await.unwrap();
        let answer: Answer = with_timeout(gateway.send(request)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (200, id.as_str()),
            "the answer belongs to another request"
        );
        // The rest of the body is sent after the answer. If the gateway has closed the connection, it is dropped.
        let _ = send.send(Bytes::from_static(b" second half")).await;
        drop(send);
        assert!(bodies.load(Ordering::SeqCst) <= round, "no body was read as two");
    }
}

/// Reads a chunked body. Returns false if it is incomplete.
async fn read_body(connection: &mut BufReader<TcpStream>) -> bool {
    loop {
        let mut size = String::new();
        if connection.read_line(&mut size).await.is_err() {
            return false;
        }
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { return false };
        let mut chunk = vec![0; size + 2];
        if connection.read_exact(&mut chunk).await.is_err() {
            return false;
        }
        if size == 0 {
            return true;
        }
    }
}

#[tokio::test]
async fn an_answer_is_cut_off_if_the_service_stops_sending() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings();
    settings.upstream.answer_idle_timeout_ms = 50;
    let gateway = Gateway::start(&settings, &fixed(&[(STORE, listener.local_addr().unwrap())])).await;
    let request = format!("GET {SEARCH}?id HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let silent = async {
        let mut connection = BufReader::new(listener.accept().await.unwrap().0);
        request_id(&mut connection).await.unwrap();
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\":";
        connection.write_all(half.as_bytes()).await.unwrap();
        // Ends when the gateway closes the connection.
        connection.read(&mut [0]).await
    };
    let (answer, end) = with_timeout(async { tokio::join!(gateway.raw(&request), silent) }).await;
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, "{\"items\":");
    assert!(!matches!(end, Ok(1..)));
}

#[tokio::test]
async fn a_slow_client_does_not_cut_off_an_answer() {
    // More than all buffers between the service and the client.
    const BYTES: usize = 32 * 1024 * 1024;
    let large = Router::new().fallback(async || vec![b'x'; BYTES]);
    let mut settings = settings();
    settings.upstream.answer_idle_timeout_ms = 50;
    let gateway = Gateway::start(&settings, &fixed(&[(STORE, serve(large).await)])).await;
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    let request = format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    // This time must be longer than the idle timeout, so the test has to wait.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut answer = Vec::new();
    with_timeout(connection.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.len() > BYTES, "the answer was cut off after {} bytes", answer.len());
}
