//! HTTP/2, in the clear and encrypted.

use std::path::Path;

use axum::extract::Request;
use http_body_util::BodyExt;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncWrite;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// A client, and the task that ends with its connection.
struct Client {
    requests: SendRequest<Body>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Client {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self::with(&http2::Builder::new(TokioExecutor::new()), stream).await
    }

    async fn with(
        settings: &http2::Builder<TokioExecutor>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (requests, connection) = settings.handshake(TokioIo::new(stream)).await.unwrap();
        Self { requests, connection: tokio::spawn(connection) }
    }

    /// Begins a request.
    fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Body,
    ) -> impl Future<Output = hyper::Result<hyper::Response<hyper::body::Incoming>>> + use<> {
        let request = Request::builder().method(method).uri(format!("http://x{path}")).body(body).unwrap();
        self.requests.send_request(request)
    }

    async fn get(&mut self, path: &str) -> hyper::Result<String> {
        let answer = self.send("GET", path, Body::empty()).await?;
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    async fn has_ended(self) {
        let _ = timeout(LONG / 10, self.connection).await.expect("the connection is kept");
    }
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_at_the_same_time() {
    let (router, begun, _) = endless();
    let server = Server::of(LIMITS, router.route("/hello", get(async || "hello"))).await;
    let mut client = Client::over(server.connect().await).await;
    let _running = tokio::spawn(client.send("GET", "/", Body::empty()));
    begun.acquire().await.unwrap().forget();
    for _ in 0..300 {
        assert_eq!(client.get("/hello").await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn a_preface_may_arrive_in_pieces_and_a_method_may_begin_like_it() {
    let router = Router::new().route("/", get(async || "hello").post(async || "hello"));
    let server = Server::of(LIMITS, router).await;
    let mut stream = server.connect().await;
    let frames = [super::super::http2::PREFACE.as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    for byte in frames {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "the server sends its settings");

    let mut stream = server.connect().await;
    for byte in b"POST / HTTP/1.1\r\nhost: x\r\n\r\n" {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    answer(&mut stream).await;
}

#[tokio::test]
async fn a_drain_sends_goaway_and_answers_what_runs() {
    let slow_hello = async || {
        tokio::time::sleep(SHORT * 2).await;
        "hello"
    };
    let server = Server::of(LIMITS, Router::new().route("/", get(slow_hello))).await;
    let mut client = Client::over(server.connect().await).await;
    let running = tokio::spawn(client.send("GET", "/", Body::empty()));
    // The request is on its way, or has arrived.
    tokio::time::sleep(SHORT).await;
    server.drain.begin();
    let answer = running.await.unwrap().unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    timeout(LONG / 10, client.connection).await.expect("no GOAWAY").unwrap().unwrap();

    let mut other = Client::over(server.connect().await).await;
    // The port is open, so it is answered, and then the connection ends.
    let _ = other.get("/").await;
    other.has_ended().await;
    server.drain.close_port();
    server.serving.await.unwrap();
}

#[tokio::test]
async fn a_connection_without_requests_ends_after_a_while_and_gives_way() {
    let server = Server::start(Limits { idle: SHORT * 4, ..LIMITS }).await;
    let mut client = Client::over(server.connect().await).await;
    assert_eq!(client.get("/").await.unwrap(), "hello");
    client.has_ended().await;

    let server = Server::start(Limits { connections: 1, ..LIMITS }).await;
    let mut first = Client::over(server.connect().await).await;
    assert_eq!(first.get("/").await.unwrap(), "hello");
    let mut second = Client::over(server.connect().await).await;
    assert_eq!(second.get("/").await.unwrap(), "hello");
    first.has_ended().await;
}

#[tokio::test]
async fn an_answer_that_the_client_gives_no_room_is_reset_and_others_go_on() {
    let long = || "x".repeat(1024 * 1024);
    let router = Router::new().route("/", get(async || "hello")).route("/long", get(async move || long()));
    let server = Server::of(Limits { write_idle: SHORT * 2, ..LIMITS }, router).await;
    let mut settings = http2::Builder::new(TokioExecutor::new());
    settings.initial_stream_window_size(16 * 1024).initial_connection_window_size(1024 * 1024);
    let mut client = Client::with(&settings, server.connect().await).await;
    let unread = client.send("GET", "/long", Body::empty()).await.unwrap();
    let mut others = 0;
    let cut = tokio::time::sleep(SHORT * 10);
    tokio::pin!(cut);
    while !futures::poll!(&mut cut).is_ready() {
        assert_eq!(client.get("/").await.unwrap(), "hello");
        others += 1;
    }
    assert!(others > 1);
    let error = unread.into_body().collect().await.expect_err("the answer was sent to its end");
    assert!(format!("{error:?}").contains("CANCEL"), "{error:?}");
    // One that is read is not cut off.
    assert_eq!(client.get("/long").await.unwrap().len(), 1024 * 1024);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_reaches_the_client() {
    let server = Server::of(LIMITS, early()).await;
    let mut client = Client::over(server.connect().await).await;
    for path in ["/unread", "/begin"] {
        let body = Body::from(vec![b'x'; 5 * 1024 * 1024]);
        let answer = client.send("POST", path, body).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello", "{path}");
    }
}

#[tokio::test]
async fn a_client_that_resets_all_it_asks_for_is_cut_off() {
    let (router, ..) = endless();
    let server = Server::of(LIMITS, router).await;
    let mut stream = server.connect().await;
    let mut frames = [super::super::http2::PREFACE.as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    for number in 0..2_000_u32 {
        let id = (2 * number + 1).to_be_bytes();
        // HEADERS that end the request: GET, http, /, and the authority x.
        frames.extend([&[0, 0, 6, 1, 5][..], &id, &[0x82, 0x86, 0x84, 0x41, 1, b'x']].concat());
        // RST_STREAM: CANCEL.
        frames.extend([&[0, 0, 4, 3, 0][..], &id, &[0, 0, 0, 8]].concat());
    }
    let _ = stream.write_all(&frames).await;
    let mut answer = Vec::new();
    let _ = timeout(LONG / 10, stream.read_to_end(&mut answer)).await.expect("the connection is kept");
    // GOAWAY of the connection: ENHANCE_YOUR_CALM.
    let is_goaway = |part: &[u8]| part[..6] == [7, 0, 0, 0, 0, 0] && part[10..] == [0, 0, 0, 11];
    assert!(answer.windows(14).any(is_goaway), "{answer:?}");
}

/// A certificate for `localhost` in files.
struct Files {
    folder: TempDir,
    roots: RootCertStore,
}

impl Files {
    fn new() -> Self {
        let mut this = Self { folder: tempfile::tempdir().unwrap(), roots: RootCertStore::empty() };
        let (certificate, key) = this.generate();
        this.write(&certificate, &key);
        this
    }

    /// A new pair, which clients trust from now on.
    fn generate(&mut self) -> (String, String) {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        self.roots.add(pair.cert.der().clone()).unwrap();
        (pair.cert.pem(), pair.signing_key.serialize_pem())
    }

    fn write(&self, certificate: &str, key: &str) {
        std::fs::write(self.path("tls.crt"), certificate).unwrap();
        std::fs::write(self.path("tls.key"), key).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self) -> Arc<Tls> {
        Arc::new(Tls::load(&self.path("tls.crt"), &self.path("tls.key")).unwrap())
    }

    async fn connect(&self, server: &Server, protocols: &[&str]) -> TlsStream<TcpStream> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await.unwrap()
    }
}

fn certificate(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn an_encrypted_port_speaks_the_protocol_that_the_client_offers() {
    let files = Files::new();
    let limits = Limits { header_read: SHORT * 10, ..LIMITS };
    let router = Router::new().route("/", get(async || "hello"));
    let server = Server::with(limits, router, Some(files.load())).await;
    for offer in [&["h2", "http/1.1"][..], &["h2"]] {
        let stream = files.connect(&server, offer).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut client = Client::over(stream).await;
        // Longer than a head or a handshake may take.
        assert_eq!(client.get("/").await.unwrap(), "hello");
        tokio::time::sleep(SHORT * 12).await;
        assert_eq!(client.get("/").await.unwrap(), "hello");
    }
    for offer in [&["http/1.1"][..], &[]] {
        let mut stream = files.connect(&server, offer).await;
        for _ in 0..2 {
            stream.write_all(GET).await.unwrap();
            answer(&mut stream).await;
        }
    }
    // Who does not encrypt is told, and not served. A handshake that does not go on ends.
    let mut plain = server.connect().await;
    plain.write_all(GET).await.unwrap();
    let told = rest(plain).await;
    assert!(told.starts_with("HTTP/1.1 400 ") && told.contains("ask it by https"), "{told}");
    assert!(!told.contains("hello"), "{told}");
    let mut begun = server.connect().await;
    begun.write_all(&[0x16, 3, 1]).await.unwrap();
    assert_eq!(rest(begun).await, "");
}

#[tokio::test]
async fn a_certificate_is_replaced_with_its_files_and_a_broken_pair_is_not_taken() {
    let mut files = Files::new();
    let tls = files.load();
    let server =
        Server::with(LIMITS, Router::new().route("/", get(async || "hello")), Some(Arc::clone(&tls))).await;
    let kept = files.connect(&server, &["h2"]).await;
    let first = certificate(&kept);

    let (second, second_key) = files.generate();
    // A key of another certificate, half a file, no file, a wrong format.
    std::fs::write(files.path("tls.crt"), &second).unwrap();
    tls.refresh();
    std::fs::write(files.path("tls.key"), &second_key[..second_key.len() / 2]).unwrap();
    tls.refresh();
    std::fs::remove_file(files.path("tls.key")).unwrap();
    tls.refresh();
    files.write("none", "none");
    tls.refresh();
    assert_eq!(certificate(&files.connect(&server, &[]).await), first);

    files.write(&second, &second_key);
    tls.refresh();
    let replaced = certificate(&files.connect(&server, &[]).await);
    assert_ne!(replaced, first);
    assert_eq!(Client::over(kept).await.get("/").await.unwrap(), "hello", "a connection stays as it is");
}

#[test]
fn files_that_can_not_be_used_are_named() {
    let mut files = Files::new();
    let fault = |certificate: &Path, key: &Path| Tls::load(certificate, key).err().unwrap().to_string();
    let (certificate, key) = (files.path("tls.crt"), files.path("tls.key"));
    assert!(fault(&files.path("none"), &key).contains("none can't be read"));
    assert!(fault(&key, &key).contains("tls.key has no certificate"));
    std::fs::write(files.path("other.key"), files.generate().1).unwrap();
    assert!(fault(&certificate, &files.path("other.key")).contains("do not belong together"));
}
