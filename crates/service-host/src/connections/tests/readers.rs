//! Clients that read slowly, or nothing.

use super::*;

/// A client with a small buffer, so that answers soon wait for it.
async fn with_small_buffer(server: &Server) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(server.address).await.unwrap()
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let (sent, mut unsent) = tokio::sync::mpsc::unbounded_channel::<()>();
    let endless = async move || {
        let sent = sent.clone();
        let chunks = futures::stream::repeat_with(move || {
            let _open = &sent;
            std::io::Result::Ok(Bytes::from_static(&[b'x'; 16 * 1024]))
        });
        Body::from_stream(chunks)
    };
    let router = Router::new().route("/", get(endless));
    let server = Server::of(Limits { write_idle: SHORT, ..LIMITS }, router).await;
    let mut stream = with_small_buffer(&server).await;
    stream.write_all(GET).await.unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).await.unwrap();
    // The answer, and with it the sender, is dropped. The server itself holds one more sender, as its handler.
    server.serving.abort();
    assert!(timeout(LONG / 10, unsent.recv()).await.expect("the answer goes on").is_none());
    let mut rest = Vec::new();
    let end = timeout(LONG / 10, stream.read_to_end(&mut rest)).await.expect("the connection is kept");
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "the kernel keeps nothing for it");
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    const LENGTH: usize = 1024 * 1024;
    let router = Router::new().route("/", get(async || "x".repeat(LENGTH) + "hello"));
    let server = Server::of(Limits { write_idle: SHORT * 4, ..LIMITS }, router).await;
    let mut stream = with_small_buffer(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let (mut all, mut part, begin) = (0, vec![0; LENGTH / 40], std::time::Instant::now());
    while let read @ 1.. = stream.read(&mut part).await.unwrap() {
        all += read;
        tokio::time::sleep(SHORT / 10).await;
    }
    assert!(all > LENGTH && begin.elapsed() > SHORT * 4, "{all} bytes in {:?}", begin.elapsed());
}

#[tokio::test]
async fn pipelined_requests_of_a_client_that_does_not_read_are_not_answered_ahead() {
    const REQUESTS: usize = 200_000;
    let answered = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    let empty = async move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // An answer without a body, because hyper puts no bound on the heads that it keeps.
        ([("x-long", "x".repeat(1000))], axum::http::StatusCode::NO_CONTENT)
    };
    let server =
        Server::of(Limits { write_idle: LONG, ..LIMITS }, Router::new().route("/", get(empty))).await;
    let mut stream = with_small_buffer(&server).await;
    let sending = async {
        for _ in 0..REQUESTS {
            stream.write_all(GET).await.unwrap();
        }
    };
    timeout(SHORT * 20, sending).await.expect_err("all requests are read");
    let before = answered.load(std::sync::atomic::Ordering::Relaxed);
    tokio::time::sleep(SHORT).await;
    assert_eq!(answered.load(std::sync::atomic::Ordering::Relaxed), before, "it goes on without a reader");
    // When it reads, the rest is answered.
    let mut part = vec![0; 64 * 1024];
    while answered.load(std::sync::atomic::Ordering::Relaxed) < before + 100 {
        assert!(timeout(LONG / 10, stream.read(&mut part)).await.expect("no answer").unwrap() > 0);
    }
}
