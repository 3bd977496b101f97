//! What still works while a part is down, and that it comes back by itself.
//!
//! One test after the other: they share a stack, and each breaks it for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stack::Stack;
use system_tests::arena::{heal, shared};
use system_tests::books::Books;
use system_tests::client::{Answer, Call, Client};
use system_tests::people::Person;
use system_tests::shop::{Item, list_item};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::task::JoinSet;

/// How long a part that is back may take until it is used again.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// "At once", as opposed to after the timeout of a call: generous for a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(3);

struct World {
    stack: Arc<Stack>,
    client: Client,
    customer: Person,
    item: Item,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    async fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        let alone = ALONE.lock().await;
        let stack = shared();
        heal(&stack).await;
        let client = Client::of(&stack);
        let seller = Person::seller(&client).await;
        let item = list_item(&client, &seller, &[(10_000, 100)]).await;
        let customer = Person::customer(&client, 1_000_000).await;
        customer.add_to_cart(&item.options[0], 1).await;
        Self { stack, client, customer, item, _alone: alone }
    }

    fn get(&self, path: &str) -> Call {
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

    async fn start_again(&self, part: &'static str) {
        let stack = self.stack.clone();
        let started = tokio::task::spawn_blocking(move || stack.start_again(part)).await;
        started.expect("starting does not panic").expect("a part starts as it did before");
    }

    /// Waits until a customer can order again, from the cart to the ledger.
    async fn all_is_well(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let cart = self.customer.set_cart_line(&self.item.options[0], 1).await;
            let order = self.customer.order().await;
            if cart.status == 200 && order.status == 201 {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{} {}; {} {}",
                cart.status,
                cart.body,
                order.status,
                order.body
            );
            tokio::time::sleep(POLL).await;
        }
        self.customer.set_cart_line(&self.item.options[0], 1).await.expect(200);
        Books::of(&self.stack).await.check_when_quiet().await;
    }
}

/// A problem that says when to come back, and comes at once.
async fn expect_unavailable(call: Call) {
    let began = Instant::now();
    let answer = call.send().await;
    assert!(began.elapsed() < AT_ONCE, "{:?} for {}", began.elapsed(), answer.body);
    assert!(answer.header("retry-after").is_some(), "{} {}", answer.status, answer.body);
    answer.expect_problem(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn a_service_that_was_stopped_answers_503_and_the_others_go_on() {
    let world = World::new().await;
    for part in ["member-api", "store-api", "order-api"] {
        let stopped = world.stack.stop(part).unwrap().unwrap();
        assert_eq!(stopped.code(), Some(0), "{part} drains and ends in order");

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
            assert!(other == part || answer.status == 200, "{other} without {part}: {}", answer.body);
        }

        world.start_again(part).await;
        world.all_is_well().await;
    }
}

#[tokio::test]
async fn a_service_that_was_killed_answers_503_and_the_others_go_on() {
    let world = World::new().await;
    world.stack.kill("order-api").unwrap();

    // Before anybody knows that it is gone, somebody finds out.
    let first = world.order().await;
    assert!([502, 503].contains(&first.status), "{} {}", first.status, first.body);
    let deadline = Instant::now() + PATIENCE;
    while world.order().await.status != 503 {
        assert!(Instant::now() < deadline, "a service that is gone is asked again and again");
    }
    expect_unavailable(world.get("/api/order/orders")).await;
    world.member().await.expect(200);
    world.store().await.expect(200);

    world.start_again("order-api").await;
    world.all_is_well().await;
}

#[tokio::test]
async fn another_instance_takes_over_from_one_that_was_killed() {
    let world = World::new().await;
    let stack = world.stack.clone();
    let second = tokio::task::spawn_blocking(move || stack.add_instance("order-api")).await.unwrap().unwrap();
    world.all_is_well().await;

    world.stack.kill("order-api").unwrap();
    for _ in 0..10 {
        world.order().await.expect(200);
    }

    world.start_again("order-api").await;
    world.stack.remove_instance(&second).unwrap();
    world.all_is_well().await;
}

#[tokio::test]
async fn without_consul_what_runs_goes_on() {
    let world = World::new().await;
    world.stack.kill("consul").unwrap();

    for _ in 0..5 {
        world.customer.set_cart_line(&world.item.options[0], 1).await.expect(200);
        world.customer.order().await.expect(201);
    }

    world.start_again("consul").await;
    world.all_is_well().await;
}

#[tokio::test]
async fn without_config_server_what_runs_goes_on() {
    let world = World::new().await;
    world.stack.kill("config-server").unwrap();

    world.customer.order().await.expect(201);

    world.start_again("config-server").await;
    world.all_is_well().await;
}

#[tokio::test]
async fn without_redis_the_cart_answers_503_and_the_rest_goes_on() {
    let world = World::new().await;
    world.stack.kill("redis").unwrap();

    expect_unavailable(world.get("/api/order/cart")).await;
    world.order().await.expect(200);
    world.member().await.expect(200);
    world.customer.charge(10_000).await;
    world.store().await.expect(200);

    world.start_again("redis").await;
    world.all_is_well().await;
}

#[tokio::test]
async fn redis_goes_away_while_a_wallet_is_charged() {
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
    // Each of them was answered 201.
    tasks.join_all().await;

    assert_eq!(world.customer.balance().await, before + TASKS * CHARGES * 1_000);
    let member_api = Client::at(world.stack.management_url("member-api").unwrap());
    let report = member_api.get("/readyz").send().await.expect(200);
    assert_eq!(report["dependencies"]["redis"]["status"], "down", "{report}");
    world.start_again("redis").await;
    world.all_is_well().await;
}

#[tokio::test]
async fn when_the_database_comes_back_everything_does() {
    let world = World::new().await;
    // Each service has several connections in its pool, none of which outlives the database.
    for _ in 0..8 {
        tokio::join!(world.member(), world.store(), world.order(), world.member(), world.store(), world.order());
    }
    world.stack.kill("mariadb").unwrap();

    expect_unavailable(world.get("/api/order/orders")).await;
    expect_unavailable(world.get("/api/member/me/wallet")).await;

    world.start_again("mariadb").await;
    // The first look may have begun while the database was away. The next one finds no connection from before.
    for service in ["member-api", "store-api", "order-api"] {
        let management = Client::at(world.stack.management_url(service).unwrap());
        management.get("/readyz").send().await;
        management.get("/readyz").send().await.expect(200);
    }
    world.all_is_well().await;
}
