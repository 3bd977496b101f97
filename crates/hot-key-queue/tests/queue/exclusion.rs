//! Requests run one at a time, whichever of them dies, gives up or waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use hot_key_queue::Settings;
use tokio::sync::{Barrier, Notify, oneshot};

use crate::support::{
    OneAtATime, commands, holder, instance, instance_behind_proxy, left_ms, new_key, patient, soon,
    take_and_die,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_across_tasks_and_instances() {
    const TASKS: usize = 12;
    const ROUNDS: usize = 20;
    let (key, work) = (new_key(), Arc::new(OneAtATime::default()));
    let instances = [instance(&patient()), instance(&patient()), instance(&patient())];
    let tasks = instances.iter().flat_map(|instance| {
        (0..TASKS).map(|_| {
            let (queue, key, work) = (instance.clone(), key.clone(), work.clone());
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    queue.run(&key, work.work()).await;
                }
            })
        })
    });
    for end in soon(join_all(tasks.collect::<Vec<_>>())).await {
        end.unwrap();
    }
    assert_eq!(work.done(), 3 * TASKS * ROUNDS);
}

#[tokio::test]
async fn a_few_of_one_instance_come_together_under_one_lease() {
    let few = Settings { at_once: 2, ..patient() };
    let (one, other, key) = (instance(&few), instance(&few), new_key());
    let together = Barrier::new(2);
    let work = async || {
        together.wait().await;
        holder(&key).await
    };
    let (first, second) = (Box::pin(one.run(&key, work())), Box::pin(one.run(&key, work())));
    let (first, second) = soon(futures::future::join(first, second)).await;
    assert_eq!(first, second);
    // When both are done, another instance has its turn.
    assert_ne!(soon(other.run(&key, holder(&key))).await, first);
}

#[tokio::test]
async fn other_keys_do_not_wait() {
    let (queue, together) = (instance(&patient()), Barrier::new(2));
    let (one, other) = (new_key(), new_key());
    let both = async { tokio::join!(queue.run(&one, together.wait()), queue.run(&other, together.wait())) };
    soon(both).await;
}

#[tokio::test]
async fn without_a_lock_nobody_waits() {
    let off = Settings { enabled: false, ..patient() };
    let queue = instance(&off);
    assert!(!queue.is_on());
    let (key, together) = (new_key(), Barrier::new(2));
    let both = async { tokio::join!(queue.run(&key, together.wait()), queue.run(&key, together.wait())) };
    soon(both).await;
    assert!(queue.check().await.is_ok());
}

#[tokio::test]
async fn a_lock_is_held_during_the_work_and_not_afterwards() {
    let (queue, key) = (instance(&patient()), new_key());
    let token = soon(queue.run(&key, holder(&key))).await;
    assert_eq!(token.unwrap().len(), 32, "a random token");
    // The lock is released, so another instance can take it.
    let other = instance(&patient());
    assert!(soon(other.run(&key, holder(&key))).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_instance_lets_others_have_their_turn() {
    let (key, work) = (new_key(), Arc::new(OneAtATime::default()));
    let (busy, other) = (instance(&patient()), instance(&patient()));
    let enough = Arc::new(AtomicBool::new(false));
    // Its queue is never empty, so it could hand the lock on for ever.
    let crowd = (0..4).map(|_| {
        let (queue, key, work, enough) = (busy.clone(), key.clone(), work.clone(), enough.clone());
        tokio::spawn(async move {
            while !enough.load(Ordering::Relaxed) {
                queue.run(&key, work.work()).await;
            }
        })
    });
    let crowd: Vec<_> = crowd.collect();
    for _ in 0..3 {
        soon(other.run(&key, work.work())).await;
    }
    enough.store(true, Ordering::Relaxed);
    for end in soon(join_all(crowd)).await {
        end.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_lock_costs_few_commands() {
    const REQUESTS: usize = 400;
    let (key, work) = (new_key(), OneAtATime::default());
    let (queue, proxy) = instance_behind_proxy(&patient());
    soon(join_all((0..REQUESTS).map(|_| queue.run(&key, work.work())))).await;
    assert_eq!(work.done(), REQUESTS);
    let commands = commands(&proxy);
    assert!((1..REQUESTS / 10).contains(&commands), "{commands} commands");
}

#[tokio::test]
async fn a_request_that_is_cancelled_releases_the_lock() {
    let (key, queue) = (new_key(), instance(&patient()));
    let (begun, begins) = oneshot::channel();
    let holding = tokio::spawn({
        let (queue, key) = (queue.clone(), key.clone());
        async move {
            queue
                .run(&key, async {
                    begun.send(()).unwrap();
                    std::future::pending::<()>().await;
                })
                .await;
        }
    });
    soon(begins).await.unwrap();
    holding.abort();
    soon(queue.run(&key, async {})).await;
    soon(instance(&patient()).run(&key, async {})).await;
}

#[tokio::test]
async fn a_handler_that_panics_releases_the_lock() {
    let (key, queue) = (new_key(), instance(&patient()));
    let panicking = tokio::spawn({
        let (queue, key) = (queue.clone(), key.clone());
        async move { queue.run(&key, async { panic!("a bug") }).await }
    });
    assert!(soon(panicking).await.unwrap_err().is_panic());
    soon(instance(&patient()).run(&key, async {})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_cancelled_anywhere_leave_no_lock_behind() {
    let (key, work) = (new_key(), Arc::new(OneAtATime::default()));
    let instances = [instance(&patient()), instance(&patient())];
    let tasks = (0..300).map(|n: usize| {
        let (queue, key, work) = (instances[n % 2].clone(), key.clone(), work.clone());
        tokio::spawn(async move {
            let patience = Duration::from_micros(rand::random_range(0..4_000));
            let _ = tokio::time::timeout(patience, queue.run(&key, work.work())).await;
        })
    });
    for end in soon(join_all(tasks.collect::<Vec<_>>())).await {
        end.unwrap();
    }
    for queue in instances {
        soon(queue.run(&key, work.work())).await;
    }
}

#[tokio::test]
async fn a_wait_that_runs_out_goes_on_and_leaves_the_holder_alone() {
    let (key, hasty) = (new_key(), Settings { wait_ms: 30, ..patient() });
    take_and_die(&key).await;
    let queue = instance(&hasty);
    assert_eq!(soon(queue.run(&key, holder(&key))).await.as_deref(), Some("dead"));
    assert_eq!(holder(&key).await.as_deref(), Some("dead"));
}

#[tokio::test]
async fn a_wait_for_a_slow_request_of_the_same_process_runs_out_too() {
    let (key, queue) = (new_key(), instance(&Settings { wait_ms: 30, ..patient() }));
    let (began, other_is_done) = (Notify::new(), Notify::new());
    let slow = Box::pin(queue.run(&key, async {
        began.notify_one();
        other_is_done.notified().await;
    }));
    let other = async {
        began.notified().await;
        queue.run(&key, async { other_is_done.notify_one() }).await;
    };
    soon(async { tokio::join!(slow, other) }).await;
    soon(instance(&patient()).run(&key, async {})).await;
}

#[tokio::test]
async fn a_lease_is_renewed_while_the_work_runs() {
    let (key, queue) = (new_key(), instance(&Settings { lease_ms: 6_000, ..patient() }));
    let until_renewed = async {
        let mut before = i64::MAX;
        loop {
            let now = left_ms(&key).await;
            assert!(now > 0, "the lease has run out");
            if now > before {
                break;
            }
            before = now;
        }
    };
    soon(queue.run(&key, until_renewed)).await;
}

#[tokio::test]
async fn fault_03_a_lease_that_ran_out_stops_nobody() {
    let (key, queue) = (new_key(), instance(&Settings { lease_ms: 500, wait_ms: 1_000, ..patient() }));
    let work = async {
        // Another process holds the lock now, as after a long pause of this one.
        take_and_die(&key).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        "done"
    };
    assert_eq!(soon(queue.run(&key, work)).await, "done");
    // The next request is at the front of the queue when the background is done with the lost lease. Then it waits for the other
    // holder in vain. If that one's lock had been released, it would have taken the lock with a token of its own.
    assert_eq!(soon(queue.run(&key, holder(&key))).await.as_deref(), Some("dead"));
}
