//! Calls that are cancelled at any moment: every answer reaches its own call.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use discovery::Discovery;
use serde_json::{Value, json};
use service_client::{CallError, ServiceClient, TokenSource};
use testkit::{Cancel, FaultProxy};
use tokio::net::TcpListener;

const CALLERS: usize = 24;
const ROUNDS: usize = 60;
/// Mostly longer than an answer takes behind the proxy.
const LONGEST: Duration = Duration::from_millis(12);
/// Longer than a test takes.
const TIMEOUT: Duration = Duration::from_secs(120);

#[derive(Debug, Default)]
struct Outcomes {
    answered: AtomicUsize,
    failed: AtomicUsize,
    cancelled: AtomicUsize,
}

impl Outcomes {
    fn counts(&self) -> [usize; 3] {
        [&self.answered, &self.failed, &self.cancelled].map(|count| count.load(Ordering::Relaxed))
    }
}

fn client(address: SocketAddr) -> ServiceClient {
    let discovery = Discovery::fixed([("member-api", vec![address])]);
    let tokens = TokenSource::new(|_| Ok::<_, Infallible>("token".to_owned()));
    ServiceClient::new("member-api", &discovery, tokens, service_client::http_client().unwrap())
}

/// A server that answers each body with itself.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = Router::new().route("/internal/echo", post(async |body: String| body));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn call_often(client: ServiceClient, outcomes: Arc<Outcomes>) {
    for round in 0..ROUNDS {
        let id = format!("{:032x}", rand::random::<u128>());
        // Every third is long enough to be sent in several pieces.
        let body = json!({ "id": if round % 3 == 0 { id.repeat(300) } else { id } });
        let outcome =
            match Cancel::by_chance(LONGEST).run(client.post::<_, Value>("/internal/echo", &body)).await {
                Some(Ok(answer)) => {
                    assert_eq!(answer, body, "the answer to another call");
                    &outcomes.answered
                }
                Some(Err(CallError::Unavailable { .. } | CallError::Timeout { .. })) => &outcomes.failed,
                // An answer that broke off in its body.
                Some(Err(CallError::BadAnswer { source, .. })) if source.is::<reqwest::Error>() => {
                    &outcomes.failed
                }
                Some(Err(error)) => panic!("{error:?}"),
                None => &outcomes.cancelled,
            };
        outcome.fetch_add(1, Ordering::Relaxed);
    }
}

async fn run(client: &ServiceClient) -> [usize; 3] {
    let outcomes = Arc::new(Outcomes::default());
    let callers = (0..CALLERS).map(|_| tokio::spawn(call_often(client.clone(), outcomes.clone())));
    let callers: Vec<_> = callers.collect();
    for caller in callers {
        tokio::time::timeout(TIMEOUT, caller).await.expect("every call ends").unwrap();
    }
    outcomes.counts()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_call_leaves_no_answer_to_the_next() {
    let proxy = FaultProxy::to(&echo().await);
    proxy.delay(Duration::ZERO..=Duration::from_millis(1));
    proxy.split(3_000);
    let [answered, failed, cancelled] = run(&client(proxy.address())).await;
    assert_eq!(failed, 0, "no connection was lost");
    assert!(answered > CALLERS * ROUNDS / 8 && cancelled > CALLERS * ROUNDS / 8, "{answered} answered");
    assert!(proxy.connections() <= cancelled + CALLERS, "connections that are in sync are kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_call_leaves_no_answer_to_the_next_on_a_faulty_network() {
    let proxy = Arc::new(FaultProxy::to(&echo().await));
    let client = client(proxy.address()).with_deadline(Duration::from_millis(60));
    let is_over = Arc::new(AtomicBool::new(false));
    let making_faults = tokio::spawn(make_faults(proxy.clone(), is_over.clone()));
    let [answered, failed, cancelled] = run(&client).await;
    is_over.store(true, Ordering::Relaxed);
    making_faults.await.unwrap();
    assert!(answered > 0 && failed > 0 && cancelled > 0, "{answered} {failed} {cancelled}");
    let works =
        async { while client.post::<_, Value>("/internal/echo", &json!({"id": 1})).await.is_err() {} };
    tokio::time::timeout(TIMEOUT, works).await.expect("at the end it works again");
}

async fn make_faults(proxy: Arc<FaultProxy>, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::Relaxed) {
        proxy.delay(Duration::ZERO..=Duration::from_millis(3));
        proxy.split(1_000);
        pause(5..40).await;
        match rand::random_range(0..4) {
            0 => proxy.stall(),
            1 => proxy.stall_answers(),
            2 => proxy.cut(),
            _ => proxy.lose_existing(),
        }
        pause(1..60).await;
        proxy.restore();
    }
}

/// Gives calls time to meet the fault.
async fn pause(ms: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(ms))).await;
}
