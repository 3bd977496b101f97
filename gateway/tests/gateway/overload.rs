//! The breaker, the retry budget, and the limit on requests at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use gateway::settings::TableSettings;
use testkit::FaultProxy;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::harness::{
    Answer, Gateway, MEMBER, STORE, Service, closed_address, fixed, serve, settings, with_timeout,
};

const SEARCH: &str = "/api/store/items";
const KEYS: &str = "/.well-known/jwks.json";
const SIGN_UP: &str = "/api/member/customers";
const CALLS: u32 = 5;

/// Settings with a breaker that looks at a few calls.
fn with_breaker() -> TableSettings {
    let mut settings = settings();
    settings.upstream.breaker.minimum_number_of_calls = CALLS;
    settings.upstream.breaker.permitted_number_of_calls_in_half_open_state = 1;
    settings
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// Sends requests until one is refused without having been sent, and returns how many were sent.
async fn sent_until_refused(gateway: &Gateway) -> u32 {
    for sent in 0..100 {
        let answer = gateway.get(SEARCH).await;
        if answer.text().contains("does not answer") {
            assert_unavailable(&answer);
            return sent;
        }
    }
    panic!("the breaker has not opened");
}

#[tokio::test]
async fn a_service_that_can_not_be_reached_is_not_asked_until_it_is_back() {
    let (store, member) = (Service::start().await, Service::start().await);
    let proxy = FaultProxy::to(&store.address.to_string());
    let services = fixed(&[(STORE, proxy.address()), (MEMBER, member.address)]);
    let gateway = Gateway::start(&with_breaker(), &services).await;
    proxy.end_all();
    assert_eq!(sent_until_refused(&gateway).await, CALLS);
    let tried = proxy.connections();
    assert_unavailable(&gateway.get(SEARCH).await);
    assert_eq!(proxy.connections(), tried, "nothing is sent while the breaker is open");
    assert_eq!(gateway.get(KEYS).await.status, 200, "the other service is not affected");
    proxy.restore();
    with_timeout(async { while gateway.get(SEARCH).await.status != 200 {} }).await;
    for _ in 0..2 * CALLS {
        assert_eq!(gateway.get(SEARCH).await.status, 200, "it is closed");
    }
}

#[tokio::test]
async fn a_service_that_answers_slowly_is_not_asked_for_a_while() {
    let slow = Router::new().fallback(async || tokio::time::sleep(Duration::from_millis(20)).await);
    let mut settings = with_breaker();
    settings.upstream.breaker.slow_call_duration_threshold_ms = 10;
    let gateway = Gateway::start(&settings, &fixed(&[(STORE, serve(slow).await)])).await;
    assert_eq!(sent_until_refused(&gateway).await, CALLS);
}

#[tokio::test]
async fn no_status_and_no_client_that_goes_away_opens_the_breaker() {
    for status in [StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE]
    {
        let answering = serve(Router::new().fallback(async move || status)).await;
        let gateway = Gateway::start(&with_breaker(), &fixed(&[(STORE, answering)])).await;
        for _ in 0..3 * CALLS {
            let answer = gateway.get(SEARCH).await;
            assert_eq!(answer.status, status);
            assert!(!answer.text().contains("does not answer"));
        }
    }
    let waits = Arc::new(AtomicUsize::new(0));
    let waiting = Arc::clone(&waits);
    let hanging = Router::new().fallback(async move |uri: axum::http::Uri| {
        if uri.query() == Some("hang") {
            waiting.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    });
    let gateway = Gateway::start(&with_breaker(), &fixed(&[(STORE, serve(hanging).await)])).await;
    for n in 1..=3 * CALLS as usize {
        let path = format!("{SEARCH}?hang");
        let arrived = async {
            while waits.load(Ordering::SeqCst) < n {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = gateway.get(&path) => panic!("{answer:?}"),
            () = with_timeout(arrived) => {}
        }
    }
    assert_eq!(gateway.get(SEARCH).await.status, 200);
}

#[tokio::test]
async fn a_timeout_opens_the_breaker_unless_the_route_leaves_less_time_than_a_service_may_take() {
    let hanging = Router::new().fallback(std::future::pending::<()>);
    let service = serve(hanging).await;
    for (timeout, opens) in [(50, false), (150, true)] {
        let mut settings = with_breaker();
        settings.upstream.try_timeout_ms = 100;
        for route in settings.routes.iter_mut().filter(|route| route.path == SEARCH) {
            route.timeout_ms = Some(timeout);
        }
        let gateway = Gateway::start(&settings, &fixed(&[(STORE, service)])).await;
        for _ in 0..CALLS {
            assert_eq!(gateway.get(SEARCH).await.status, 504);
        }
        assert_eq!(gateway.get(SEARCH).await.status, if opens { 503 } else { 504 }, "{timeout}");
    }
}

#[tokio::test]
async fn a_service_without_instances_opens_no_breaker() {
    let gateway = Gateway::start(&with_breaker(), &fixed(&[])).await;
    for _ in 0..3 * CALLS {
        assert!(gateway.get(SEARCH).await.text().contains("is down"));
    }
}

#[tokio::test]
async fn retries_come_from_a_budget() {
    let mut settings = settings();
    settings.upstream.retry_budget.percent = 0;
    settings.upstream.retry_budget.reserve = 4;
    let service = Service::start().await;
    let services = fixed(&[(STORE, closed_address()), (STORE, service.address), (STORE, closed_address())]);
    let gateway = Gateway::start(&settings, &services).await;
    let mut answered = 0;
    for _ in 0..30 {
        answered += u32::from(gateway.get(SEARCH).await.status == 200);
    }
    assert_eq!(service.received().len(), answered as usize);
    assert!(answered < 30, "a request that may not be repeated fails");
}

/// A service whose answers wait until the test lets them go.
struct Held {
    service: Service,
    release: Arc<Semaphore>,
}

impl Held {
    async fn start() -> Self {
        let release = Arc::new(Semaphore::new(0));
        let released = Arc::clone(&release);
        let held = Router::new().fallback(async move || {
            let _permit = released.acquire().await.unwrap();
        });
        Self { service: Service::answering(held).await, release }
    }

    async fn wait_for(&self, requests: usize) {
        let arrived = async {
            while self.service.received().len() < requests {
                tokio::task::yield_now().await;
            }
        };
        with_timeout(arrived).await;
    }
}

#[tokio::test]
async fn a_request_beyond_what_a_service_can_answer_in_time_is_refused_at_once() {
    let mut settings = settings();
    (settings.upstream.concurrency.min_limit, settings.upstream.concurrency.max_limit) = (2, 2);
    let (held, member) = (Held::start().await, Service::start().await);
    let services = fixed(&[(STORE, held.service.address), (MEMBER, member.address)]);
    let gateway = Gateway::start(&settings, &services).await;
    let waiting = async { tokio::join!(gateway.get(SEARCH), gateway.get(SEARCH)) };
    let meanwhile = async {
        held.wait_for(2).await;
        let answer = gateway.get(SEARCH).await;
        assert_unavailable(&answer);
        assert!(answer.text().contains("too many requests"), "{}", answer.text());
        assert_eq!(gateway.get(KEYS).await.status, 200, "the other service is not affected");
        held.release.add_permits(2);
    };
    let ((first, second), ()) = tokio::join!(waiting, meanwhile);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    assert_eq!(held.service.received().len(), 2);
    assert_eq!(gateway.get(SEARCH).await.status, 200, "there is room again");
}

#[tokio::test]
async fn requests_that_are_given_up_leave_room() {
    let mut settings = settings();
    (settings.upstream.concurrency.min_limit, settings.upstream.concurrency.max_limit) = (2, 2);
    let held = Held::start().await;
    let gateway = Gateway::hosted(
        &settings,
        &fixed(&[(STORE, held.service.address)]),
        serde_json::json!({"half-close-timeout-ms": 10}),
    )
    .await;
    for n in 1..=10 {
        tokio::select! {
            answer = async {
                // The gateway may not have noticed yet that the client before has gone.
                loop {
                    let answer = gateway.get(SEARCH).await;
                    if answer.status != 503 {
                        break answer;
                    }
                }
            } => panic!("{answer:?}"),
            () = held.wait_for(n) => {}
        }
    }
}

#[tokio::test]
async fn a_client_that_sends_its_body_slowly_uses_up_no_room() {
    let mut settings = settings();
    (settings.upstream.concurrency.min_limit, settings.upstream.concurrency.max_limit) = (1, 1);
    let service = Service::start().await;
    let gateway = Gateway::start(&settings, &fixed(&[(MEMBER, service.address)])).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut connection = TcpStream::connect(gateway.address).await.unwrap();
        let head = format!("POST {SIGN_UP} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{");
        connection.write_all(head.as_bytes()).await.unwrap();
        slow.push(connection);
    }
    for _ in 0..20 {
        assert_eq!(gateway.get(KEYS).await.status, 200);
    }
}
