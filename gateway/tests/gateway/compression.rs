//! Compressed answers: for whom, of what, and what conditions and caches see of them.

use access::Role;
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gateway::settings::TableSettings;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::harness::{Answer, Gateway, MEMBER, ORDER, STORE, Service, fixed, read_settings};

/// What a browser sends.
const ALL: &str = "gzip, deflate, br, zstd";
const OPEN: &str = "/api/store/items";

fn list() -> String {
    serde_json::to_string(&vec![json!({"id": "0192", "name": "딸기 생크림 케이크"}); 100]).unwrap()
}

fn routes() -> TableSettings {
    let lines = "
  - { path: \"/api/store/items\", methods: [GET], service: store-api, access: public, compress: true }
  - { path: \"/api/store/items\", methods: [PATCH], service: store-api, access: public }
  - { path: \"/api/store/plain\", methods: [GET], service: store-api, access: public }
  - { path: \"/api/store/mine\", methods: [GET], service: store-api, access: any }
";
    read_settings(&format!("services: [{STORE}]\nroutes:\n{lines}")).unwrap()
}

/// A gateway before a service that answers by `answer`.
async fn before(answer: impl Fn(Request) -> Response + Clone + Send + Sync + 'static) -> (Gateway, Service) {
    let router = Router::new().fallback(move |request: Request| std::future::ready(answer(request)));
    let service = Service::answering(router).await;
    (Gateway::start(&routes(), &fixed(&[(STORE, service.address)])).await, service)
}

/// Answers a list, with a tag that it compares as the services do.
fn tagged(request: Request) -> Response {
    let known = request.headers().get(header::IF_NONE_MATCH).map(|value| value.to_str().unwrap().to_owned());
    let tag = [(header::ETAG, "\"7\"")];
    if known.is_some_and(|known| known.split(", ").any(|tag| tag.trim_start_matches("W/") == "\"7\"")) {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, [(header::CONTENT_TYPE, "application/json")], list()).into_response()
}

async fn ask(gateway: &Gateway, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut request = gateway.request(method, path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    gateway.send(request.body(Body::empty()).unwrap()).await
}

/// What the client reads.
async fn unpacked(answer: &Answer) -> String {
    async fn read(mut from: impl AsyncRead + Unpin) -> String {
        let mut text = String::new();
        from.read_to_string(&mut text).await.unwrap();
        text
    }
    match answer.header("content-encoding") {
        Some("gzip") => read(GzipDecoder::new(&answer.body[..])).await,
        Some("br") => read(BrotliDecoder::new(&answer.body[..])).await,
        Some("zstd") => read(ZstdDecoder::new(&answer.body[..])).await,
        other => {
            assert_eq!(other, None);
            answer.text().to_owned()
        }
    }
}

#[tokio::test]
async fn a_client_gets_the_coding_that_it_prefers_and_reads_what_the_service_sent() {
    let (gateway, _service) = before(tagged).await;
    for (accepted, coding) in [
        (ALL, Some("zstd")),
        ("gzip, br", Some("br")),
        ("gzip", Some("gzip")),
        ("gzip;q=1, br;q=0.1", Some("gzip")),
        ("*;q=0", None),
        ("identity", None),
        ("", None),
    ] {
        let answer = ask(&gateway, "GET", OPEN, &[("accept-encoding", accepted)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (200, coding), "{accepted}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{accepted}");
        assert_eq!(unpacked(&answer).await, list(), "{accepted}");
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
        assert!(
            coding.is_none() || answer.body.len() < list().len() / 5,
            "{accepted}: {}",
            answer.body.len()
        );
    }
    let silent = gateway.get(OPEN).await;
    assert_eq!((silent.header("content-encoding"), silent.header("vary")), (None, Some("accept-encoding")));
    assert_eq!(silent.text(), list());
}

#[tokio::test]
async fn an_answer_that_may_have_a_secret_is_never_compressed() {
    let (gateway, _service) = before(tagged).await;
    let token = format!("Bearer {}", gateway.token(Role::Customer));
    for (path, name, value) in [
        (OPEN, "authorization", token.as_str()),
        (OPEN, "authorization", "Basic eDp5"),
        (OPEN, "cookie", "a=b"),
        (OPEN, "range", "bytes=0-10"),
        ("/api/store/mine", "authorization", &token),
        ("/api/store/plain", "x-a", "b"),
    ] {
        let answer = ask(&gateway, "GET", path, &[("accept-encoding", ALL), (name, value)]).await;
        let shown = (answer.status.as_u16(), answer.header("content-encoding"), answer.header("etag"));
        assert_eq!(shown, (200, None, Some("\"7\"")), "{path} {name}");
        assert_eq!(answer.text(), list());
    }
    // Cookies may come in several fields.
    let fields = [("accept-encoding", ALL), ("cookie", "a=b"), ("cookie", "c=d")];
    assert_eq!(ask(&gateway, "GET", OPEN, &fields).await.header("content-encoding"), None);
}

#[tokio::test]
async fn only_texts_of_a_moderate_length_are_compressed() {
    fn answer(request: Request) -> Response {
        let text = |fields: &[(&'static str, &'static str)], body: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            for (name, value) in fields {
                headers.insert(*name, value.parse().unwrap());
            }
            (headers, body).into_response()
        };
        match request.uri().query().unwrap() {
            "list" => text(&[("content-type", "application/hal+json; charset=utf-8")], list()),
            "small" => text(&[], "a".repeat(999)),
            "large" => text(&[], "a".repeat(256_001)),
            "image" => text(&[("content-type", "image/png")], list()),
            "events" => text(&[("content-type", "text/event-stream")], list()),
            "untyped" => Body::from(list()).into_response(),
            "coded" => text(&[("content-encoding", "gzip")], list()),
            "part" => text(&[("content-range", "bytes 0-9/10")], list()),
            "cookie" => text(&[("set-cookie", "a=b")], list()),
            "private" => text(&[("cache-control", "max-age=5, Private")], list()),
            "no-transform" => text(&[("cache-control", "no-transform")], list()),
            "stream" => {
                let chunk = futures::stream::iter([std::io::Result::Ok(list())]);
                let mut answer = Body::from_stream(chunk).into_response();
                answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
                answer
            }
            _ => (StatusCode::NOT_FOUND, text(&[], list())).into_response(),
        }
    }
    let (gateway, _service) = before(answer).await;
    let coding = async |what: &str| {
        let answer = ask(&gateway, "GET", &format!("{OPEN}?{what}"), &[("accept-encoding", "br")]).await;
        answer.header("content-encoding").map(str::to_owned)
    };
    assert_eq!(coding("list").await.as_deref(), Some("br"));
    assert_eq!(coding("coded").await.as_deref(), Some("gzip"), "it is the service's own");
    for what in [
        "small",
        "large",
        "image",
        "events",
        "untyped",
        "part",
        "cookie",
        "private",
        "no-transform",
        "stream",
        "missing",
    ] {
        assert_eq!(coding(what).await, None, "{what}");
    }
}

#[tokio::test]
async fn a_compressed_answer_has_a_tag_of_its_own_by_which_a_client_asks_again() {
    let (gateway, service) = before(tagged).await;
    let first = ask(&gateway, "GET", OPEN, &[("accept-encoding", "br")]).await;
    assert_eq!(first.header("etag"), Some("\"7~br\""));
    for (accepted, known, status, tag) in [
        ("br", "\"7~br\"", 304, "\"7~br\""),
        ("br", "W/\"7~br\"", 304, "\"7~br\""),
        ("br", "\"6\", \"7~br\"", 304, "\"7~br\""),
        ("br", "\"7\"", 304, "\"7\""),
        ("identity", "\"7\"", 304, "\"7\""),
        // What another client of the same cache has got is nothing that this one can read.
        ("gzip", "\"7~br\"", 200, "\"7~gzip\""),
        ("identity", "\"7~br\"", 200, "\"7\""),
        ("br", "\"6~br\"", 200, "\"7~br\""),
    ] {
        let fields = [("accept-encoding", accepted), ("if-none-match", known)];
        let answer = ask(&gateway, "GET", OPEN, &fields).await;
        let shown = (answer.status.as_u16(), answer.header("etag"), answer.header("vary"));
        assert_eq!(shown, (status, Some(tag), Some("accept-encoding")), "{accepted} {known}");
        assert!(status == 200 || answer.body.is_empty());
    }
    // An edit names what its client has read.
    ask(&gateway, "PATCH", OPEN, &[("if-match", "\"7~br\""), ("if-none-match", "\"8~zstd\"")]).await;
    let edit = service.received().pop().unwrap().headers;
    assert_eq!(edit["if-match"], "\"7\"");
    assert_eq!(edit["if-none-match"], "\"8\"");
}

#[tokio::test]
async fn head_says_what_get_would_say() {
    let (gateway, _service) = before(tagged).await;
    for accepted in ["br", "gzip", "identity"] {
        let get = ask(&gateway, "GET", OPEN, &[("accept-encoding", accepted)]).await;
        let head = ask(&gateway, "HEAD", OPEN, &[("accept-encoding", accepted)]).await;
        for name in ["content-type", "content-encoding", "etag", "vary"] {
            assert_eq!(head.header(name), get.header(name), "{accepted}: {name}");
        }
        assert!(head.body.is_empty());
        let length = head.header("content-length");
        assert!(length.is_none() || length == get.header("content-length"), "{accepted}: {length:?}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_too_early_is_an_error_before_anything_is_sent() {
    let short = |_| {
        let chunks = [Ok("[".repeat(1_500)), Err(std::io::Error::other("the service has died"))];
        let fields = [("content-type", "application/json"), ("content-length", "3000")];
        (fields, Body::from_stream(futures::stream::iter(chunks))).into_response()
    };
    let (gateway, _service) = before(short).await;
    let answer = ask(&gateway, "GET", OPEN, &[("accept-encoding", "br")]).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "BAD_GATEWAY"));
    for name in ["content-encoding", "etag"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn many_clients_at_once_and_those_that_leave_do_each_other_no_harm() {
    let (gateway, _service) = before(tagged).await;
    let asks = (0..60).map(|n| {
        let (gateway, accepted) = (&gateway, ["br", "gzip", "zstd"][n % 3]);
        async move {
            let fields = [("accept-encoding", accepted)];
            let asked = ask(gateway, "GET", OPEN, &fields);
            if n % 4 == 0 {
                // It is dropped after its request has been sent, or before.
                tokio::select! {
                    biased;
                    () = async { for _ in 0..n { tokio::task::yield_now().await } } => return,
                    _ = asked => return,
                }
            }
            assert_eq!(unpacked(&asked.await).await, list(), "{n} {accepted}");
        }
    });
    futures::future::join_all(asks).await;
}

#[tokio::test]
async fn the_pages_of_the_gateway_are_compressed() {
    let openapi = || async { axum::Json(json!({"openapi": "3.1.0", "info": {"description": list()}})) };
    let service = Service::answering(Router::new().fallback(openapi)).await;
    let services = [(STORE, service.address), (MEMBER, service.address), (ORDER, service.address)];
    let gateway = Gateway::before(&services).await;
    for (path, accepted, coding) in [
        ("/docs/swagger-ui-bundle.js", ALL, Some("gzip")),
        ("/docs/swagger-ui-bundle.js", "br", None),
        ("/docs/swagger-ui.css", "gzip", Some("gzip")),
        ("/docs/store-api/openapi.json", "br", Some("br")),
        ("/docs/store-api/openapi.json", "identity", None),
        ("/problems", "zstd", Some("zstd")),
        ("/assets/page.css", "identity", None),
    ] {
        let answer = ask(&gateway, "GET", path, &[("accept-encoding", accepted)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (200, coding), "{path}");
        let plain = gateway.get(path).await;
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert_eq!(unpacked(&answer).await, plain.text(), "{path}");
        let head = ask(&gateway, "HEAD", path, &[("accept-encoding", accepted)]).await;
        assert_eq!(head.header("content-encoding"), coding, "{path}");
    }
}
