//! Answers before the end of a request, and to what is none.

use super::*;

/// Sends a request whose body is `length` long, all of it, and only then reads the answer, as simple clients do.
async fn send_all(server: &Server, head: &str, length: usize, is_chunked: bool) -> (TcpStream, String) {
    let mut stream = server.connect().await;
    let framing = if is_chunked {
        "transfer-encoding: chunked".to_owned()
    } else {
        format!("content-length: {length}")
    };
    stream.write_all(format!("{head}\r\nhost: x\r\n{framing}\r\n\r\n").as_bytes()).await.unwrap();
    let piece = vec![b'x'; 16 * 1024];
    let mut left = length;
    while left > 0 {
        let part = &piece[..left.min(piece.len())];
        if is_chunked {
            stream.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await.unwrap();
        }
        stream.write_all(part).await.unwrap();
        if is_chunked {
            stream.write_all(b"\r\n").await.unwrap();
        }
        left -= part.len();
    }
    if is_chunked {
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    }
    let answer = answer(&mut stream).await;
    (stream, answer)
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_reaches_a_client_that_sends_first_and_reads_then() {
    let server = Server::of(LIMITS, early()).await;
    for path in ["/unread", "/begin"] {
        for is_chunked in [false, true] {
            for length in [100, 1024 * 1024, 5 * 1024 * 1024] {
                let head = format!("POST {path} HTTP/1.1");
                let (mut stream, _) = send_all(&server, &head, length, is_chunked).await;
                if length <= 1024 * 1024 {
                    // The rest was read, so the connection is kept.
                    let again = format!("{head}\r\nhost: x\r\ncontent-length: 2\r\n\r\nab");
                    stream.write_all(again.as_bytes()).await.unwrap();
                    answer(&mut stream).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_kept_after_an_early_answer_however_the_body_arrives() {
    let server = Server::of(LIMITS, early()).await;
    for length in [200_000, 262_144, 1024 * 1024].repeat(100) {
        let (mut stream, _) = send_all(&server, "POST /unread HTTP/1.1", length, false).await;
        stream.write_all(b"POST /unread HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        answer(&mut stream).await;
    }
}

#[tokio::test]
async fn an_answer_after_which_the_connection_ends_says_so() {
    let server = Server::of(LIMITS, early()).await;
    let long = send_all(&server, "POST /unread HTTP/1.1", 5 * 1024 * 1024, false).await.1;
    assert!(long.contains("connection: close"), "{long}");

    let mut stream = server.connect().await;
    let expecting = b"POST /unread HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    stream.write_all(expecting).await.unwrap();
    let unwanted = answer(&mut stream).await;
    assert!(unwanted.starts_with("HTTP/1.1 200") && unwanted.contains("connection: close"), "{unwanted}");
}

#[tokio::test]
async fn bytes_that_are_no_request_are_refused_also_if_the_client_goes_on_sending() {
    let server = Server::start(LIMITS).await;
    let long = "x".repeat(100 * 1024);
    for (head, statuses) in [
        ("NO HTTP\r\n\r\n".to_owned(), "400"),
        // It depends on the pieces that arrive.
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), "414 or 431"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {long}{long}{long}\r\n\r\n"), "431"),
    ] {
        let (mut reading, mut writing) = server.connect().await.into_split();
        let sending = tokio::spawn(async move {
            let _ = writing.write_all(head.as_bytes()).await;
            for _ in 0..100 {
                let _ = writing.write_all(&[b'x'; 10_000]).await;
            }
            writing
        });
        let mut begin = [0; 12];
        timeout(LONG / 10, reading.read_exact(&mut begin)).await.expect("no answer").unwrap();
        let status = std::str::from_utf8(&begin).unwrap().strip_prefix("HTTP/1.1 ").unwrap();
        assert!(statuses.contains(status), "{status} is not {statuses}");
        sending.await.unwrap();
    }
}

#[tokio::test]
async fn another_protocol_is_not_answered_in_http() {
    let server = Server::start(LIMITS).await;
    for first in ["INVALID CONNECTION PREFACE\r\n\r\n", "OPTIONS * RTSP/1.0\r\n\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(first.as_bytes()).await.unwrap();
        assert_eq!(rest(stream).await, "", "{first}");
    }
}

#[tokio::test]
async fn what_follows_a_body_that_was_given_up_is_no_request_however_long_the_answer_takes() {
    let requests = Arc::new(Semaphore::new(0));
    let seen = Arc::clone(&requests);
    let slow = async move || {
        seen.add_permits(1);
        // Longer than the connection waits until it rests.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        "hello"
    };
    let server = Server::of(LIMITS, Router::new().route("/", get(slow))).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    stream.write_all(GET).await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.ends_with("hello") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
    assert_eq!(requests.available_permits(), 1);
}
