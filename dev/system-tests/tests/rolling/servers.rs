//! The servers that the services use fail.

use std::time::Duration;

use http::StatusCode;
use system_tests::Client;

use crate::load::Kinds;
use crate::world::World;

/// Long enough that every watch of Consul has given up and tried again.
const A_WHILE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_consul_stands_still_or_starts_empty() {
    let world = World::new().await;
    let load = world.load(Kinds::All).await;
    world.stack.pause("consul").unwrap();
    tokio::time::sleep(A_WHILE).await;
    world.stack.resume("consul").unwrap();
    load.more(200).await;
    load.end().await.expect_no_failure("Consul stood still");

    let load = world.load(Kinds::All).await;
    world.do_blocking(|stack| stack.kill("consul")).await.unwrap();
    tokio::time::sleep(A_WHILE).await;
    // It keeps its state in memory.
    world.do_blocking(|stack| stack.start_again("consul")).await.unwrap();
    tokio::time::sleep(A_WHILE).await;
    load.end().await.expect_no_failure("Consul has started empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_all_checks_fail_at_once() {
    let world = World::new().await;
    let consul = Client::at(&world.stack.servers().consul_url());
    let load = world.load(Kinds::All).await;
    // All of them are on the node of this Consul.
    let maintain = async |enable: bool| {
        consul.put(&format!("/v1/agent/maintenance?enable={enable}")).send().await.expect(StatusCode::OK);
    };
    maintain(true).await;
    let passing = consul.get("/v1/health/service/store-api?passing=true").send().await;
    assert_eq!(passing.text().trim(), "[]", "all checks fail");
    tokio::time::sleep(A_WHILE).await;
    maintain(false).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    load.end().await.expect_no_failure("all checks have failed at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_hangs_while_redis_is_away_or_stands_still() {
    let world = World::new().await;
    for stands_still in [true, false] {
        let load = world.load(Kinds::WithCart).await;
        if stands_still {
            world.stack.pause("redis").unwrap();
        } else {
            world.do_blocking(|stack| stack.kill("redis")).await.unwrap();
        }
        load.more(400).await;
        if stands_still {
            world.stack.resume("redis").unwrap();
        } else {
            world.do_blocking(|stack| stack.start_again("redis")).await.unwrap();
        }
        let during = if stands_still { "Redis stands still" } else { "Redis is away" };
        let outcomes = load.end().await;
        // Only the cart can't do without.
        outcomes.expect_failures_only(during, |outcome| outcome.what == "cart" && outcome.status == 503);
        outcomes.only("cart").print("  the cart");
    }
}
