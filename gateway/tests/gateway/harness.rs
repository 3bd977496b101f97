//! Services that record their requests, a gateway in front of them, and a client.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::{MemberId, Principal, Role, SigningKey, UserTokens, Verifier};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use clock::{Clock, ClockControl};
use discovery::Discovery;
use garde::Validate;
use gateway::Routing;
use gateway::revocations::Revocations;
use gateway::settings::{Settings, TableSettings};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Value, json};
use service_host::{App, Drain};
use settings::{Environment, PropertySource, Tree};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tower::ServiceExt;
use uuid::Uuid;

/// The default of `service-host`.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(crate) const MEMBER: &str = "member-api";
pub(crate) const STORE: &str = "store-api";
pub(crate) const ORDER: &str = "order-api";

/// The settings in `config/gateway.yml`, as the gateway reads them, without limits: a test sends more from one address than
/// anybody may.
pub(crate) fn settings() -> TableSettings {
    let mut settings = read_settings(include_str!("../../../config/gateway.yml")).unwrap();
    settings.limits.enabled = false;
    settings
}

/// Reads settings as config-server serves them from a file.
pub(crate) fn read_settings(yaml: &str) -> Result<TableSettings, String> {
    let settings = tree(yaml)?.finish::<Settings>().map_err(|error| error.to_string())?;
    Ok(settings.of_table())
}

/// The settings in a file, besides those of `service-host`.
pub(crate) fn tree(yaml: &str) -> Result<Tree, String> {
    let document: Value = serde_saphyr::from_str(yaml).unwrap();
    let source = settings::flat::flatten(&document).unwrap();
    let environment = Environment {
        name: "gateway".to_owned(),
        profiles: vec!["default".to_owned()],
        label: None,
        version: None,
        state: None,
        property_sources: vec![PropertySource { name: "config/gateway.yml".to_owned(), source }],
    };
    let mut tree = Tree::from_environment(&environment).unwrap();
    // `service-host` takes its own sections first.
    for section in ["server", "management"] {
        tree.take_section::<Section>(section).map_err(|error| error.to_string())?;
    }
    Ok(tree)
}

/// A section of `service-host`.
#[derive(Deserialize, Validate)]
#[garde(allow_unvalidated)]
struct Section {
    #[serde(flatten)]
    _any: serde_json::Map<String, Value>,
}

/// A request that a service received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A service that records its requests.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Service {
    /// Starts a service that answers every request with 200 and `ok`.
    pub(crate) async fn start() -> Self {
        Self::answering(Router::new().fallback(async || "ok")).await
    }

    /// Starts a service that answers with `router`.
    pub(crate) async fn answering(router: Router) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let recording = from_fn_with_state(Arc::clone(&received), record);
        Self { address: serve(router.layer(recording)).await, received }
    }

    /// All requests so far, without health checks.
    pub(crate) fn received(&self) -> Vec<Received> {
        let received = self.received.lock().unwrap();
        received.iter().filter(|request| request.uri.path() != "/healthz").cloned().collect()
    }

    /// The only request. Fails if there is another number of requests.
    pub(crate) fn only(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received[0].clone()
    }
}

async fn record(received: State<Arc<Mutex<Vec<Received>>>>, request: Request, next: Next) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let body = body.to_bytes();
    received.lock().unwrap().push(Received {
        method: head.method.clone(),
        uri: head.uri.clone(),
        headers: head.headers.clone(),
        body: body.clone(),
    });
    next.run(Request::from_parts(head, Body::from(body))).await
}

/// Serves a router on a free port until the test ends.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// Serves an app as `service-host` does, until the test ends. `changed` are sections of `server`.
pub(crate) async fn serve_hosted(app: App, verifier: Verifier, changed: Value) -> (SocketAddr, Drain) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = json!({"address": address});
    server.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
    let server: service_host::settings::Server = serde_json::from_value(server).unwrap();
    let drain = Drain::default();
    let draining = drain.clone();
    tokio::spawn(
        async move { service_host::serve(listener, app, verifier, &server, draining).await.unwrap() },
    );
    (address, drain)
}

/// Verifies no tokens.
pub(crate) fn no_verifier() -> Verifier {
    let clock = Clock::system();
    let access = access_settings("dalkom");
    Verifier::new(access.user_keys(clock.clone()), access.service_keys("test", clock).unwrap())
}

/// Longer than any step of a test takes. A step that does not end fails its test.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Waits for a step of a test, and fails if it does not end in time.
pub(crate) async fn with_timeout<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, step).await.expect("the step did not end in time")
}

/// An address without a listener, until the end of the process.
pub(crate) fn closed_address() -> SocketAddr {
    static KEPT: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());
    let (socket, address) = closed_socket();
    KEPT.lock().unwrap().push(socket);
    address
}

/// A socket that does not listen yet. It has its address, so that no other test gets it.
pub(crate) fn closed_socket() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A gateway, and the key and clock of its access tokens.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) key: SigningKey,
    pub(crate) access: access::Settings,
    pub(crate) clock: Clock,
    pub(crate) clock_control: ClockControl,
    pub(crate) revocations: Revocations,
    pub(crate) drain: Drain,
    client: Client<HttpConnector, Body>,
}

impl Gateway {
    /// Starts a gateway with the settings of the repository in front of services.
    pub(crate) async fn before(services: &[(&str, SocketAddr)]) -> Self {
        Self::start(&settings(), &fixed(services)).await
    }

    /// Starts a gateway in front of the services that `discovery` finds. It knows that no session is revoked.
    pub(crate) async fn start(settings: &TableSettings, discovery: &Discovery) -> Self {
        Self::hosted(settings, discovery, json!({})).await
    }

    /// Starts a gateway whose `server` settings are changed.
    pub(crate) async fn hosted(settings: &TableSettings, discovery: &Discovery, server: Value) -> Self {
        let gateway = Self::without_revocations_hosted(settings, discovery, server).await;
        let now = gateway.clock.now();
        let none = member_client::Revocations { sessions: Vec::new(), refuse_for_seconds: 960, as_of: now };
        gateway.revocations.update(&none, now);
        gateway
    }

    /// Starts a gateway that does not know yet which sessions are revoked.
    pub(crate) async fn without_revocations(settings: &TableSettings, discovery: &Discovery) -> Self {
        Self::without_revocations_hosted(settings, discovery, json!({})).await
    }

    async fn without_revocations_hosted(
        settings: &TableSettings,
        discovery: &Discovery,
        server: Value,
    ) -> Self {
        let (clock, clock_control) = Clock::manual(time::macros::datetime!(2026-11-22 03:00 UTC));
        let access = access_settings("dalkom");
        let key = SigningKey::from_base64(&SigningKey::generate().unwrap()).unwrap();
        let users = access.user_keys(clock.clone());
        users.replace(&access::Jwks { keys: vec![access::Jwk::from(&key)] });
        let verifier = Verifier::new(users, access.service_keys("gateway", clock.clone()).unwrap());
        let revocations = Revocations::new(clock.clone());
        let app = Routing::new(settings, discovery, &revocations).unwrap().app();
        let (address, drain) = serve_hosted(app, verifier, server).await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, key, access, clock, clock_control, revocations, drain, client }
    }

    /// An access token of a member with this role, as member-api issues it.
    pub(crate) fn token(&self, role: Role) -> String {
        self.sign(&self.access, &self.key, role)
    }

    /// An access token with other settings or another key.
    pub(crate) fn sign(&self, access: &access::Settings, key: &SigningKey, role: Role) -> String {
        self.sign_for_session(access, key, role, self.clock.new_id())
    }

    /// An access token of a session.
    pub(crate) fn token_of_session(&self, session_id: Uuid, role: Role) -> String {
        self.sign_for_session(&self.access, &self.key, role, session_id)
    }

    fn sign_for_session(
        &self,
        access: &access::Settings,
        key: &SigningKey,
        role: Role,
        session_id: Uuid,
    ) -> String {
        let tokens = UserTokens::new(access, Duration::from_mins(15), self.clock.clone());
        let principal = Principal { member_id: MemberId(self.clock.new_id()), role, session_id };
        tokens.sign(&principal, key).unwrap()
    }

    /// Starts a request to this gateway.
    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        with_timeout(async { Answer::read(self.client.request(request).await.unwrap()).await }).await
    }

    /// Sends bytes on a new connection, and reads the answer to its end.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        with_timeout(connection.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

/// A discovery of services at fixed addresses.
pub(crate) fn fixed(services: &[(&str, SocketAddr)]) -> Discovery {
    let mut by_name = std::collections::BTreeMap::<&str, Vec<SocketAddr>>::new();
    for (name, address) in services {
        by_name.entry(name).or_default().push(*address);
    }
    Discovery::fixed(by_name)
}

pub(crate) fn access_settings(audience: &str) -> access::Settings {
    access::Settings::of_users("member-api", audience, MEMBER)
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    async fn read(response: Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of a problem. Fails if its status or media type is wrong.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header(header::CONTENT_TYPE.as_str()), Some("application/problem+json"), "{self:?}");
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["code"].as_str().unwrap().to_owned()
    }
}

/// What the management port says.
pub(crate) async fn managed(routing: &Routing, path: &str) -> (u16, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = routing.management().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// The Redis of the tests.
pub(crate) fn redis_url() -> String {
    std::env::var("REDIS_URL").expect("REDIS_URL is not set: run the tests with `cargo xtask test`")
}
