//! Sessions that have ended before their time: how the gateway learns of them, and what it does then.

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
use member_client::{REVOCATIONS_PATH, Revocations, RevocationsQuery};
use metrics_exporter_prometheus::PrometheusBuilder;
use peer::{Peer, TokenSource};
use problem::{Problem, Query};
use testkit::People;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::harness::{Answer, Gateway, MEMBER, STORE, Service, fixed, nobody, serve, settings};

const FOR_ANY: &str = "/api/member/me";
const OF_STORE: &str = "/api/store/me/stores";
const PUBLIC: &str = "/api/store/items";
const INTERVAL: Duration = Duration::from_millis(5);
const AS_OF: OffsetDateTime = datetime!(2026-11-22 02:59 UTC);

/// What there is of member-api for the gateway: revocations for the gateway alone, and an answer to everything else.
#[derive(Clone)]
struct MemberApi {
    address: SocketAddr,
    people: Arc<People>,
    said: Said,
}

/// What it says, and what it was asked.
#[derive(Clone)]
struct Said {
    ended: Arc<Mutex<Vec<Uuid>>>,
    is_up: watch::Sender<bool>,
    questions: watch::Sender<Vec<RevocationsQuery>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the database is down")]
struct Down;

impl MemberApi {
    async fn start() -> Self {
        // Service tokens live by a clock of their own: the gateway's is moved about by the tests.
        let people = People::of(MEMBER, &Clock::system());
        let said = Said {
            ended: Arc::default(),
            is_up: watch::Sender::new(true),
            questions: watch::Sender::default(),
        };
        let internal = Router::new().route(REVOCATIONS_PATH, get(revocation_list)).with_state(said.clone());
        let router = access::only_services(internal, &["gateway"]).fallback(async || "ok");
        let address = serve(people.verifier().wrap(router)).await;
        Self { address, people: Arc::new(people), said }
    }

    /// A gateway before it, and before other instances and services.
    async fn gateway(&self, others: &[(&str, SocketAddr)]) -> Gateway {
        let discovery = fixed(&[&[(MEMBER, self.address)], others].concat());
        let gateway = Gateway::ignorant(&settings(), &discovery).await;
        let people = Arc::clone(&self.people);
        let tokens =
            TokenSource::new(move |called| Ok::<_, Infallible>(people.service_token("gateway", called)));
        let peer = Peer::new(MEMBER, &discovery, tokens, peer::http_client().unwrap());
        tokio::spawn(gateway.revocations.clone().keep_informed(peer, INTERVAL));
        gateway
    }

    fn end(&self, session: Uuid) {
        self.said.ended.lock().unwrap().push(session);
    }

    fn set_up(&self, is_up: bool) {
        self.said.is_up.send_replace(is_up);
    }

    /// Waits until it was asked so many more times. Who asks again has taken in the answer before.
    async fn asked(&self, times: usize) {
        let mut questions = self.said.questions.subscribe();
        let before = questions.borrow().len();
        questions.wait_for(|questions| questions.len() >= before + times).await.unwrap();
    }
}

async fn revocation_list(
    State(said): State<Said>,
    Query(query): Query<RevocationsQuery>,
) -> Result<Json<Revocations>, Problem> {
    let sessions = said.ended.lock().unwrap().clone();
    let is_up = *said.is_up.borrow();
    said.questions.send_modify(|questions| questions.push(query));
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
async fn every_token_of_a_session_that_has_ended_is_refused_and_no_other() {
    let (member_api, store) = (MemberApi::start().await, Service::start().await);
    let gateway = member_api.gateway(&[(STORE, store.address)]).await;
    let session = gateway.clock.new_id();
    let token = gateway.token_of_session(session, Role::Seller);
    assert_eq!(call(&gateway, FOR_ANY, &token).await.status, 200);

    member_api.end(session);
    member_api.asked(2).await;

    is_refused(&gateway, &token).await;
    is_refused(&gateway, &gateway.token_of_session(session, Role::Seller)).await;
    assert_eq!(call(&gateway, OF_STORE, &token).await.code(), "UNAUTHENTICATED");
    let wrong_role = call(&gateway, "/api/member/audit", &token).await;
    assert_eq!(wrong_role.code(), "UNAUTHENTICATED", "who is nobody has no role to be wrong");
    assert_eq!(store.received().len(), 0);
    assert_eq!(call(&gateway, FOR_ANY, &gateway.token(Role::Seller)).await.status, 200);
    assert_eq!(call(&gateway, PUBLIC, &token).await.status, 200, "a public route asks nobody");
}

#[tokio::test]
async fn a_gateway_that_has_heard_nothing_believes_nobody_and_serves_what_is_public() {
    let (member_api, store) = (MemberApi::start().await, Service::start().await);
    member_api.set_up(false);
    let gateway = member_api.gateway(&[(STORE, store.address)]).await;
    let ended = gateway.clock.new_id();
    member_api.end(ended);

    let answer = call(&gateway, FOR_ANY, &gateway.token(Role::Customer)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(gateway.get(FOR_ANY).await.code(), "UNAUTHENTICATED");
    assert_eq!(gateway.get(PUBLIC).await.status, 200);

    member_api.set_up(true);
    member_api.asked(2).await;
    assert_eq!(call(&gateway, FOR_ANY, &gateway.token(Role::Customer)).await.status, 200);
    is_refused(&gateway, &gateway.token_of_session(ended, Role::Customer)).await;
}

#[tokio::test]
async fn a_gateway_keeps_what_it_knows_while_nobody_answers_and_says_how_old_it_is() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    // All tasks of the test run on its one thread.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let member_api = MemberApi::start().await;
    let gateway = member_api.gateway(&[]).await;
    let [before, meanwhile] = [gateway.clock.new_id(), gateway.clock.new_id()];
    member_api.end(before);
    member_api.asked(2).await;

    member_api.set_up(false);
    member_api.asked(2).await;
    member_api.end(meanwhile);
    gateway.hand.advance(Duration::from_secs(90));
    // A question that is not answered may be put twice before it is given up.
    member_api.asked(4).await;

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
    member_api.asked(2).await;
    is_refused(&gateway, &other).await;
    assert!(metrics.render().contains("gateway_revocations_age_seconds 0\n"), "{}", metrics.render());
}

#[tokio::test]
async fn the_first_question_is_for_all_and_each_next_one_for_what_is_new() {
    let member_api = MemberApi::start().await;
    let _gateway = member_api.gateway(&[]).await;
    member_api.asked(3).await;
    let questions = member_api.said.questions.borrow();
    assert_eq!(questions[0], RevocationsQuery { since: None });
    assert_eq!(questions[1..3], [RevocationsQuery { since: Some(AS_OF) }; 2]);
}

#[tokio::test]
async fn every_gateway_hears_of_it_though_some_instances_do_not_answer() {
    let (member_api, store) = (MemberApi::start().await, Service::start().await);
    let standing_still = serve(Router::new().fallback(std::future::pending::<()>)).await;
    let gateways = [
        member_api.gateway(&[(STORE, store.address), (MEMBER, nobody().await)]).await,
        member_api.gateway(&[(STORE, store.address), (MEMBER, standing_still)]).await,
    ];
    let session = gateways[0].clock.new_id();
    member_api.end(session);
    for gateway in &gateways {
        let token = gateway.token_of_session(session, Role::Seller);
        let refused = async { while call(gateway, OF_STORE, &token).await.status != 401 {} };
        tokio::time::timeout(Duration::from_secs(10), refused).await.expect("another instance is asked next");
    }
}
