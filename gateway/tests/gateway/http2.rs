//! HTTP/2, and the encrypted port.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Version};
use futures::StreamExt;
use http_body_util::BodyExt;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;

use crate::harness::{Gateway, MEMBER, STORE, Service, fixed, read_settings, settings, with_timeout};

const SEARCH: &str = "/api/store/items";

async fn client(gateway: &Gateway) -> SendRequest<Body> {
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn send(client: &mut SendRequest<Body>, request: Request) -> (StatusCode, HeaderMap, String) {
    let answer = with_timeout(client.send_request(request)).await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    let (head, body) = answer.into_parts();
    let body = with_timeout(body.collect()).await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn requests_of_http2_are_passed_on_as_those_of_http1() {
    let service = Service::start().await;
    let gateway = Gateway::before(&[(MEMBER, service.address), (STORE, service.address)]).await;
    let mut client = client(&gateway).await;
    let search = Request::get(format!("http://shop.example{SEARCH}?q=a"))
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("te", "trailers")
        .header("x-forwarded-for", "10.0.0.1");
    let (status, _, body) = send(&mut client, search.body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
    let received = service.only();
    assert_eq!(received.uri.to_string(), format!("{SEARCH}?q=a"));
    for (name, value) in [
        ("cookie", "a=1; b=2"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-proto", "http"),
        ("via", "2.0 gateway"),
        ("host", &service.address.to_string()),
    ] {
        let values: Vec<_> = received.headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
    assert_eq!(received.headers["te"], "trailers");

    let sign_up = Request::post("http://a/api/member/customers").body(Body::from("{}")).unwrap();
    assert_eq!(send(&mut client, sign_up).await.0, StatusCode::OK);
    assert_eq!(service.received()[1].body, "{}");

    for (method, path, status) in [
        ("GET", "/api/order/cart", 401),
        ("GET", "/nowhere", 404),
        ("DELETE", SEARCH, 405),
        ("GET", "/api/store/..%2finternal", 404),
        ("GET", "/docs/", 200),
    ] {
        let request = Request::builder().method(method).uri(format!("http://a{path}"));
        assert_eq!(send(&mut client, request.body(Body::empty()).unwrap()).await.0, status, "{path}");
    }
    let other_host = Request::get(format!("http://a{SEARCH}")).header("host", "b").body(Body::empty());
    assert_eq!(send(&mut client, other_host.unwrap()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(service.received().len(), 2);
}

#[tokio::test]
async fn bodies_of_http2_have_the_same_limits() {
    let services = [Service::start().await, Service::start().await];
    let instances = fixed(&services.each_ref().map(|service| (MEMBER, service.address)));
    let gateway = Gateway::hosted(&settings(), &instances, json!({"body-idle-timeout-ms": 50})).await;
    let mut client = client(&gateway).await;
    let sign_up = || Request::post("http://a/api/member/customers");
    let large = Body::from(vec![b'x'; 2 * 1024 * 1024]);
    let (status, _, body) = send(&mut client, sign_up().body(large).unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
    for _ in 0..8 {
        let begun = futures::stream::iter([std::io::Result::Ok("{")]).chain(futures::stream::pending());
        let (status, _, body) = send(&mut client, sign_up().body(Body::from_stream(begun)).unwrap()).await;
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT, "{body}");
    }
    for _ in 0..4 {
        assert_eq!(send(&mut client, sign_up().body(Body::from("{}")).unwrap()).await.0, StatusCode::OK);
    }
    assert!(services.iter().all(|service| service.received().len() == 2), "both instances are still used");
}

#[tokio::test]
async fn a_request_that_its_client_resets_is_dropped_at_the_service() {
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let router = Router::new().fallback(async move || {
        let (open, dropped) = tokio::sync::oneshot::channel::<()>();
        begun.send(dropped).unwrap();
        std::future::pending::<()>().await;
        drop(open);
    });
    let gateway = Gateway::before(&[(STORE, crate::harness::serve(router).await)]).await;
    let mut client = client(&gateway).await;
    let request = Request::get(format!("http://a{SEARCH}")).body(Body::empty()).unwrap();
    let running = tokio::spawn(client.send_request(request));
    let dropped = with_timeout(begins.recv()).await.unwrap();
    running.abort();
    with_timeout(dropped).await.expect_err("it goes on");
    assert_eq!(gateway.get("/problems").await.status, StatusCode::OK);
}

/// A certificate for `localhost` in the folder, and the settings that name it.
fn tls(folder: &Path) -> serde_json::Value {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    json!({"tls": {"certificate": certificate, "key": key}})
}

#[tokio::test]
async fn an_encrypted_gateway_says_so_to_services_and_browsers() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start().await;
    let instances = fixed(&[(STORE, service.address)]);
    let encrypted = Gateway::hosted(&settings(), &instances, tls(folder.path())).await;
    let plain = Gateway::start(&settings(), &instances).await;
    let certificate = std::fs::read(folder.path().join("tls.crt")).unwrap();
    for path in [SEARCH, "/docs/", "/nowhere"] {
        let (_, headers) = over_tls(&encrypted, &certificate, path).await;
        let hsts = headers.iter().find(|line| line.starts_with("strict-transport-security: max-age="));
        assert!(hsts.is_some(), "{path}: {headers:?}");
        assert!(headers.contains(&"x-content-type-options: nosniff".to_owned()), "{path}: {headers:?}");
        let answer = plain.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("strict-transport-security"), None, "it is for encrypted connections only");
    }
    let seen: Vec<_> =
        service.received().iter().map(|request| request.headers["x-forwarded-proto"].clone()).collect();
    assert_eq!(seen, ["https", "http"]);
}

/// The status line and the header fields of an answer over HTTP/1.1.
async fn over_tls(gateway: &Gateway, certificate: &[u8], path: &str) -> (String, Vec<String>) {
    use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = with_timeout(connector.connect(name, stream)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    with_timeout(stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let mut lines = answer.split("\r\n\r\n").next().unwrap().split("\r\n").map(str::to_owned);
    (lines.next().unwrap(), lines.collect())
}

/// The conformance tests of HTTP/2. `.ci/h2spec` installs and names them.
#[tokio::test]
#[ignore = "needs h2spec; run by .ci/h2spec"]
async fn h2spec_finds_no_failure_in_the_clear_and_encrypted() {
    let h2spec = std::env::var("H2SPEC").expect("H2SPEC names the program");
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start().await;
    let instances = fixed(&[(STORE, service.address)]);
    // With a body that the service reads: an answer before its end would come before some of its faults.
    let settings = read_settings(
        "services: [store-api]\nroutes: [{ path: /a, methods: [GET, POST], service: store-api, access: public }]\n",
    )
    .unwrap();
    for (server, flags) in [(json!({}), &[][..]), (tls(folder.path()), &["--tls", "--insecure"])] {
        let gateway = Gateway::hosted(&settings, &instances, server).await;
        let status = tokio::process::Command::new(&h2spec)
            .args(["--host", "127.0.0.1", "--path", "/a", "--timeout", "5"])
            .args(["--port", &gateway.address.port().to_string()])
            .args(flags)
            .status();
        assert!(status.await.unwrap().success(), "{flags:?}");
    }
}
