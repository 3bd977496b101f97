//! A connection to a service is kept only while it is in step: nobody is given an answer to another's request.

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

use crate::harness::{Answer, Gateway, MEMBER, STORE, fixed, serve, settings};

const SIGN_UP: &str = "/api/member/customers";
const SEARCH: &str = "/api/store/items";
/// Longer than anything here takes: what never comes about fails its test.
const PATIENCE: Duration = Duration::from_secs(30);

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it does not come about")
}

/// Asks with an id of its own, and must be answered with it.
async fn ask(gateway: &Gateway) {
    let id = Uuid::new_v4().to_string();
    let answer = soon(gateway.get(&format!("{SEARCH}?{id}"))).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, id.as_str()), "the answer is another's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_a_cancelled_request_reaches_nobody() {
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
                let asking = gateway.get(&path);
                let Some(answer) = Cancel::by_chance(Duration::from_millis(12)).run(asking).await else {
                    continue;
                };
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert_eq!(answer.text(), id.repeat(TIMES), "the answer is another's");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for end in soon(futures::future::join_all(clients.collect::<Vec<_>>())).await {
        end.unwrap();
    }
    let answered = answered.load(Ordering::Relaxed);
    let cancelled = CLIENTS * ROUNDS - answered;
    assert!(answered > CLIENTS * ROUNDS / 8 && cancelled > CLIENTS * ROUNDS / 8, "{answered} answered");
    assert!(proxy.connections() <= cancelled + CLIENTS, "connections that were in step are kept");
}

/// What a service sends to a request for `id`: more than one answer, or more than the answer holds.
type Script = fn(id: &str) -> String;

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A service that sends what `script` says for each request, and reads on.
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

/// Reads the head of a request; gives the query of its path.
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
async fn what_a_service_sends_after_its_answer_is_no_answer_to_the_next_request() {
    let scripts: [(&str, Script); 4] = [
        ("a second answer", |id| answer(id) + &answer("smuggled")),
        ("more than it said", |id| answer(id) + "and more"),
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
async fn the_body_of_an_answer_that_has_none_is_no_answer_to_the_next_request() {
    // To HEAD, and with 204 and 304, there is no body, whatever the service sends.
    let statuses: [(u16, Script); 2] = [
        (204, |id| answer(id).replace("200 OK", "204 No Content") + &answer("smuggled")),
        (304, |id| answer(id).replace("200 OK", "304 Not Modified") + &answer("smuggled")),
    ];
    for (status, script) in statuses {
        let gateway = Gateway::before(&[(STORE, scripted(script).await)]).await;
        for _ in 0..20 {
            let answer = soon(gateway.get(&format!("{SEARCH}?body"))).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (status, ""));
        }
    }
    let gateway = Gateway::before(&[(STORE, scripted(answer).await)]).await;
    for _ in 0..20 {
        let head = gateway.request("HEAD", &format!("{SEARCH}?head")).body(Body::empty()).unwrap();
        assert_eq!(soon(gateway.send(head)).await.text(), "");
        ask(&gateway).await;
    }
}

#[tokio::test]
async fn an_unasked_answer_on_an_idle_connection_closes_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::before(&[(STORE, listener.local_addr().unwrap())]).await;
    for _ in 0..20 {
        let serving = async {
            let mut connection = BufReader::new(listener.accept().await.unwrap().0);
            let id = request_id(&mut connection).await.unwrap();
            connection.write_all(answer(&id).as_bytes()).await.unwrap();
            connection
        };
        let ((), mut connection) = tokio::join!(ask(&gateway), soon(serving));
        connection.write_all(answer("smuggled").as_bytes()).await.unwrap();
        // It is not used again, but closed: the next round is served on a new one.
        assert!(!matches!(soon(connection.read(&mut [0])).await, Ok(1..)));
    }
}

#[tokio::test]
async fn a_service_that_answers_before_it_has_read_the_body_stays_in_step() {
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
        let answer: Answer = soon(gateway.send(request)).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, id.as_str()), "the answer is another's");
        // The rest of the body comes after the answer. Where the connection was given up, nobody takes it any more.
        let _ = send.send(Bytes::from_static(b" second half")).await;
        drop(send);
        assert!(bodies.load(Ordering::SeqCst) <= round, "no body was taken for two");
    }
}

/// Reads a body in chunks; false where it broke off.
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
async fn an_answer_whose_service_falls_silent_breaks_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings();
    settings.upstream.answer_idle_timeout_ms = 50;
    let gateway = Gateway::start(&settings, &fixed(&[(STORE, listener.local_addr().unwrap())])).await;
    let asked = format!("GET {SEARCH}?id HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let silent = async {
        let mut connection = BufReader::new(listener.accept().await.unwrap().0);
        request_id(&mut connection).await.unwrap();
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\":";
        connection.write_all(half.as_bytes()).await.unwrap();
        // Ends when the gateway gives the connection up: an answer is on its way that nobody waits for.
        connection.read(&mut [0]).await
    };
    let (answer, end) = soon(async { tokio::join!(gateway.raw(&asked), silent) }).await;
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, "{\"items\":");
    assert!(!matches!(end, Ok(1..)));
}

#[tokio::test]
async fn a_slow_reader_of_an_answer_is_no_silent_service() {
    // More than all buffers on the way hold.
    const BYTES: usize = 32 * 1024 * 1024;
    let large = Router::new().fallback(async || vec![b'x'; BYTES]);
    let mut settings = settings();
    settings.upstream.answer_idle_timeout_ms = 50;
    let gateway = Gateway::start(&settings, &fixed(&[(STORE, serve(large).await)])).await;
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    let asked = format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    connection.write_all(asked.as_bytes()).await.unwrap();
    // The time that passes is what is tested: longer than the service could be silent.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut answer = Vec::new();
    soon(connection.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.len() > BYTES, "it broke off after {} bytes", answer.len());
}
