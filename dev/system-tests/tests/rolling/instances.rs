//! One of two instances is killed, or stands still.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::load::Kinds;
use crate::world::{TRY_TIMEOUT, World};

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_may_be_sent_again_fails_when_an_instance_is_killed() {
    let world = World::new().await;
    for instance in ["member-api-2", "store-api", "order-api-2"] {
        let load = world.load(Kinds::Repeatable).await;
        let killed = Instant::now();
        world.do_blocking(move |stack| stack.kill(instance)).await.unwrap();
        load.more(400).await;
        world.do_blocking(move |stack| stack.start_again(instance)).await.unwrap();
        load.more(100).await;

        let outcomes = load.end().await;
        outcomes.expect_no_failure(&format!("{instance} killed and started"));
        outcomes.around(killed).print("  the second around the kill");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_stands_still_slows_down_one_request_of_a_connection_at_most() {
    let world = World::new().await;
    let load = world.load(Kinds::Repeatable).await;
    world.stack.pause("store-api-2").unwrap();
    load.more(1_500).await;
    world.stack.resume("store-api-2").unwrap();
    load.more(200).await;

    let outcomes = load.end().await;
    // The service may be working on what it was sent last.
    outcomes.expect_failures_only("an instance stands still", |outcome| outcome.status == 504);
    let mut slow = BTreeMap::<usize, usize>::new();
    for outcome in outcomes.0.iter().filter(|outcome| outcome.took + Duration::from_millis(1) >= TRY_TIMEOUT)
    {
        *slow.entry(outcome.client).or_default() += 1;
    }
    println!("slow requests of each client: {slow:?}");
    assert!(!slow.is_empty(), "nobody has met the instance");
    assert!(slow.values().all(|count| *count <= 1), "{slow:?}");
}
