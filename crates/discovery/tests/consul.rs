//! Against a real Consul: who registers is found, who leaves or dies is forgotten, and who is lost comes back.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use discovery::{Consul, Discovery, Instance, Registration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

fn consul_url() -> String {
    std::env::var("CONSUL_URL").expect("CONSUL_URL names a throw-away Consul: run `cargo xtask test`")
}

fn consul() -> Consul {
    Consul::new(&consul_url()).unwrap()
}

/// A process that is ready, as Consul's check sees one.
struct ReadyProcess {
    registration: Registration,
    answering: JoinHandle<()>,
    leave: CancellationToken,
}

impl ReadyProcess {
    /// Starts to answer checks; is not registered yet.
    async fn start() -> Self {
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
        // A name of its own, for Consul is shared by all tests.
        let name = format!("test-{:016x}", rand::random::<u64>());
        let registration = Registration {
            id: format!("{name}-{}", address.port()),
            name,
            address,
            check_url: format!("http://{address}/readyz"),
            check_interval: Duration::from_secs(1),
        };
        Self { registration, answering, leave: CancellationToken::new() }
    }

    /// Registers, until `leave` is cancelled.
    fn register(&self) -> JoinHandle<()> {
        let (registration, leave) = (self.registration.clone(), self.leave.clone());
        tokio::spawn(async move { consul().keep_registered(&registration, leave).await })
    }

    /// Stops without a word, as a killed process does.
    fn die(&self) {
        self.answering.abort();
    }

    /// What Consul's agent does when it loses its memory, for this process alone.
    async fn be_forgotten(&self) {
        let url = format!("{}/v1/agent/service/deregister/{}", consul_url(), self.registration.id);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.put(url).send().await.unwrap().error_for_status().unwrap();
    }
}

#[tokio::test]
async fn who_registers_is_found_and_who_leaves_is_not() {
    let process = ReadyProcess::start().await;
    let instances = Discovery::new(consul()).instances(&process.registration.name);
    let registered = process.register();
    instances.wait_for_count(|count| count == 1).await;
    let found = instances.pick().unwrap();
    assert_eq!(found.address(), process.registration.address);
    assert_eq!(found.id(), process.registration.id);

    process.leave.cancel();
    registered.await.unwrap();
    instances.wait_for_count(|count| count == 0).await;
    assert!(instances.pick().is_none());
}

#[tokio::test]
async fn who_dies_is_forgotten() {
    let process = ReadyProcess::start().await;
    let instances = Discovery::new(consul()).instances(&process.registration.name);
    let registered = process.register();
    instances.wait_for_count(|count| count == 1).await;

    process.die();
    instances.wait_for_count(|count| count == 0).await;

    process.leave.cancel();
    registered.await.unwrap();
}

#[tokio::test]
async fn who_is_lost_by_consul_registers_again() {
    let process = ReadyProcess::start().await;
    let instances = Discovery::new(consul()).instances(&process.registration.name);
    let registered = process.register();
    instances.wait_for_count(|count| count == 1).await;

    let before = instances.pick().unwrap();
    process.be_forgotten().await;
    // An instance that was away in between is a new one to its watchers.
    let is_another = |now: &Arc<Instance>| !Arc::ptr_eq(now, &before);
    instances.wait_for_count(|_| instances.pick().as_ref().is_some_and(is_another)).await;
    assert_eq!(instances.pick().unwrap().address(), process.registration.address);

    process.leave.cancel();
    registered.await.unwrap();
}

#[tokio::test]
async fn the_last_good_snapshot_outlives_consul() {
    let process = ReadyProcess::start().await;
    let line = Line::to_consul().await;
    let consul = Consul::new(&format!("http://{}", line.address)).unwrap();
    let instances = Discovery::new(consul).instances(&process.registration.name);
    let registered = process.register();
    instances.wait_for_count(|count| count == 1).await;

    line.cut();
    line.tried_in_vain(3).await;
    assert_eq!(instances.pick().unwrap().address(), process.registration.address);

    line.mend();
    process.leave.cancel();
    registered.await.unwrap();
}

/// A line to Consul that can be cut.
struct Line {
    address: SocketAddr,
    state: Arc<LineState>,
}

#[derive(Default)]
struct LineState {
    is_cut: AtomicBool,
    cut: Notify,
    refused: AtomicUsize,
    was_refused: Notify,
}

impl Line {
    async fn to_consul() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(LineState::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (caller, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(caller, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    fn cut(&self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
        self.state.cut.notify_waiters();
    }

    fn mend(&self) {
        self.state.is_cut.store(false, Ordering::SeqCst);
    }

    /// Waits until so many connections have been refused.
    async fn tried_in_vain(&self, times: usize) {
        while self.state.refused.load(Ordering::SeqCst) < times {
            self.state.was_refused.notified().await;
        }
    }
}

async fn carry(mut caller: TcpStream, line: Arc<LineState>) {
    let cut = line.cut.notified();
    if line.is_cut.load(Ordering::SeqCst) {
        line.refused.fetch_add(1, Ordering::SeqCst);
        line.was_refused.notify_one();
        return;
    }
    let consul = consul_url();
    let mut consul = TcpStream::connect(consul.trim_start_matches("http://")).await.unwrap();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut caller, &mut consul) => {}
        () = cut => {}
    }
}
