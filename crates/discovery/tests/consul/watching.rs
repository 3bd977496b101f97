//! A process that registers is found; one that leaves or dies is not; one whose record is lost registers again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use discovery::{Consul, Discovery, Instance};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::{ReadyProcess, consul, consul_url, none_is_healthy, soon};

#[tokio::test]
async fn a_process_that_registers_is_found_and_one_that_leaves_is_not() {
    let process = ReadyProcess::start().await;
    let instances = Discovery::new(consul()).instances(&process.registration.name);
    let registered = process.register();
    soon(instances.wait_for_count(|count| count == 1)).await;
    let found = instances.pick().unwrap();
    assert_eq!(found.address(), process.registration.address);
    assert_eq!(found.id(), process.registration.id);

    process.leave.cancel();
    soon(registered).await.unwrap();
    soon(instances.wait_for_count(|count| count == 0)).await;
    assert!(instances.pick().is_none());
}

#[tokio::test]
async fn one_process_of_two_that_dies_is_removed() {
    let first = ReadyProcess::start().await;
    let second = ReadyProcess::of(&first.registration.name).await;
    let instances = Discovery::new(consul()).instances(&first.registration.name);
    let registered = [first.register(), second.register()];
    soon(instances.wait_for_count(|count| count == 2)).await;

    first.die();
    soon(instances.wait_for_count(|count| count == 1)).await;
    assert_eq!(instances.pick().unwrap().address(), second.registration.address);

    for (process, registered) in [first, second].into_iter().zip(registered) {
        process.leave.cancel();
        soon(registered).await.unwrap();
    }
}

#[tokio::test]
async fn processes_whose_checks_all_fail_at_once_are_still_used() {
    for count in [1, 3] {
        let name = ReadyProcess::start().await.registration.name.clone();
        let instances = Discovery::new(consul()).instances(&name);
        let mut processes = Vec::new();
        for _ in 0..count {
            let process = ReadyProcess::of(&name).await;
            let registered = process.register();
            processes.push((process, registered));
        }
        soon(instances.wait_for_count(|known| known == count)).await;

        for (process, _) in &processes {
            process.die();
        }
        soon(none_is_healthy(&name)).await;
        // When this one is known, the failures before it are known as well.
        let healthy = ReadyProcess::of(&name).await;
        let healthy_registered = healthy.register();
        let address = Some(healthy.registration.address);
        let picks = |count| (0..count).map(|_| instances.pick().map(|instance| instance.address()));
        soon(instances.wait_for_count(|known| picks(known).any(|picked| picked == address))).await;
        // One of two is half, so that one is believed to be all.
        assert_eq!(instances.count(), if count == 1 { 1 } else { count + 1 });

        // One that leaves is gone at once, also while all are doubted.
        if count > 1 {
            let (leaving, registered) = processes.pop().unwrap();
            leaving.leave.cancel();
            soon(registered).await.unwrap();
            soon(instances.wait_for_count(|known| known == count)).await;
        }
        for (process, registered) in processes.into_iter().chain([(healthy, healthy_registered)]) {
            process.leave.cancel();
            soon(registered).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_process_whose_record_consul_has_lost_registers_again() {
    let process = ReadyProcess::start().await;
    let instances = Discovery::new(consul()).instances(&process.registration.name);
    let registered = process.register();
    soon(instances.wait_for_count(|count| count == 1)).await;

    let before = instances.pick().unwrap();
    process.lose_record().await;
    // For its watchers, an instance that was away is a new one.
    let is_another = |now: &Arc<Instance>| !Arc::ptr_eq(now, &before);
    soon(instances.wait_for_count(|_| instances.pick().as_ref().is_some_and(is_another))).await;
    assert_eq!(instances.pick().unwrap().address(), process.registration.address);

    process.leave.cancel();
    soon(registered).await.unwrap();
}

#[tokio::test]
async fn the_last_good_snapshot_stays_while_consul_is_down() {
    let process = ReadyProcess::start().await;
    let line = Line::to_consul().await;
    let consul = Consul::new(&format!("http://{}", line.address)).unwrap();
    let instances = Discovery::new(consul).instances(&process.registration.name);
    let registered = process.register();
    soon(instances.wait_for_count(|count| count == 1)).await;

    line.cut();
    soon(line.wait_refused(3)).await;
    assert_eq!(instances.pick().unwrap().address(), process.registration.address);

    line.mend();
    process.leave.cancel();
    soon(registered).await.unwrap();
}

/// A network line to Consul that can be cut.
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

    /// Waits until this many connections have been refused.
    async fn wait_refused(&self, times: usize) {
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
