//! Requests that are cancelled anywhere, behind a slow network: every answer of Redis reaches its own request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use testkit::{Cancel, FaultProxy};

use crate::support::{OneAtATime, instance_at, new_key, patient, redis_url, soon};

const KEYS: usize = 6;
const TASKS: usize = 24;
const ROUNDS: usize = 60;
/// Mostly longer than taking a lock behind the proxy.
const LONGEST: Duration = Duration::from_millis(15);

/// A proxy that splits most commands and answers.
fn slow_proxy() -> FaultProxy {
    let proxy = FaultProxy::to(redis_url().trim_start_matches("redis://").split('/').next().unwrap());
    proxy.delay(Duration::ZERO..=Duration::from_micros(500));
    proxy.split(100);
    proxy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_of_many_keys_are_independent_whichever_request_is_cancelled() {
    let proxies = [slow_proxy(), slow_proxy()];
    let instances =
        proxies.each_ref().map(|proxy| instance_at(&format!("redis://{}", proxy.address()), &patient()));
    let things: Arc<Vec<_>> = Arc::new((0..KEYS).map(|_| (new_key(), OneAtATime::default())).collect());
    let cancelled = Arc::new(AtomicUsize::new(0));
    let tasks = (0..TASKS).map(|n| {
        let (queue, things, cancelled) = (instances[n % 2].clone(), things.clone(), cancelled.clone());
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                // If the answer for one key were taken for that of another, two requests would run at a time.
                let (key, work) = &things[(n + round) % KEYS];
                if Cancel::by_chance(LONGEST).run(queue.run(key, work.work())).await.is_none() {
                    cancelled.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    });
    for end in soon(join_all(tasks.collect::<Vec<_>>())).await {
        end.unwrap();
    }
    assert!(cancelled.load(Ordering::Relaxed) > TASKS * ROUNDS / 8);
    assert!(things.iter().all(|(_, work)| work.done() > 0));
    for queue in &instances {
        for (key, work) in things.iter() {
            soon(queue.run(key, work.work())).await;
        }
    }
    assert_eq!(proxies.each_ref().map(FaultProxy::connections), [1, 1], "no answer was missed");
}
