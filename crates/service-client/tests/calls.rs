//! Calls over real sockets: what is sent, what is retried, and what each error means.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use discovery::Discovery;
use http::{HeaderMap, StatusCode};
use problem::{Code, Problem};
use serde_json::{Value, json};
use service_client::{CallError, ServiceClient, TokenSource};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

fn client(addresses: Vec<SocketAddr>) -> ServiceClient {
    let discovery = Discovery::fixed([("member-api", addresses)]);
    let tokens = TokenSource::new(|audience| Ok::<_, Infallible>(format!("token-for-{audience}")));
    ServiceClient::new("member-api", &discovery, tokens, service_client::http_client().unwrap())
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// An address on which nothing listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A server that reads a request and closes the connection. It counts the requests.
async fn reply_loser() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            if stream.read(&mut [0; 1024]).await.unwrap() > 0 {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (address, calls)
}

fn echo() -> Router {
    async fn answer(headers: HeaderMap, body: String) -> axum::Json<Value> {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        axum::Json(json!({
            "authorization": header("authorization"),
            "traceparent": header("traceparent"),
            "contentType": header("content-type"),
            "body": body,
        }))
    }
    Router::new().route("/internal/echo", post(answer).get(answer))
}

#[tokio::test]
async fn a_call_carries_a_token_for_its_callee_and_the_trace() {
    let client = client(vec![serve(echo()).await]);
    let answer: Value = client.post("/internal/echo", &json!({"id": 7})).await.unwrap();
    assert_eq!(answer["authorization"], "Bearer token-for-member-api");
    assert_eq!(answer["contentType"], "application/json");
    assert_eq!(answer["body"], r#"{"id":7}"#);
    assert!(answer["traceparent"].as_str().unwrap().starts_with("00-"));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let (callee, calls) = reply_loser().await;
    let discovery = Discovery::fixed([("member-api", vec![callee])]);
    let tokens = TokenSource::new(|_| Err(std::io::Error::other("the key is gone")));
    let client = ServiceClient::new("member-api", &discovery, tokens, service_client::http_client().unwrap());
    let error = client.get::<Value>("/internal/echo").await.unwrap_err();
    assert!(matches!(error, CallError::Unsent { .. }), "{error:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_skipped() {
    let client = client(vec![nobody().await, nobody().await, nobody().await, serve(echo()).await]);
    for _ in 0..8 {
        client.get::<Value>("/internal/echo").await.unwrap();
    }
}

#[tokio::test]
async fn a_call_whose_reply_is_lost_is_retried_at_another_instance() {
    let (loser, calls) = reply_loser().await;
    let client = client(vec![loser, serve(echo()).await]);
    // Each of the two instances is the first choice once.
    for _ in 0..2 {
        client.post::<_, Value>("/internal/echo", &json!({"id": 7})).await.unwrap();
    }
    assert!(calls.load(Ordering::SeqCst) >= 1);
}

#[tokio::test]
async fn a_call_whose_reply_is_lost_is_retried_once() {
    let (loser, calls) = reply_loser().await;
    let error = client(vec![loser]).post::<_, Value>("/internal/echo", &json!({"id": 7})).await.unwrap_err();
    assert!(matches!(error, CallError::Unavailable { source: Some(_), .. }), "{error:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_instance_that_is_unable_is_skipped() {
    let unable = serve(Router::new().fallback(|| async { StatusCode::SERVICE_UNAVAILABLE })).await;
    let client = client(vec![unable, serve(echo()).await]);
    for _ in 0..2 {
        client.get::<Value>("/internal/echo").await.unwrap();
    }
    let alone = self::client(vec![unable]).get::<Value>("/internal/echo").await.unwrap_err();
    assert!(matches!(alone, CallError::Unavailable { .. }), "{alone:?}");
}

#[tokio::test]
async fn a_refusal_is_the_callees_problem_and_is_not_repeated() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let refuse = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Problem::new(Code::InsufficientBalance).extra("wanted", &1_000) }
    };
    let client = client(vec![serve(Router::new().route("/internal/transfers", post(refuse))).await]);
    let error = client.post::<_, Value>("/internal/transfers", &json!({})).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InsufficientBalance));
    assert_eq!(error.refusal().unwrap().body().extra["wanted"], 1_000);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failure_of_the_callee_is_no_refusal() {
    let fail = || async { Problem::new(Code::Internal) };
    let client = client(vec![serve(Router::new().route("/internal/transfers", post(fail))).await]);
    let error = client.post::<_, Value>("/internal/transfers", &json!({})).await.unwrap_err();
    assert!(matches!(error, CallError::BadAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_of_another_shape_is_a_bad_answer() {
    let client = client(vec![serve(echo()).await]);
    let error = client.get::<Vec<u8>>("/internal/echo").await.unwrap_err();
    assert!(matches!(error, CallError::BadAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn no_content_is_an_answer() {
    let router = Router::new().route("/internal/release", post(|| async { StatusCode::NO_CONTENT }));
    client(vec![serve(router).await]).post::<_, ()>("/internal/release", &json!({})).await.unwrap();
}

#[tokio::test]
async fn the_deadline_ends_a_call() {
    let router = Router::new().route("/internal/slow", get(std::future::pending::<()>));
    let client = client(vec![serve(router).await]).with_deadline(Duration::from_millis(50));
    let error = client.get::<Value>("/internal/slow").await.unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_call_ends_with_the_work_that_makes_it_and_says_how_much_time_is_left() {
    let left = async |headers: HeaderMap| headers["x-deadline-left-ms"].to_str().unwrap().to_owned();
    let router = Router::new()
        .route(
            "/internal/left",
            get(async move |headers: HeaderMap| left(headers).await.parse::<u64>().unwrap().to_string()),
        )
        .route("/internal/slow", get(std::future::pending::<()>));
    let client = client(vec![serve(router).await]);
    let left: u64 = client.get("/internal/left").await.unwrap();
    assert!((2_000..=5_000).contains(&left), "{left}");
    let work = async {
        let left: u64 = client.get("/internal/left").await.unwrap();
        assert!(left <= 1_000, "{left}");
        client.get::<Value>("/internal/slow").await.unwrap_err()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
    let error = service_client::deadline::within(deadline, work).await;
    assert!(matches!(error, CallError::Timeout { .. }), "{error:?}");
    assert!(tokio::time::Instant::now() >= deadline);
}

#[tokio::test]
async fn without_instances_a_service_is_unavailable_at_once() {
    let error = client(vec![]).get::<Value>("/internal/echo").await.unwrap_err();
    assert!(matches!(error, CallError::Unavailable { source: None, .. }), "{error:?}");
}

#[tokio::test]
async fn failures_of_a_separate_client_do_not_eject_an_instance_for_others() {
    let losers = [reply_loser().await.0, reply_loser().await.0];
    let client = client(losers.to_vec());
    let apart = client.clone().separate();
    // Each call tries both.
    for _ in 0..3 {
        apart.get::<Value>("/internal/echo").await.unwrap_err();
    }
    // One of two is ejected, and not picked any more.
    let picked = |client: &ServiceClient| {
        let addresses = (0..8).map(|_| client.instances().pick().unwrap().address());
        addresses.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!((picked(&apart), picked(&client)), (1, 2));
}
