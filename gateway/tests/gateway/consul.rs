//! Instances come and go in Consul, and the gateway follows.

use std::net::SocketAddr;
use std::time::Duration;

use discovery::{Consul, Discovery, Instances, Registration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{Gateway, Service, settings};

fn consul() -> Consul {
    let url =
        std::env::var("CONSUL_URL").expect("CONSUL_URL is not set: run the tests with `cargo xtask test`");
    Consul::new(&url).unwrap()
}

/// A server in Consul's list.
struct Registered {
    until: CancellationToken,
    kept: tokio::task::JoinHandle<()>,
}

impl Registered {
    fn new(service: &str, address: SocketAddr) -> Self {
        let registration = Registration {
            name: service.to_owned(),
            id: format!("{service}-{address}"),
            address,
            check_url: format!("http://{address}/healthz"),
            check_interval: Duration::from_secs(1),
        };
        let until = CancellationToken::new();
        let stop = until.clone();
        let kept = tokio::spawn(async move { consul().keep_registered(&registration, stop).await });
        Self { until, kept }
    }

    async fn end(self) {
        self.until.cancel();
        self.kept.await.unwrap();
    }
}

/// Waits until the gateway knows of so many instances.
async fn known(instances: &Instances, count: usize) {
    let known = async {
        while instances.count() != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), known)
        .await
        .expect("Consul tells of changes within milliseconds");
}

#[tokio::test]
async fn requests_follow_the_instances() {
    // A name of its own, so that tests that run at the same time do not meet.
    let name = format!("store-api-{}", Uuid::new_v4());
    let mut settings = settings();
    settings.services = vec![name.clone()];
    settings.routes.retain(|route| route.path == "/api/store/items");
    settings.routes.iter_mut().for_each(|route| route.service.clone_from(&name));
    let discovery = Discovery::new(consul());
    let gateway = Gateway::start(&settings, &discovery).await;
    let instances = discovery.instances(&name);
    assert_eq!(gateway.get("/api/store/items").await.status, 503);

    let (first, second) = (Service::start().await, Service::start().await);
    let first_registered = Registered::new(&name, first.address);
    assert!(instances.wait_ready(Duration::from_secs(10)).await);
    assert_eq!(gateway.get("/api/store/items").await.status, 200);
    assert_eq!(first.received().len(), 1);

    let second_registered = Registered::new(&name, second.address);
    known(&instances, 2).await;
    for _ in 0..4 {
        assert_eq!(gateway.get("/api/store/items").await.status, 200);
    }
    assert!(first.received().len() > 1 && !second.received().is_empty(), "both take their turn");

    first_registered.end().await;
    known(&instances, 1).await;
    let before = first.received().len();
    for _ in 0..4 {
        assert_eq!(gateway.get("/api/store/items").await.status, 200);
    }
    assert_eq!(first.received().len(), before, "a deregistered instance is asked nothing");
    second_registered.end().await;
}
