//! Answers before the whole body was sent: of services, which are not blamed for them, and of the gateway itself.

use std::net::SocketAddr;

use access::Role;
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use problem::{Code, Problem};
use service_host::App;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Gateway, MEMBER, no_verifier, serve_hosted, with_timeout};

const SIGN_UP: &str = "/api/member/customers";
const MIB: usize = 1024 * 1024;
const EARLY: &str = "HTTP/1.1 415 Unsupported Media Type\r\nContent-Type: application/problem+json\r\n\
                     Content-Length: 5\r\n\r\nearly";

/// How a client says how long its body is.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunks,
}

/// Sends a request and its whole body, and reads the answer only then, as simple clients do. Returns the status and what
/// follows the head.
async fn send_all(gateway: &Gateway, head: &str, framing: Framing, length: usize) -> (u16, String) {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let declared = match framing {
        Framing::Length => format!("Content-Length: {length}"),
        Framing::Chunks => "Transfer-Encoding: chunked".to_owned(),
    };
    let head = format!(
        "{head} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/plain\r\n{declared}\r\n\r\n"
    );
    let sending = async {
        stream.write_all(head.as_bytes()).await?;
        let piece = vec![b'x'; 32 * 1024];
        for _ in 0..length / piece.len() {
            if matches!(framing, Framing::Chunks) {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            }
            stream.write_all(&piece).await?;
            if matches!(framing, Framing::Chunks) {
                stream.write_all(b"\r\n").await?;
            }
        }
        if matches!(framing, Framing::Chunks) {
            stream.write_all(b"0\r\n\r\n").await?;
        }
        std::io::Result::Ok(())
    };
    with_timeout(sending).await.expect("the body could not be sent to its end");
    let mut answer = Vec::new();
    with_timeout(stream.read_to_end(&mut answer)).await.expect("the answer was lost");
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A service as `service-host` serves it. It refuses a body that is not JSON without reading it.
pub(crate) async fn refusing() -> SocketAddr {
    let sign_up = async |request: axum::extract::Request| {
        if request.headers()["content-type"] == "application/json" {
            StatusCode::OK.into_response()
        } else {
            Problem::new(Code::UnsupportedMediaType).into_response()
        }
    };
    let app = App::new(Router::new().route(SIGN_UP, post(sign_up)));
    serve_hosted(app, no_verifier(), serde_json::json!({})).await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_clients_whose_bodies_are_refused_put_no_instance_out_of_reach() {
    const CLIENTS: usize = 4;
    const ROUNDS: usize = 6;
    let services = [refusing().await, refusing().await];
    let gateway = Gateway::before(&services.map(|address| (MEMBER, address))).await;
    let (gateway, others) = (std::sync::Arc::new(gateway), tokio_util::sync::CancellationToken::new());
    let hostile = (0..CLIENTS).map(|client| {
        let gateway = gateway.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let framing = if (client + round) % 2 == 0 { Framing::Length } else { Framing::Chunks };
                let (status, body) = send_all(&gateway, &format!("POST {SIGN_UP}"), framing, MIB).await;
                assert_eq!(status, 415, "{framing:?}: {body}");
            }
        })
    });
    let hostile: Vec<_> = hostile.collect();
    let (honest, stop) = (gateway.clone(), others.clone());
    let honest = tokio::spawn(async move {
        let mut answered = 0;
        while !stop.is_cancelled() || answered < 20 {
            let request = honest.request("POST", SIGN_UP).header("content-type", "application/json");
            assert_eq!(honest.send(request.body(Body::from("{}")).unwrap()).await.status, 200);
            answered += 1;
        }
    });
    for client in hostile {
        client.await.unwrap();
    }
    others.cancel();
    honest.await.unwrap();
}

/// A service that answers as soon as it has read the head, and then does `then` with the connection.
async fn answering_early<F>(then: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let then = std::sync::Arc::new(then);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let then = then.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read_buf(&mut head).await {
                        Ok(1..) => {}
                        _ => return,
                    }
                }
                stream.write_all(EARLY.as_bytes()).await.unwrap();
                then(stream).await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_whose_connection_is_reset_while_the_body_is_sent_is_an_answer() {
    // Each closes the connection with unread bytes, which the kernel answers with a reset.
    let services = [answering_early(async |_| {}).await, answering_early(async |_| {}).await];
    let gateway = Gateway::before(&services.map(|address| (MEMBER, address))).await;
    for round in 0..40 {
        let framing = if round % 2 == 0 { Framing::Length } else { Framing::Chunks };
        let answer = send_all(&gateway, &format!("POST {SIGN_UP}"), framing, MIB).await;
        assert_eq!(answer, (415, "early".to_owned()), "round {round}");
    }
}

#[tokio::test]
async fn an_answer_of_a_service_that_then_stands_still_reaches_a_client_that_sends_first() {
    let service = answering_early(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let gateway = Gateway::before(&[(MEMBER, service)]).await;
    let answer = send_all(&gateway, &format!("POST {SIGN_UP}"), Framing::Length, MIB).await;
    assert_eq!(answer, (415, "early".to_owned()));
}

#[tokio::test]
async fn a_service_that_closes_without_an_answer_while_the_body_is_sent_has_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let gateway = Gateway::before(&[(MEMBER, address)]).await;
    let (status, body) = send_all(&gateway, &format!("POST {SIGN_UP}"), Framing::Length, MIB).await;
    assert!(matches!(status, 502 | 503), "{status} {body}");
}

#[tokio::test]
async fn early_answers_of_the_gateway_itself_reach_a_client_that_sends_first() {
    let gateway = Gateway::before(&[(MEMBER, refusing().await)]).await;
    for framing in [Framing::Length, Framing::Chunks] {
        for length in [MIB, 5 * MIB] {
            for (head, status) in [
                ("POST /api/member/me/wallet/charges".to_owned(), 401),
                ("POST /nowhere".to_owned(), 404),
                ("PUT /api/store/items".to_owned(), 405),
                ("POST /api/store//stores".to_owned(), 404),
            ] {
                // A body that says that it is too large may be refused for that.
                let is_large = matches!(framing, Framing::Length) && length > MIB;
                let (answered, _) = send_all(&gateway, &head, framing, length).await;
                assert!(
                    answered == status || is_large && answered == 413,
                    "{answered}: {head} {framing:?} {length}"
                );
            }
        }
        let answer = send_all(&gateway, &format!("POST {SIGN_UP}"), framing, 5 * MIB).await;
        assert!(matches!(answer.0, 413 | 415), "{answer:?}");
        let token = gateway.token(access::Role::Customer);
        let keyed = format!(
            "POST /api/member/me/wallet/charges HTTP/1.1\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: k\r\nX-Ignored:"
        );
        assert_eq!(send_all(&gateway, &keyed, framing, 5 * MIB).await.0, 413);
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_sends_no_body_that_is_refused() {
    let gateway = Gateway::before(&[(MEMBER, refusing().await)]).await;
    let expecting = format!(
        "POST {{path}} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nExpect: 100-continue\r\n\
         Content-Length: 1000000\r\n\r\n",
        gateway.token(Role::Seller)
    );
    for (path, status) in [("/api/member/me/wallet/charges", 403), ("/nowhere", 404)] {
        // The answer says that the connection ends, so this reads to its end.
        let answer = gateway.raw(&expecting.replace("{path}", path)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}
