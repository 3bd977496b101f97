//! Connections over real sockets.

mod crowds;
mod early;
mod http2;
mod readers;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::handler::Handler;

const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(50);
const LIMITS: Limits = Limits {
    first_byte: LONG,
    header_read: LONG,
    body_idle: LONG,
    write_idle: LONG,
    idle: LONG,
    half_close: LONG,
    drain_idle: Duration::ZERO,
    connections: 16,
    connections_per_address: None,
};
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

struct Server {
    address: SocketAddr,
    drain: Drain,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        Self::of(limits, Router::new().route("/", get(async || "hello"))).await
    }

    async fn of(limits: Limits, router: Router) -> Self {
        Self::with(limits, router, None).await
    }

    async fn with(limits: Limits, router: Router, tls: Option<Arc<Tls>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drain = Drain::default();
        let port = Port::new(Handler::from(router), limits, None, tls, drain.clone());
        let serving = tokio::spawn(serve(listener, port));
        Self { address, drain, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Everything that arrives until the server closes the connection.
async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut rest = Vec::new();
    // A reset also ends the connection.
    let _ = timeout(LONG / 10, stream.read_to_end(&mut rest)).await.expect("the connection is kept");
    String::from_utf8(rest).unwrap()
}

/// One answer of a connection that is kept.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        answer.push(timeout(LONG / 10, stream.read_u8()).await.expect("no answer").unwrap());
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_silent_connection_is_dropped() {
    let server = Server::start(Limits { first_byte: SHORT, ..LIMITS }).await;
    assert_eq!(rest(server.connect().await).await, "");
}

#[tokio::test]
async fn an_unfinished_head_is_dropped_also_if_it_is_not_the_first() {
    let server = Server::start(Limits { header_read: SHORT, ..LIMITS }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    assert!(!rest(stream).await.contains("hello"));

    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    answer(&mut stream).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    assert!(!rest(stream).await.contains("hello"));
}

#[tokio::test]
async fn a_head_that_arrives_too_slowly_is_dropped() {
    let server = Server::start(Limits { header_read: SHORT, ..LIMITS }).await;
    let (reading, mut writing) = server.connect().await.into_split();
    writing.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let dripping = tokio::spawn(async move {
        // Each single byte is fast enough. It ends when the server closes the connection.
        while writing.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    assert!(!rest(reading).await.contains("hello"));
    dripping.abort();
}

#[tokio::test]
async fn an_idle_connection_is_kept_longer_than_a_head_may_take() {
    let server = Server::start(Limits { header_read: SHORT, idle: SHORT * 10, ..LIMITS }).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    answer(&mut stream).await;
    // This time must be longer than the limit of a head, so the test has to wait.
    tokio::time::sleep(SHORT * 3).await;
    stream.write_all(GET).await.unwrap();
    assert!(rest(stream).await.contains("hello"), "and it is closed when it has been idle for too long");
}

#[tokio::test]
async fn a_connection_that_has_rested_goes_on_with_the_begin_of_a_request_that_came_before() {
    let server = Server::start(LIMITS).await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        let (begin, end) = GET.split_at(10);
        stream.write_all(&[GET, begin].concat()).await.unwrap();
        answer(&mut stream).await;
        // Longer than the connection waits until it rests.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stream.write_all(end).await.unwrap();
        answer(&mut stream).await;
    }
}

#[tokio::test]
async fn a_connection_that_rests_ends_with_the_drain_and_when_its_client_goes() {
    let server = Server::start(Limits { drain_idle: SHORT, ..LIMITS }).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(GET).await.unwrap();
        answer(&mut stream).await;
        streams.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    streams[0].shutdown().await.unwrap();
    let second = streams.pop().unwrap();
    assert_eq!(rest(streams.pop().unwrap()).await, "");
    server.drain.close_port();
    assert_eq!(rest(second).await, "");
}

#[tokio::test]
async fn a_draining_server_says_that_it_will_close_and_accepts_connections_until_the_port_is_closed() {
    let server = Server::start(LIMITS).await;
    let mut kept = server.connect().await;
    kept.write_all(GET).await.unwrap();
    assert!(!answer(&mut kept).await.contains("connection: close"));
    server.drain.begin();
    for mut stream in [kept, server.connect().await] {
        stream.write_all(GET).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.contains("connection: close") && answer.ends_with("hello"), "{answer}");
    }
    server.drain.close_port();
    server.serving.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_is_on_its_way_when_the_port_is_closed_is_answered() {
    let server = Server::start(Limits { drain_idle: LONG, ..LIMITS }).await;
    let mut kept = server.connect().await;
    kept.write_all(GET).await.unwrap();
    answer(&mut kept).await;
    let silent = server.connect().await;
    server.drain.close_port();
    while TcpStream::connect(server.address).await.is_ok() {}
    for mut stream in [kept, silent] {
        stream.write_all(GET).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.contains("connection: close") && answer.ends_with("hello"), "{answer}");
    }
    server.serving.await.unwrap();
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_last_chance() {
    let server = Server::start(Limits { drain_idle: SHORT, ..LIMITS }).await;
    let silent = server.connect().await;
    let mut used = server.connect().await;
    used.write_all(GET).await.unwrap();
    answer(&mut used).await;
    server.drain.close_port();
    server.serving.await.unwrap();
    assert_eq!(rest(silent).await, "");
    assert_eq!(rest(used).await, "");
}

#[tokio::test]
async fn a_client_that_closes_its_sending_half_gets_its_answer() {
    let router = Router::new()
        .route("/", get(slow))
        .route("/length", post(async |body: Bytes| slow().await.repeat(body.len())));
    let server = Server::of(LIMITS, router).await;
    for (request, times) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", 1),
        ("POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc", 3),
        ("POST /length HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 2),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert!(rest(stream).await.ends_with(&"hello".repeat(times)), "{request}");
    }
}

async fn slow() -> &'static str {
    tokio::time::sleep(SHORT).await;
    "hello"
}

/// A handler that says when it was begun and when it was dropped.
fn endless() -> (Router, Arc<tokio::sync::Semaphore>, Arc<tokio::sync::Semaphore>) {
    struct OnDrop(Arc<tokio::sync::Semaphore>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let (begun, dropped) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (on_begin, on_drop) = (begun.clone(), dropped.clone());
    let handler = async move || {
        let _dropped = OnDrop(on_drop.clone());
        on_begin.add_permits(1);
        std::future::pending::<()>().await;
    };
    (Router::new().route("/", get(handler)), begun, dropped)
}

#[tokio::test]
async fn the_request_of_a_client_that_is_gone_is_dropped() {
    let (router, begun, dropped) = endless();
    let server = Server::of(Limits { half_close: SHORT, ..LIMITS }, router).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    begun.acquire().await.unwrap().forget();
    drop(stream);
    timeout(LONG / 10, dropped.acquire()).await.expect("the handler runs on").unwrap().forget();
}

#[tokio::test]
async fn the_request_of_a_client_that_resets_the_connection_is_dropped_at_once() {
    let (router, begun, dropped) = endless();
    let server = Server::of(LIMITS, router).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    begun.acquire().await.unwrap().forget();
    stream.set_zero_linger().unwrap();
    drop(stream);
    timeout(LONG / 10, dropped.acquire()).await.expect("the handler runs on").unwrap().forget();
}

/// Both answer without reading the body, or after a part of it.
fn early() -> Router {
    let begin = async |body: Body| {
        let first = futures::StreamExt::next(&mut body.into_data_stream()).await;
        first.map_or("nothing", |_| "hello")
    };
    Router::new().route("/unread", post(async || "hello")).route("/begin", post(begin))
}

#[tokio::test]
async fn threads_with_connections_of_their_own_answer_on_one_port_and_drain_together() {
    let listeners = listen(bind("127.0.0.1:0".parse().unwrap(), 3.try_into().unwrap()).unwrap()).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let thread = async || format!("{:?} hello", std::thread::current().id());
    let handler = Handler::from(Router::new().route("/", get(thread)));
    let drain = Drain::default();
    let port = Port::new(handler, Limits { connections: 64, ..LIMITS }, None, None, drain.clone());
    let serving = serve_on_threads("test", listeners, port);
    let serving = tokio::spawn(serving);

    let mut open = Vec::new();
    let mut threads = std::collections::BTreeSet::new();
    for _ in 0..48 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(GET).await.unwrap();
        threads.insert(answer(&mut stream).await.rsplit("\r\n").next().unwrap().to_owned());
        open.push(stream);
    }
    assert!(threads.len() > 1, "the kernel spreads connections: {threads:?}");

    drain.close_port();
    for stream in open {
        assert_eq!(rest(stream).await, "");
    }
    timeout(LONG / 10, serving).await.expect("it does not end").unwrap().unwrap();
    TcpStream::connect(address).await.expect_err("the port is closed");
}
