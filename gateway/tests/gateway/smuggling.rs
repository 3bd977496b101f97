//! Requests that two programs could take for different ones. The gateway refuses them, or passes on exactly what it has read.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Gateway, MEMBER, STORE, Service, with_timeout};

const POST: &str = "POST /api/member/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";

/// Sends bytes, and then nothing more. Gives all that the gateway sends until it closes the connection.
async fn sent(gateway: &Gateway, bytes: &str) -> String {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A reset also ends the connection.
    let _ = with_timeout(stream.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_with_a_doubtful_frame_is_refused() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address), (STORE, service.address)]).await;
    let chunked = "2\r\n{}\r\n0\r\n\r\n";
    let refused = [
        // Transfer codings that only some programs know.
        format!("{POST}Transfer-Encoding : chunked\r\n\r\n{chunked}"),
        format!("{POST}Transfer-Encoding: xchunked\r\n\r\n{chunked}"),
        format!("{POST}Transfer-Encoding: \x0bchunked\r\n\r\n{chunked}"),
        format!("{POST}Transfer-Encoding: chunked, identity\r\n\r\n{chunked}"),
        format!("{POST}Transfer-Encoding: chunked, chunked\r\n\r\n{chunked}"),
        format!("{POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{chunked}"),
        format!("{POST}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("{POST}X: y\r\n Transfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("{POST} Transfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("{POST}Transfer-Encoding:\r\n chunked\r\n\r\n{chunked}"),
        format!("{}Transfer-Encoding: chunked\r\n\r\n{chunked}", POST.replace("HTTP/1.1", "HTTP/1.0")),
        // Lengths.
        format!("{POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
        format!("{POST}Content-Length: 2, 3\r\n\r\n{{}}"),
        format!("{POST}Content-Length: +2\r\n\r\n{{}}"),
        format!("{POST}Content-Length: -2\r\n\r\n{{}}"),
        format!("{POST}Content-Length: 0x2\r\n\r\n{{}}"),
        format!("{POST}Content-Length: 2 2\r\n\r\n{{}}"),
        format!("{POST}Content-Length : 2\r\n\r\n{{}}"),
        format!("{POST}Content-Length: 18446744073709551618\r\n\r\n{{}}"),
        // Chunks.
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n2\n{{}}\r\n0\r\n\r\n"),
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}X\r\n0\r\n\r\n"),
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n-2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{POST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(100_000)),
        format!("{POST}Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{{}}\r\n0\r\n\r\n"),
        // Lines.
        format!("{POST}X: a\r\n b\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{POST}X\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{POST}X: a\rContent-Length: 2\r\n\r\n{{}}"),
        format!("{POST}X: a\0b\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{POST}: a\r\nContent-Length: 2\r\n\r\n{{}}"),
    ];
    for request in refused {
        let answer = sent(&gateway, &request).await;
        let shown = request.chars().take(300).collect::<String>();
        assert!(answer.starts_with("HTTP/1.1 400"), "{shown:?}\n{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{shown:?}\n{answer}");
    }
    assert!(service.received().is_empty(), "{:?}", service.received());
}

/// RFC 9112 lets a recipient accept these. The service gets them with a frame of the gateway's own, so it can't read them otherwise.
#[tokio::test]
async fn what_is_passed_on_has_the_frame_that_the_gateway_has_read() {
    let accepted = [
        "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: Chunked\r\n\r\n02;name=\"value\"\r\n{}\r\n0;last\r\nX-User-Id: 1\r\n\r\n",
        "Content-Length: 2\nX: a\n\n{}",
    ];
    for fields in accepted {
        let service = Service::start().await;
        let gateway = Gateway::before(&[(MEMBER, service.address)]).await;
        let answer = sent(&gateway, &format!("{POST}{fields}")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{fields:?}\n{answer}");
        let received = service.only();
        assert_eq!(received.body, "{}", "{fields:?}");
        let frames: Vec<_> = ["content-length", "transfer-encoding"]
            .iter()
            .flat_map(|name| received.headers.get_all(*name).iter())
            .collect();
        assert_eq!(frames.len(), 1, "{fields:?}: {:?}", received.headers);
        assert!(!received.headers.contains_key("x-user-id"), "{fields:?}");
    }
}

/// What follows a request is the next one, for the gateway and for nobody behind it.
#[tokio::test]
async fn bytes_behind_a_body_are_a_request_that_is_checked_like_any_other() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address), (STORE, service.address)]).await;
    let behind = "GET /internal/transfers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let post = POST.replace("Connection: close\r\n", "");
    for (fields, statuses) in [
        ("Content-Length: 2\r\n\r\n{}", &["200", "404"][..]),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", &["200", "404"]),
        // The connection ends after both a length and a coding (RFC 9112, section 6.1).
        ("Content-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &["200"]),
    ] {
        let answer = sent(&gateway, &format!("{post}{fields}{behind}")).await;
        let answered: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
        assert_eq!(answered, statuses, "{fields:?}\n{answer}");
    }
    assert!(service.received().iter().all(|request| request.uri.path() == "/api/member/customers"));
}
