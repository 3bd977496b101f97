//! Parts of HTTP besides heads and bodies: interim answers, trailers, events.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use futures::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Gateway, MEMBER, STORE, Service, serve, with_timeout};

const SEARCH: &str = "/api/store/items";

/// A service that answers each request with these bytes.
async fn answering(bytes: String) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    stream.write_all(bytes.as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn interim_answers_are_dropped_however_many_there_are() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    let processing = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
    let end = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for interim in [hint.to_owned(), processing.to_owned(), hint.repeat(5_000)] {
        let gateway = Gateway::before(&[(STORE, answering(interim + end).await)]).await;
        // Twice, because the connection is kept.
        for _ in 0..2 {
            let answer =
                gateway.raw(&format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
            assert!(!answer.contains("preload"), "{answer}");
        }
    }
}

#[tokio::test]
async fn trailers_of_an_answer_reach_a_client_that_takes_them() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n";
    let gateway = Gateway::before(&[(STORE, answering(answer.to_owned()).await)]).await;
    let ask = async |fields: &str| {
        gateway.raw(&format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n")).await
    };
    let taken = ask("TE: trailers\r\n").await;
    assert!(taken.contains("0\r\nx-sum: 7\r\n\r\n") && taken.contains("trailer: X-Sum"), "{taken}");
    let not_asked = ask("").await;
    assert!(not_asked.ends_with("2\r\nok\r\n0\r\n\r\n"), "{not_asked}");

    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("http://a{SEARCH}")).body(Body::empty()).unwrap();
    let answer = with_timeout(client.send_request(request)).await.unwrap();
    let collected = with_timeout(answer.into_body().collect()).await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "7");
    assert_eq!(collected.to_bytes(), "ok");
}

/// They would be header fields that nobody has checked.
#[tokio::test]
async fn trailers_of_a_request_do_not_reach_a_service() {
    let (seen, mut sees) = tokio::sync::mpsc::unbounded_channel();
    let router = Router::new().fallback(async move |headers: HeaderMap, body: Body| {
        let collected = body.collect().await.unwrap();
        seen.send((headers, collected.trailers().cloned(), collected.to_bytes())).unwrap();
        "done"
    });
    let gateway = Gateway::before(&[(MEMBER, serve(router).await)]).await;
    let request = "POST /api/member/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTE: trailers\r\nTrailer: X-User-Id\r\n\
                   Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-User-Id: 1\r\n\r\n";
    assert!(gateway.raw(request).await.starts_with("HTTP/1.1 200"));
    let (headers, trailers, body) = with_timeout(sees.recv()).await.unwrap();
    assert_eq!(body, "{}");
    assert!(!headers.contains_key("trailer") && !headers.contains_key("x-user-id"), "{headers:?}");
    assert_eq!(trailers, None);
}

#[tokio::test]
async fn events_reach_the_client_one_by_one() {
    let (events, source) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let source = std::sync::Arc::new(tokio::sync::Mutex::new(Some(source)));
    let router = Router::new().fallback(async move || {
        let source = source.lock().await.take().unwrap();
        let frames = futures::stream::unfold(source, async |mut source| {
            let event = source.recv().await?;
            Some((std::io::Result::Ok(Frame::data(Bytes::from(event))), source))
        });
        let mut answer = Body::new(StreamBody::new(frames)).into_response();
        answer.headers_mut().insert("content-type", HeaderValue::from_static("text/event-stream"));
        answer
    });
    let service = Service::answering(router).await;
    let gateway = Gateway::before(&[(STORE, service.address)]).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(format!("GET {SEARCH} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
    let mut all = String::new();
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        events.send(event).unwrap();
        // The next one is sent when this has arrived.
        while !all.contains(event) {
            let mut part = [0; 1024];
            let read = with_timeout(stream.read(&mut part)).await.unwrap();
            all.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
    }
    assert!(all.contains("content-type: text/event-stream"), "{all}");
    drop(events);
    let _ = with_timeout(stream.read_u8()).await;
}

#[tokio::test]
async fn an_answer_streams_to_the_client_while_its_request_streams_to_the_service() {
    let echo = async |body: Body| (StatusCode::OK, Body::from_stream(body.into_data_stream()));
    let gateway = Gateway::before(&[(MEMBER, serve(Router::new().fallback(echo)).await)]).await;
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let (parts, body) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let body = futures::stream::unfold(body, async |mut body| {
        let part = body.recv().await?;
        Some((std::io::Result::Ok(Bytes::from(part)), body))
    });
    let request =
        hyper::Request::post("http://a/api/member/customers").body(Body::from_stream(body.boxed())).unwrap();
    let answer = tokio::spawn(client.send_request(request));
    parts.send("first").unwrap();
    let mut answer = with_timeout(answer).await.unwrap().unwrap().into_body();
    for next in ["second", "third"] {
        let frame = with_timeout(answer.frame()).await.unwrap().unwrap();
        assert!(["first", "second"].iter().any(|part| frame.data_ref().unwrap() == part));
        parts.send(next).unwrap();
    }
    drop(parts);
    assert_eq!(with_timeout(answer.collect()).await.unwrap().to_bytes(), "third");
}
