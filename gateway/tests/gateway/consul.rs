//! The gateway follows the instances that Consul lists.

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

/// A server that is registered with Consul.
struct Registered {
    stop: CancellationToken,
    registration: tokio::task::JoinHandle<()>,
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
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { consul().keep_registered(&registration, stopped).await });
        Self { stop, registration: task }
    }

    async fn deregister(self) {
        self.stop.cancel();
        self.registration.await.unwrap();
    }
}

/// Waits until the gateway knows this number of instances.
async fn wait_for_instances(instances: &Instances, count: usize) {
    let changed = async {
        while instances.count() != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), changed)
        .await
        .expect("the gateway did not learn of the change");
}

#[tokio::test]
async fn requests_follow_the_instances() {
    // A unique name, so that concurrent tests do not see each other's instances.
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
    wait_for_instances(&instances, 2).await;
    for _ in 0..4 {
        assert_eq!(gateway.get("/api/store/items").await.status, 200);
    }
    assert!(first.received().len() > 1 && !second.received().is_empty(), "both instances get requests");

    first_registered.deregister().await;
    wait_for_instances(&instances, 1).await;
    let before = first.received().len();
    for _ in 0..4 {
        assert_eq!(gateway.get("/api/store/items").await.status, 200);
    }
    assert_eq!(first.received().len(), before, "a deregistered instance gets no request");
    second_registered.deregister().await;
}
