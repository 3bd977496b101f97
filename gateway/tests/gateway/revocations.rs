//! Revoked sessions: how the gateway learns of them, and how it refuses them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::Role;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use clock::Clock;
use gateway::settings::RevocationsSettings;
use member_client::{REVOCATIONS_PATH, Revocations, RevocationsQuery};
use metrics_exporter_prometheus::PrometheusBuilder;
use problem::{Problem, Query};
use service_client::{ServiceClient, TokenSource};
use testkit::People;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::harness::{
    Answer, Gateway, MEMBER, STORE, Service, closed_address, fixed, serve, settings, with_timeout,
};

const FOR_ANY: &str = "/api/member/me";
const OF_STORE: &str = "/api/store/me/stores";
const PUBLIC: &str = "/api/store/items";
const INTERVAL_MS: u64 = 5;
const AS_OF: OffsetDateTime = datetime!(2026-11-22 02:59 UTC);

/// A member-api that lists revocations for the gateway, and answers every other request with `ok`.
#[derive(Clone)]
struct MemberApi {
    address: SocketAddr,
    people: Arc<People>,
    state: MemberApiState,
}

/// What it answers, and the requests it got.
#[derive(Clone)]
struct MemberApiState {
    revoked: Arc<Mutex<Vec<Uuid>>>,
    is_up: watch::Sender<bool>,
    requests: watch::Sender<Vec<RevocationsQuery>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the database is down")]
struct Down;

impl MemberApi {
    async fn start() -> Self {
        // Service tokens use the system clock, because the tests change the clock of the gateway.
        let people = People::of(MEMBER, &Clock::system());
        let state = MemberApiState {
            revoked: Arc::default(),
            is_up: watch::Sender::new(true),
            requests: watch::Sender::default(),
        };
        let internal = Router::new().route(REVOCATIONS_PATH, get(revocation_list)).with_state(state.clone());
        let router = access::only_services(internal, &["gateway"]).fallback(async || "ok");
        let address = serve(people.verifier().wrap(router)).await;
        Self { address, people: Arc::new(people), state }
    }

    /// Starts a gateway in front of it, and in front of other instances and services.
    async fn gateway(&self, others: &[(&str, SocketAddr)]) -> Gateway {
        let discovery = fixed(&[&[(MEMBER, self.address)], others].concat());
        let gateway = Gateway::without_revocations(&settings(), &discovery).await;
        let people = Arc::clone(&self.people);
        let tokens =
            TokenSource::new(move |called| Ok::<_, Infallible>(people.service_token("gateway", called)));
        let service_client =
            ServiceClient::new(MEMBER, &discovery, tokens, service_client::http_client().unwrap());
        let settings = RevocationsSettings { interval_ms: INTERVAL_MS };
        tokio::spawn(gateway.revocations.clone().poll(service_client, settings.into()));
        gateway
    }

    fn revoke(&self, session: Uuid) {
        self.state.revoked.lock().unwrap().push(session);
    }

    fn set_up(&self, is_up: bool) {
        self.state.is_up.send_replace(is_up);
    }

    /// Waits for this number of further requests. When a request arrives, the gateway has processed the answer before it.
    async fn wait_for_requests(&self, count: usize) {
        let mut requests = self.state.requests.subscribe();
        let before = requests.borrow().len();
        with_timeout(requests.wait_for(|requests| requests.len() >= before + count)).await.unwrap();
    }
}

async fn revocation_list(
    State(state): State<MemberApiState>,
    Query(query): Query<RevocationsQuery>,
) -> Result<Json<Revocations>, Problem> {
    let sessions = state.revoked.lock().unwrap().clone();
    let is_up = *state.is_up.borrow();
    state.requests.send_modify(|requests| requests.push(query));
    if is_up {
        Ok(Json(Revocations { sessions, refuse_for_seconds: 960, as_of: AS_OF }))
    } else {
        Err(Problem::unavailable(Down))
    }
}

async fn call(gateway: &Gateway, path: &str, token: &str) -> Answer {
    let request = gateway.request("GET", path).header("authorization", format!("Bearer {token}"));
    gateway.send(request.body(Body::empty()).unwrap()).await
}

async fn is_refused(gateway: &Gateway, token: &str) {
    let answer = call(gateway, FOR_ANY, token).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "UNAUTHENTICATED"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn every_token_of_a_revoked_session_is_refused_and_no_other() {
    let (member_api, store) = (MemberApi::start().await, Service::start().await);
    let gateway = member_api.gateway(&[(STORE, store.address)]).await;
    let session = gateway.clock.new_id();
    let token = gateway.token_of_session(session, Role::Seller);
    assert_eq!(call(&gateway, FOR_ANY, &token).await.status, 200);

    member_api.revoke(session);
    member_api.wait_for_requests(2).await;

    is_refused(&gateway, &token).await;
    is_refused(&gateway, &gateway.token_of_session(session, Role::Seller)).await;
    assert_eq!(call(&gateway, OF_STORE, &token).await.code(), "UNAUTHENTICATED");
    let wrong_role = call(&gateway, "/api/member/audit", &token).await;
    assert_eq!(wrong_role.code(), "UNAUTHENTICATED", "the session is checked before the role");
    assert_eq!(store.received().len(), 0);
    assert_eq!(call(&gateway, FOR_ANY, &gateway.token(Role::Seller)).await.status, 200);
    assert_eq!(call(&gateway, PUBLIC, &token).await.status, 200, "a public route does not check the token");
}

#[tokio::test]
async fn a_gateway_without_an_answer_refuses_every_token_and_serves_public_routes() {
    let (member_api, store) = (MemberApi::start().await, Service::start().await);
    member_api.set_up(false);
    let gateway = member_api.gateway(&[(STORE, store.address)]).await;
    let ended = gateway.clock.new_id();
    member_api.revoke(ended);

    let answer = call(&gateway, FOR_ANY, &gateway.token(Role::Customer)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(gateway.get(FOR_ANY).await.code(), "UNAUTHENTICATED");
    assert_eq!(gateway.get(PUBLIC).await.status, 200);

    member_api.set_up(true);
    member_api.wait_for_requests(2).await;
    assert_eq!(call(&gateway, FOR_ANY, &gateway.token(Role::Customer)).await.status, 200);
    is_refused(&gateway, &gateway.token_of_session(ended, Role::Customer)).await;
}

#[tokio::test]
async fn a_gateway_keeps_the_revocations_without_an_answer_and_reports_their_age() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    // All tasks of the test run in this thread.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let member_api = MemberApi::start().await;
    let gateway = member_api.gateway(&[]).await;
    let [before, meanwhile] = [gateway.clock.new_id(), gateway.clock.new_id()];
    member_api.revoke(before);
    member_api.wait_for_requests(2).await;

    member_api.set_up(false);
    member_api.wait_for_requests(2).await;
    member_api.revoke(meanwhile);
    gateway.clock_control.advance(Duration::from_secs(90));
    // A request that fails may be sent twice.
    member_api.wait_for_requests(4).await;

    is_refused(&gateway, &gateway.token_of_session(before, Role::Customer)).await;
    let other = gateway.token_of_session(meanwhile, Role::Customer);
    assert_eq!(call(&gateway, FOR_ANY, &other).await.status, 200);
    let text = metrics.render();
    for line in [
        "gateway_revocations_age_seconds 90",
        "gateway_revoked_sessions 1",
        "gateway_revoked_sessions_refused_total 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }

    member_api.set_up(true);
    member_api.wait_for_requests(2).await;
    is_refused(&gateway, &other).await;
    assert!(metrics.render().contains("gateway_revocations_age_seconds 0\n"), "{}", metrics.render());
}

#[tokio::test]
async fn the_first_request_asks_for_all_and_the_next_ones_for_new_revocations() {
    let member_api = MemberApi::start().await;
    let _gateway = member_api.gateway(&[]).await;
    member_api.wait_for_requests(3).await;
    let requests = member_api.state.requests.borrow();
    assert_eq!(requests[0], RevocationsQuery { since: None });
    assert_eq!(requests[1..3], [RevocationsQuery { since: Some(AS_OF) }; 2]);
}

#[tokio::test]
async fn every_gateway_learns_of_a_revocation_although_some_instances_do_not_answer() {
    let (member_api, store) = (MemberApi::start().await, Service::start().await);
    let hanging = serve(Router::new().fallback(std::future::pending::<()>)).await;
    let gateways = [
        member_api.gateway(&[(STORE, store.address), (MEMBER, closed_address())]).await,
        member_api.gateway(&[(STORE, store.address), (MEMBER, hanging)]).await,
    ];
    let session = gateways[0].clock.new_id();
    member_api.revoke(session);
    for gateway in &gateways {
        let token = gateway.token_of_session(session, Role::Seller);
        let refused = async { while call(gateway, OF_STORE, &token).await.status != 401 {} };
        tokio::time::timeout(Duration::from_secs(10), refused)
            .await
            .expect("the gateway did not ask another instance");
    }
}
