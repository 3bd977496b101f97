//! What still works while a part is down, and that it recovers by itself.
//!
//! The tests run one after the other: they share a stack, and each breaks it for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use stack::Stack;
use system_tests::databases::Databases;
use system_tests::test_stack::{blocking, exclusive, gateway, shared, start_again, start_stopped_parts};
use system_tests::{Client, Request};
use testkit::member::Member;
use testkit::shop::{Item, list_item};
use testkit::{Answer, eventually, until};
use tokio::sync::{MutexGuard, watch};
use tokio::task::JoinSet;

/// How long it may take until a part that is back is used again.
const PATIENCE: Duration = Duration::from_secs(20);
/// "At once", as opposed to after the timeout of a call. Long enough for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(3);

struct World {
    stack: Arc<Stack>,
    client: Client,
    customer: Member,
    item: Item,
    _exclusive: MutexGuard<'static, ()>,
}

impl World {
    async fn new() -> Self {
        let exclusive = exclusive().await;
        let stack = shared();
        start_stopped_parts(&stack).await;
        let client = gateway(&stack);
        let seller = Member::seller(&client).await;
        let item = list_item(&client, &seller, &[(10_000, 100)]).await;
        let customer = Member::customer(&client, 1_000_000).await;
        customer.add_to_cart(&item.options[0], 1).await;
        Self { stack, client, customer, item, _exclusive: exclusive }
    }

    fn get(&self, path: &str) -> Request {
        self.client.get(path).bearer(&self.customer.token)
    }

    async fn member(&self) -> Answer {
        self.get("/api/member/me/wallet").send().await
    }

    async fn store(&self) -> Answer {
        self.get(&format!("/api/store/items/{}", self.item.id)).send().await
    }

    async fn order(&self) -> Answer {
        self.get("/api/order/orders").send().await
    }

    async fn start_again(&self, part: &str) {
        start_again(&self.stack, part).await;
    }

    /// Waits until a customer can order again, from the cart to the ledger, and checks all promises.
    async fn check_recovery(&self) {
        eventually(PATIENCE, async || {
            let cart = self.customer.set_cart_line(&self.item.options[0], 1).await;
            let order = self.customer.order().await;
            if cart.status == StatusCode::OK && order.status == StatusCode::CREATED {
                return Ok(());
            }
            Err(format!("{} {}; {} {}", cart.status, cart.body, order.status, order.body))
        })
        .await;
        self.customer.set_cart_line(&self.item.options[0], 1).await.expect(StatusCode::OK);
        Databases::of(&self.stack).await.check_when_idle().await;
    }
}

/// Checks that a request is answered at once by a 503 with `Retry-After`.
async fn expect_unavailable(request: Request) {
    let began = Instant::now();
    let answer = request.send().await;
    assert!(began.elapsed() < AT_ONCE, "{:?} for {}", began.elapsed(), answer.body);
    assert!(!answer.header("retry-after").is_empty(), "{} {}", answer.status, answer.body);
    answer.expect_service_problem(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn requests_to_a_stopped_service_get_503_and_the_others_work() {
    let world = World::new().await;
    for part in ["member-api", "store-api", "order-api"] {
        let stopped = world.stack.stop(part).unwrap().unwrap();
        assert_eq!(stopped.code(), Some(0), "{part} drains and exits with 0");

        match part {
            "member-api" => expect_unavailable(world.get("/api/member/me/wallet")).await,
            "store-api" => expect_unavailable(world.get("/api/store/items")).await,
            _ => expect_unavailable(world.get("/api/order/orders")).await,
        }
        for (other, answer) in [
            ("member-api", world.member().await),
            ("store-api", world.store().await),
            ("order-api", world.order().await),
        ] {
            assert!(
                other == part || answer.status == StatusCode::OK,
                "{other} without {part}: {}",
                answer.body
            );
        }

        world.start_again(part).await;
        world.check_recovery().await;
    }
}

#[tokio::test]
async fn requests_to_a_killed_service_get_503_and_the_others_work() {
    let world = World::new().await;
    world.stack.kill("order-api").unwrap();

    // The gateway may notice only with this request that the service is gone.
    let first = world.order().await;
    assert!([502, 503].contains(&first.status.as_u16()), "{} {}", first.status, first.body);
    until("the gateway calls the service no more", PATIENCE, async || world.order().await.status == 503)
        .await;
    expect_unavailable(world.get("/api/order/orders")).await;
    world.member().await.expect(StatusCode::OK);
    world.store().await.expect(StatusCode::OK);

    world.start_again("order-api").await;
    world.check_recovery().await;
}

#[tokio::test]
async fn another_instance_takes_over_from_one_that_was_killed() {
    let world = World::new().await;
    let second = blocking(&world.stack, |stack| stack.add_instance("order-api")).await.unwrap();
    world.check_recovery().await;

    world.stack.kill("order-api").unwrap();
    for _ in 0..10 {
        world.order().await.expect(StatusCode::OK);
    }

    world.start_again("order-api").await;
    world.stack.remove_instance(&second).unwrap();
    world.check_recovery().await;
}

#[tokio::test]
async fn without_consul_running_processes_work() {
    let world = World::new().await;
    world.stack.kill("consul").unwrap();

    for _ in 0..5 {
        world.customer.set_cart_line(&world.item.options[0], 1).await.expect(StatusCode::OK);
        world.customer.order().await.expect(StatusCode::CREATED);
    }

    world.start_again("consul").await;
    world.check_recovery().await;
}

#[tokio::test]
async fn without_config_server_running_processes_work() {
    let world = World::new().await;
    world.stack.kill("config-server").unwrap();

    world.customer.order().await.expect(StatusCode::CREATED);

    world.start_again("config-server").await;
    world.check_recovery().await;
}

#[tokio::test]
async fn without_redis_the_cart_answers_503_and_the_rest_works() {
    let world = World::new().await;
    world.stack.kill("redis").unwrap();

    expect_unavailable(world.get("/api/order/cart")).await;
    world.order().await.expect(StatusCode::OK);
    world.member().await.expect(StatusCode::OK);
    world.customer.charge(10_000).await;
    world.store().await.expect(StatusCode::OK);

    world.start_again("redis").await;
    world.check_recovery().await;
}

#[tokio::test]
async fn charges_succeed_while_redis_is_killed() {
    const TASKS: i64 = 8;
    const CHARGES: i64 = 25;
    let world = World::new().await;
    let before = world.customer.balance().await;
    let (made, mut count) = watch::channel(0);
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (customer, made) = (world.customer.clone(), made.clone());
        tasks.spawn(async move {
            for _ in 0..CHARGES {
                customer.charge(1_000).await;
                made.send_modify(|made| *made += 1);
            }
        });
    }
    count.wait_for(|made| *made >= TASKS * CHARGES / 4).await.unwrap();
    world.stack.kill("redis").unwrap();
    // Each charge was answered by 201.
    tasks.join_all().await;

    assert_eq!(world.customer.balance().await, before + TASKS * CHARGES * 1_000);
    let member_api = Client::at(&world.stack.management_url("member-api").unwrap());
    let report = member_api.get("/readyz").send().await.expect(StatusCode::OK).body;
    assert_eq!(report["dependencies"]["redis"]["status"], "down", "{report}");
    world.start_again("redis").await;
    world.check_recovery().await;
}

#[tokio::test]
async fn everything_recovers_with_the_database() {
    let world = World::new().await;
    // Each service has several connections in its pool, none of which outlives the database.
    for _ in 0..8 {
        tokio::join!(
            world.member(),
            world.store(),
            world.order(),
            world.member(),
            world.store(),
            world.order()
        );
    }
    world.stack.kill("mariadb").unwrap();

    expect_unavailable(world.get("/api/order/orders")).await;
    expect_unavailable(world.get("/api/member/me/wallet")).await;

    world.start_again("mariadb").await;
    // The first look may have begun while the database was away. The next one finds no connection from before.
    for service in ["member-api", "store-api", "order-api"] {
        let management = Client::at(&world.stack.management_url(service).unwrap());
        management.get("/readyz").send().await;
        management.get("/readyz").send().await.expect(StatusCode::OK);
    }
    world.check_recovery().await;
}
