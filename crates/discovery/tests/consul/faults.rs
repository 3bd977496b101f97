//! A Consul that hangs or can't be reached: the snapshot stays, and every answer reaches its own watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use discovery::{Discovery, Instances};
use testkit::Cancel;

use crate::support::{ReadyProcess, behind_a_proxy, soon};

fn known(instances: &Instances) -> Vec<String> {
    let mut ids: Vec<_> =
        (0..instances.count()).filter_map(|_| Some(instances.pick()?.id().to_owned())).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn the_last_snapshot_stays_during_a_stall_and_changes_arrive_after_it() {
    let before = ReadyProcess::start().await;
    let name = &before.registration.name;
    let (consul, proxy) = behind_a_proxy();
    let instances = Discovery::new(consul).instances(name);
    let registered = before.register();
    soon(instances.wait_for_count(|count| count == 1)).await;

    proxy.stall();
    let held = proxy.held();
    let after = ReadyProcess::of(name).await;
    let also_registered = after.register();
    before.leave.cancel();
    soon(registered).await.unwrap();
    // The proxy holds the answer with the change back.
    soon(proxy.wait_held(held + 1)).await;
    assert_eq!(known(&instances), [before.registration.id.as_str()]);

    proxy.restore();
    let only_the_new_one = || known(&instances) == [after.registration.id.as_str()];
    soon(instances.wait_for_count(|_| only_the_new_one())).await;
    after.leave.cancel();
    soon(also_registered).await.unwrap();
}

#[tokio::test]
async fn a_watch_whose_connection_is_lost_recovers_by_itself() {
    let first = ReadyProcess::start().await;
    let (consul, proxy) = behind_a_proxy();
    let instances = Discovery::new(consul).instances(&first.registration.name);
    let registered = first.register();
    soon(instances.wait_for_count(|count| count == 1)).await;

    proxy.lose_existing();
    let second = ReadyProcess::of(&first.registration.name).await;
    let also_registered = second.register();
    // A blocking query ends after 26 s.
    let updated = tokio::time::timeout(Duration::from_secs(60), instances.wait_for_count(|count| count == 2));
    updated.await.expect("the watch has not recovered");
    for (process, registered) in [(first, registered), (second, also_registered)] {
        process.leave.cancel();
        soon(registered).await.unwrap();
    }
}

#[tokio::test]
async fn a_first_query_that_is_lost_is_retried_soon() {
    let process = ReadyProcess::start().await;
    let registered = process.register();
    let (consul, proxy) = behind_a_proxy();
    proxy.stall();
    let instances = Discovery::new(consul).instances(&process.registration.name);
    soon(proxy.wait_held(1)).await;
    proxy.lose_existing();
    proxy.restore();
    // The first query need not wait for a change, so it ends after 5 s: long before a query that waits.
    let updated = tokio::time::timeout(Duration::from_secs(18), instances.wait_for_count(|count| count == 1));
    updated.await.expect("the watch has not recovered");
    process.leave.cancel();
    soon(registered).await.unwrap();
}

#[tokio::test]
async fn a_process_whose_record_is_lost_during_a_stall_registers_again_after_it() {
    let process = ReadyProcess::start().await;
    let (consul, proxy) = behind_a_proxy();
    let instances = Discovery::new(crate::support::consul()).instances(&process.registration.name);
    let registered = process.register_at(consul);
    soon(instances.wait_for_count(|count| count == 1)).await;

    proxy.stall();
    process.lose_record().await;
    soon(instances.wait_for_count(|count| count == 0)).await;
    proxy.restore();
    soon(instances.wait_for_count(|count| count == 1)).await;
    process.leave.cancel();
    soon(registered).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_is_dropped_leaves_no_answer_to_another_service() {
    const SERVICES: usize = 6;
    const WATCHERS: usize = 24;
    const ROUNDS: usize = 40;
    const LONGEST: Duration = Duration::from_millis(20);
    let (consul, proxy) = behind_a_proxy();
    proxy.delay(Duration::ZERO..=Duration::from_millis(1));
    proxy.split(200);
    let discovery = Discovery::new(consul);
    let mut processes = Vec::new();
    for _ in 0..SERVICES {
        let process = ReadyProcess::start().await;
        let registered = process.register();
        processes.push((process, registered));
    }
    let names: Arc<Vec<_>> =
        Arc::new(processes.iter().map(|(process, _)| process.registration.name.clone()).collect());
    let is_over = Arc::new(AtomicBool::new(false));
    let changing = tokio::spawn(change(names.clone(), is_over.clone()));
    let heard = Arc::new(AtomicUsize::new(0));
    let watchers = (0..WATCHERS).map(|n| {
        let (discovery, names, heard) = (discovery.clone(), names.clone(), heard.clone());
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let name = &names[(n + round) % SERVICES];
                // A separate watch, which ends at any point when `instances` is dropped.
                let instances = discovery.separate().instances(name);
                let mut updates = 0;
                let listening = instances.wait_for_count(|_| {
                    let ids = known(&instances);
                    assert!(
                        ids.iter().all(|id| id.starts_with(name.as_str())),
                        "{name} has the instances {ids:?}"
                    );
                    updates += usize::from(!ids.is_empty());
                    updates > 1
                });
                let cancel = match round % 2 {
                    0 => Cancel::Never,
                    _ => Cancel::by_chance(LONGEST),
                };
                let listening = tokio::time::timeout(LONGEST * 10, listening);
                let _ = cancel.run(listening).await;
                heard.fetch_add(updates, Ordering::Relaxed);
            }
        })
    });
    for end in soon(futures::future::join_all(watchers.collect::<Vec<_>>())).await {
        end.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    soon(changing).await.unwrap();
    assert!(heard.load(Ordering::Relaxed) > WATCHERS * ROUNDS / 2, "{heard:?} of {}", WATCHERS * ROUNDS);
    for (process, registered) in processes {
        process.leave.cancel();
        soon(registered).await.unwrap();
    }
}

/// Makes changes: a second instance of each service comes and goes.
async fn change(names: Arc<Vec<String>>, is_over: Arc<AtomicBool>) {
    for name in names.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let process = ReadyProcess::of(name).await;
        let registered = process.register();
        // Gives the watches time to get the change.
        tokio::time::sleep(Duration::from_millis(rand::random_range(1..20))).await;
        process.leave.cancel();
        registered.await.unwrap();
    }
}
