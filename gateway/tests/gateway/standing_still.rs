//! Instances that stand still, as after SIGSTOP: they accept connections and requests, and answer nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use access::Role;
use axum::Router;
use axum::body::Body;
use axum::http::Method;
use gateway::settings::TableSettings;
use testkit::FaultProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::harness::{Answer, Gateway, MEMBER, STORE, Service, fixed, settings, with_timeout};

const SEARCH: &str = "/api/store/items";
/// A route whose service honours keys.
const CHARGES: &str = "/api/member/me/wallet/charges";

/// Settings with which another instance is tried soon.
fn impatient() -> TableSettings {
    let mut settings = settings();
    settings.upstream.try_timeout_ms = 200;
    settings
}

/// Two instances of a service. One is behind a proxy that can stand still.
struct Pair {
    stopped: Service,
    other: Service,
    proxy: FaultProxy,
    gateway: Gateway,
}

impl Pair {
    async fn new(service: &str, settings: &TableSettings) -> Self {
        let (stopped, other) = (Service::start().await, Service::start().await);
        let proxy = FaultProxy::to(&stopped.address.to_string());
        let instances = fixed(&[(service, proxy.address()), (service, other.address)]);
        let gateway = Gateway::start(settings, &instances).await;
        Self { stopped, other, proxy, gateway }
    }
}

/// A server that counts the reads that come while it stands still.
#[derive(Clone, Default)]
struct Stoppable {
    stands_still: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
}

impl Stoppable {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, server) = (listener.local_addr().unwrap(), self.clone());
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.serve(connection).await });
            }
        });
        address
    }

    async fn serve(self, mut connection: TcpStream) {
        let mut request = [0; 4096];
        while connection.read(&mut request).await.is_ok_and(|read| read > 0) {
            if self.stands_still.load(Ordering::SeqCst) {
                // Others only ask whether it answers again.
                self.held.fetch_add(usize::from(request.starts_with(b"GET ")), Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
            self.answered.fetch_add(1, Ordering::SeqCst);
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        }
    }
}

async fn charge(gateway: &Gateway, key: Option<&str>) -> Answer {
    let token = gateway.token(Role::Customer);
    let mut request = gateway.request("POST", CHARGES).header("authorization", format!("Bearer {token}"));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    gateway.send(request.body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn reads_are_answered_by_another_instance_and_each_client_waits_once_at_most() {
    const CLIENTS: usize = 8;
    let (stopped, other) = (Stoppable::default(), Service::start().await);
    let instances = fixed(&[(STORE, stopped.start().await), (STORE, other.address)]);
    let gateway = Gateway::start(&impatient(), &instances).await;
    while stopped.answered.load(Ordering::SeqCst) == 0 {
        assert_eq!(gateway.get(SEARCH).await.status, 200);
    }
    stopped.stands_still.store(true, Ordering::SeqCst);
    let clients = (0..CLIENTS).map(|_| async {
        for _ in 0..20 {
            assert_eq!(gateway.get(SEARCH).await.status, 200);
        }
    });
    with_timeout(futures::future::join_all(clients)).await;
    let waited = stopped.held.load(Ordering::SeqCst);
    assert!((1..=CLIENTS).contains(&waited), "{waited} requests of {CLIENTS} clients were sent to it");
    assert!(other.received().len() >= CLIENTS * 20);
}

#[tokio::test]
async fn it_is_used_again_when_it_goes_on() {
    let pair = Pair::new(STORE, &impatient()).await;
    pair.proxy.stall();
    for _ in 0..6 {
        assert_eq!(pair.gateway.get(SEARCH).await.status, 200);
    }
    pair.proxy.restore();
    let used = pair.stopped.received().len();
    let again = async {
        // The requests that were held back may arrive; one more than these shows that it is used.
        while pair.stopped.received().len() <= used + 6 {
            assert_eq!(pair.gateway.get(SEARCH).await.status, 200);
        }
    };
    with_timeout(again).await;
}

#[tokio::test]
async fn the_only_instance_is_waited_for() {
    let service = Service::start().await;
    let proxy = FaultProxy::to(&service.address.to_string());
    let gateway = Gateway::start(&impatient(), &fixed(&[(STORE, proxy.address())])).await;
    for _ in 0..3 {
        proxy.stall();
        let (answer, ()) = tokio::join!(gateway.get(SEARCH), async {
            // Longer than the time for a try, so the test has to wait.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            proxy.restore();
        });
        assert_eq!(answer.status, 200);
    }
    assert_eq!(service.received().len(), 3);
}

#[tokio::test]
async fn a_request_with_a_key_goes_to_another_instance_and_one_without_does_not() {
    let mut settings = impatient();
    let pair = Pair::new(MEMBER, &settings).await;
    pair.proxy.stall();
    // The first two of them are sent to different instances.
    for _ in 0..2 {
        assert_eq!(charge(&pair.gateway, Some("k")).await.status, 200);
    }
    assert_eq!(pair.other.received().len(), 2);

    settings.upstream.first_byte_timeout_ms = 1_000;
    let pair = Pair::new(MEMBER, &settings).await;
    pair.proxy.stall();
    let answers = [charge(&pair.gateway, None).await, charge(&pair.gateway, None).await];
    let statuses = answers.map(|answer| answer.status.as_u16());
    assert!(statuses.contains(&504) && statuses.contains(&200), "{statuses:?}");
    assert_eq!(pair.other.received().len(), 1);
}

#[tokio::test]
async fn a_request_with_a_key_on_an_instance_that_is_only_slow_is_not_sent_twice() {
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let slow_writes = Router::new().fallback(async move |method: Method| {
        if method == Method::POST {
            released.notified().await;
        }
    });
    let services = [Service::answering(slow_writes.clone()).await, Service::answering(slow_writes).await];
    let received = || services.iter().flat_map(Service::received).collect::<Vec<_>>();
    let instances = fixed(&services.each_ref().map(|service| (MEMBER, service.address)));
    let gateway = Gateway::start(&impatient(), &instances).await;
    let reads = async {
        let began = tokio::time::Instant::now();
        // Longer than the time for a try and for the question, so the test has to wait.
        while began.elapsed() < std::time::Duration::from_millis(1_500) {
            assert_eq!(gateway.get("/.well-known/jwks.json").await.status, 200);
        }
        release.notify_one();
    };
    let (answer, ()) = tokio::join!(charge(&gateway, Some("k")), reads);
    assert_eq!(answer.status, 200);
    assert_eq!(received().iter().filter(|request| request.method == Method::POST).count(), 1);
}

#[tokio::test]
async fn when_all_instances_stand_still_the_answer_comes_at_the_deadline() {
    let mut settings = impatient();
    settings.upstream.first_byte_timeout_ms = 500;
    let pair = Pair::new(STORE, &settings).await;
    let all = FaultProxy::to(&pair.other.address.to_string());
    let instances = fixed(&[(STORE, pair.proxy.address()), (STORE, all.address())]);
    let gateway = Gateway::start(&settings, &instances).await;
    pair.proxy.stall();
    all.stall();
    for _ in 0..3 {
        assert_eq!(gateway.get(SEARCH).await.code(), "GATEWAY_TIMEOUT");
    }
}

#[tokio::test]
async fn a_service_is_told_how_much_time_is_left_and_the_next_one_that_there_is_less() {
    let mut settings = impatient();
    settings.upstream.first_byte_timeout_ms = 10_000;
    let left = |service: &Service| {
        let left = |request: &crate::harness::Received| {
            let all: Vec<_> = request.headers.get_all("x-deadline-left-ms").iter().collect();
            assert_eq!(all.len(), 1);
            all[0].to_str().unwrap().parse::<u64>().unwrap()
        };
        service.received().iter().map(left).collect::<Vec<_>>()
    };
    let pair = Pair::new(STORE, &settings).await;
    pair.proxy.stall();
    for _ in 0..2 {
        // What a client says about it does not count.
        let request = pair.gateway.request("GET", SEARCH).header("x-deadline-left-ms", "3600000");
        assert_eq!(pair.gateway.send(request.body(Body::empty()).unwrap()).await.status, 200);
    }
    let left = left(&pair.other);
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|left| *left <= 10_000), "{left:?}");
    assert!(left.iter().any(|left| *left <= 9_800), "one was tried elsewhere for 200 ms: {left:?}");
}
