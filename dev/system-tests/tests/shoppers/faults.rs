//! The faults: processes are killed or paused, and connections break.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use stack::{Stack, StackError};
use system_tests::test_stack::blocking;
use testkit::{Fault, FaultProxy};
use tokio::sync::watch;

/// The parts that all others need, and that therefore start first.
const INFRASTRUCTURE: [&str; 4] = ["mariadb", "redis", "consul", "config-server"];
/// Longer than a lease of order-api, which is two seconds here.
const PAUSE_MS: u64 = 2_200;
/// How often a start may fail before the test fails.
const STARTS: usize = 5;

/// Kills parts and starts them again, or pauses them for a while. Gives how many. All parts run at the end.
pub(crate) async fn kill_and_pause(
    stack: Arc<Stack>,
    mut rng: StdRng,
    mut ending: watch::Receiver<bool>,
) -> usize {
    let services: Vec<String> = {
        let names = stack.parts().into_iter().map(|part| part.name);
        names.filter(|name| !INFRASTRUCTURE.contains(&name.as_str())).collect()
    };
    let mut count = 0;
    while !is_over(&mut ending, rng.random_range(100..900)).await {
        let mut pick = || services[rng.random_range(0..services.len())].clone();
        let (one, other) = (pick(), pick());
        let shared = INFRASTRUCTURE[rng.random_range(0..INFRASTRUCTURE.len())].to_owned();
        let down_ms = rng.random_range(0..500);
        count += match rng.random_range(0..100) {
            0..60 => kill(&stack, vec![one], down_ms).await,
            60..75 => kill(&stack, vec![one, other], down_ms).await,
            75..85 => kill(&stack, vec![shared], down_ms).await,
            _ => pause(&stack, &one, PAUSE_MS + down_ms).await,
        };
    }
    count
}

async fn kill(stack: &Arc<Stack>, parts: Vec<String>, down_ms: u64) -> usize {
    let killed = parts.len();
    let names = parts.clone();
    blocking(stack, move |stack| names.iter().for_each(|part| stack.kill(part).unwrap())).await;
    tokio::time::sleep(Duration::from_millis(down_ms)).await;
    blocking(stack, move |stack| parts.iter().for_each(|part| start_as_supervisor(stack, part))).await;
    killed
}

/// Starts a part as a supervisor does: if it exits at its start, because it has lost the database, it is started again.
fn start_as_supervisor(stack: &Stack, part: &str) {
    for _ in 0..STARTS {
        match stack.start_again(part) {
            Ok(()) => return,
            Err(StackError::Exited { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{part} does not start: {:?}", stack.log_tail(part).lines.last());
}

async fn pause(stack: &Stack, part: &str, paused_ms: u64) -> usize {
    stack.pause(part).unwrap();
    tokio::time::sleep(Duration::from_millis(paused_ms)).await;
    stack.resume(part).unwrap();
    1
}

/// Ends connections at random requests: before the request arrives, or before its answer does. Gives how many.
pub(crate) async fn cut_connections(
    proxies: Arc<[FaultProxy]>,
    mut rng: StdRng,
    mut ending: watch::Receiver<bool>,
) -> usize {
    while !is_over(&mut ending, rng.random_range(20..120)).await {
        let proxy = &proxies[rng.random_range(0..proxies.len())];
        let fault = if rng.random_bool(0.5) { Fault::LoseRequest } else { Fault::LoseAnswer };
        // At most one is planned for each proxy.
        proxy.cancel_request_faults();
        proxy.fault_at(rng.random_range(1..20), fault);
    }
    for proxy in proxies.iter() {
        proxy.cancel_request_faults();
    }
    proxies.iter().map(FaultProxy::request_faults).sum()
}

/// Waits for a moment. True if the test is over.
async fn is_over(ending: &mut watch::Receiver<bool>, wait_ms: u64) -> bool {
    let over = ending.wait_for(|over| *over);
    tokio::time::timeout(Duration::from_millis(wait_ms), over).await.is_ok()
}
