//! What goes wrong: processes die or stand still, and connections break.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use stack::{Stack, StackError};
use system_tests::trap::{Moment, Proxy};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

/// What the rest stands on, and so comes back first.
const GROUND: [&str; 4] = ["mariadb", "redis", "consul", "config-server"];
/// Longer than a lease of order-api, which is set to a second.
const STANDSTILL_MS: u64 = 1_500;
/// How often a part may give up before something is wrong with it.
const STARTS: usize = 5;

/// Kills parts and starts them again, or has them stand still for a while; gives how many. All of them run in the end.
pub(crate) async fn strike(stack: Arc<Stack>, mut dice: StdRng, mut ending: watch::Receiver<bool>) -> usize {
    let services: Vec<String> = {
        let names = stack.parts().into_iter().map(|part| part.name);
        names.filter(|name| !GROUND.contains(&name.as_str())).collect()
    };
    let mut struck = 0;
    while !is_over(&mut ending, dice.random_range(100..900)).await {
        let mut pick = || services[dice.random_range(0..services.len())].clone();
        let (one, other) = (pick(), pick());
        let ground = GROUND[dice.random_range(0..GROUND.len())].to_owned();
        let down_ms = dice.random_range(0..500);
        struck += match dice.random_range(0..100) {
            0..60 => kill(&stack, vec![one], down_ms).await,
            60..75 => kill(&stack, vec![one, other], down_ms).await,
            75..85 => kill(&stack, vec![ground], down_ms).await,
            _ => stand_still(&stack, one, STANDSTILL_MS + down_ms).await,
        };
    }
    struck
}

async fn kill(stack: &Arc<Stack>, parts: Vec<String>, down_ms: u64) -> usize {
    let killed = parts.len();
    let for_thread = stack.clone();
    let names = parts.clone();
    spawn_blocking(move || names.iter().for_each(|part| for_thread.kill(part).unwrap())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(down_ms)).await;
    let stack = stack.clone();
    spawn_blocking(move || parts.iter().for_each(|part| supervise(&stack, part))).await.unwrap();
    killed
}

/// Starts a part as a supervisor does: one that gives up, because it lost the database while it started, is started
/// again.
fn supervise(stack: &Stack, part: &str) {
    for _ in 0..STARTS {
        match stack.start_again(part) {
            Ok(()) => return,
            Err(StackError::Exited { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{part} does not start: {:?}", stack.log_tail(part).lines.last());
}

async fn stand_still(stack: &Stack, part: String, held_ms: u64) -> usize {
    stack.pause(&part).unwrap();
    tokio::time::sleep(Duration::from_millis(held_ms)).await;
    stack.resume(&part).unwrap();
    1
}

/// Cuts connections at random messages, before the message has arrived or before its reply has; gives how many.
pub(crate) async fn cut_connections(
    proxies: Vec<Proxy>,
    mut dice: StdRng,
    mut ending: watch::Receiver<bool>,
) -> usize {
    let cuts = Arc::new(AtomicUsize::new(0));
    while !is_over(&mut ending, dice.random_range(20..120)).await {
        let proxy = &proxies[dice.random_range(0..proxies.len())];
        let moment = if dice.random_bool(0.5) { Moment::BeforeRequest } else { Moment::BeforeReply };
        let cuts = cuts.clone();
        proxy.set(dice.random_range(1..20), moment, move || {
            cuts.fetch_add(1, Ordering::Relaxed);
        });
    }
    for proxy in &proxies {
        proxy.take_away();
    }
    cuts.load(Ordering::Relaxed)
}

/// Waits a moment; whether everybody goes home.
async fn is_over(ending: &mut watch::Receiver<bool>, wait_ms: u64) -> bool {
    let over = ending.wait_for(|over| *over);
    tokio::time::timeout(Duration::from_millis(wait_ms), over).await.is_ok()
}
