//! A real Consul, and processes that register in it.

use std::time::Duration;

use discovery::{Consul, Registration};
use testkit::FaultProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than a test takes.
const TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, work).await.expect("it does not end")
}

/// Consul behind a proxy.
pub(crate) fn behind_a_proxy() -> (Consul, FaultProxy) {
    let proxy = FaultProxy::to(consul_url().trim_start_matches("http://"));
    (Consul::new(&format!("http://{}", proxy.address())).unwrap(), proxy)
}

pub(crate) fn consul_url() -> String {
    std::env::var("CONSUL_URL").expect("CONSUL_URL names a throw-away Consul: run `cargo xtask test`")
}

pub(crate) fn consul() -> Consul {
    Consul::new(&consul_url()).unwrap()
}

/// A process whose checks pass.
pub(crate) struct ReadyProcess {
    pub(crate) registration: Registration,
    answering: JoinHandle<()>,
    pub(crate) leave: CancellationToken,
}

impl ReadyProcess {
    /// Begins to answer checks. It is not registered yet.
    pub(crate) async fn start() -> Self {
        // All tests share one Consul, so each process has its own name.
        Self::of(&format!("test-{:016x}", rand::random::<u64>())).await
    }

    /// Another instance of the service `name`.
    pub(crate) async fn of(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
            }
        });
        let registration = Registration {
            id: format!("{name}-{}", address.port()),
            name: name.to_owned(),
            address,
            check_url: format!("http://{address}/readyz"),
            check_interval: Duration::from_secs(1),
        };
        Self { registration, answering, leave: CancellationToken::new() }
    }

    /// Registers until `leave` is cancelled.
    pub(crate) fn register(&self) -> JoinHandle<()> {
        self.register_at(consul())
    }

    /// Registers through another client of Consul.
    pub(crate) fn register_at(&self, consul: Consul) -> JoinHandle<()> {
        let (registration, leave) = (self.registration.clone(), self.leave.clone());
        tokio::spawn(async move { consul.keep_registered(&registration, leave).await })
    }

    /// Stops without leaving Consul, as a killed process does.
    pub(crate) fn die(&self) {
        self.answering.abort();
    }

    /// Removes the record of this process from Consul, as if Consul's agent had lost it.
    pub(crate) async fn lose_record(&self) {
        let url = format!("{}/v1/agent/service/deregister/{}", consul_url(), self.registration.id);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.put(url).send().await.unwrap().error_for_status().unwrap();
    }
}

/// Waits until no check of a service passes.
pub(crate) async fn none_is_healthy(service: &str) {
    let url = format!("{}/v1/health/service/{service}?passing=true", consul_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    while client.get(&url).send().await.unwrap().text().await.unwrap().trim() != "[]" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
