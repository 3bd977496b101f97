//! A process is paused (SIGSTOP) for longer than its lease of a wallet's lock: others get the lock, and when the process is
//! resumed, every won is where it belongs.
//!
//! A `testkit::FaultProxy` stands between member-api and its database. The process is paused at the first request of a
//! charge, at the second and so on: before, in and after each statement that it makes under the lock.

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use stack::{Override, Stack};
use system_tests::Client;
use system_tests::databases::Databases;
use system_tests::test_stack::{self, database_proxy, gateway};
use testkit::member::{Member, new_key};
use testkit::{Answer, Fault, FaultProxy, holds_within, until};

const PAUSED: &str = "member-api";
const AMOUNT_WON: i64 = 1_000;
/// A charge makes six requests under the lock: BEGIN, the three statements of a transfer, the key, COMMIT. The proxy may
/// count another statement instead of one of them: member-api also asks for the sessions that have ended.
const FEWEST_LOST: usize = 4;
/// How long a resumed process may take to notice that its lease has expired: it checks six times a second.
const LATEST_DISCOVERY: Duration = Duration::from_secs(3);
/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two instances of member-api.
struct World {
    stack: Arc<Stack>,
    proxy: FaultProxy,
    paused: Instance,
    other: Instance,
    customer: Member,
    databases: Databases,
}

/// The API of an instance, and its metrics.
struct Instance {
    api: Client,
    management: Client,
}

/// What a pause has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// The charge was finished before.
    TooLate,
    /// The process did not hold the lock.
    WithoutLock,
    /// The process held the lock and lost it.
    LostLock,
}

/// A stack with the shortest leases, a proxy before the database, and a second instance.
fn start() -> (Stack, FaultProxy, String) {
    let mut proxy = None;
    let stack = test_stack::start(|servers| {
        let (the_proxy, mut overrides) = database_proxy(PAUSED, servers);
        proxy = Some(the_proxy);
        overrides.extend([
            Override::new(PAUSED, "wallet-lock.lease-ms", 500),
            // Longer than the lease, so that others wait until they have the lock.
            Override::new(PAUSED, "wallet-lock.wait-ms", 20_000),
        ]);
        overrides
    });
    let other = stack.add_instance(PAUSED).unwrap();
    (stack, proxy.unwrap(), other)
}

impl Instance {
    fn of(stack: &Stack, name: &str) -> Self {
        Self {
            api: Client::at(&stack.url(name).unwrap()),
            management: Client::at(&stack.management_url(name).unwrap()),
        }
    }

    async fn count(&self, metric: &str, label: &str) -> u64 {
        let page = self.management.get("/metrics").send().await.expect(StatusCode::OK).text();
        let mut lines = page.lines();
        let line = lines.find(|line| line.starts_with(metric) && line.contains(label));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0, |figure| figure.parse().unwrap())
    }

    /// How often it has acquired a lock.
    async fn locks_taken(&self) -> u64 {
        self.count("lock_requests_total", "outcome=\"taken\"").await
    }

    /// How many of its leases have expired while it held the lock.
    async fn leases_lost(&self) -> u64 {
        self.count("lock_leases_lost_total", "").await
    }
}

impl World {
    async fn new() -> Self {
        let (stack, proxy, other) = tokio::task::spawn_blocking(start).await.unwrap();
        let customer = Member::customer(&gateway(&stack), 0).await;
        Self {
            paused: Instance::of(&stack, PAUSED),
            other: Instance::of(&stack, &other),
            databases: Databases::of(&stack).await,
            stack: Arc::new(stack),
            proxy,
            customer,
        }
    }

    fn charge(&self, instance: &Instance, key: &str) -> impl Future<Output = Answer> + Send + use<> {
        let call = instance.api.post("/api/member/me/wallet/charges").json(&json!({ "amount": AMOUNT_WON }));
        call.bearer(&self.customer.token).key(key).send()
    }

    /// Pauses an instance at a request of a charge until another instance that charges the same wallet has acquired the
    /// lock. Both charges succeed.
    async fn pause_at(&self, nth: usize, keys: &[String; 2]) -> Pause {
        let (lost, taken) = (self.paused.leases_lost().await, self.other.locks_taken().await);
        self.proxy.fault_at(nth, Fault::HoldRequest);
        let mut first = tokio::spawn(self.charge(&self.paused, &keys[0]));
        let answered = tokio::select! {
            answer = &mut first => Some(answer.unwrap()),
            () = self.proxy.wait_for_fault() => None,
        };
        if answered.is_some() {
            if self.proxy.cancel_request_faults() {
                self.charge(&self.other, &keys[1]).await.expect(StatusCode::CREATED);
                return Pause::TooLate;
            }
            // A request of other work is held.
            self.proxy.wait_for_fault().await;
        }
        self.stack.pause(PAUSED).unwrap();

        let second = tokio::spawn(self.charge(&self.other, &keys[1]));
        until("another instance acquires the lock", PATIENCE, async || {
            self.other.locks_taken().await > taken
        })
        .await;
        self.stack.resume(PAUSED).unwrap();
        let has_lost = holds_within(LATEST_DISCOVERY, async || self.paused.leases_lost().await > lost).await;
        self.proxy.pass_on_held();
        let first = match answered {
            Some(answer) => answer,
            None => first.await.unwrap(),
        };
        first.expect(StatusCode::CREATED);
        second.await.unwrap().expect(StatusCode::CREATED);
        if has_lost { Pause::LostLock } else { Pause::WithoutLock }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_03_a_holder_that_stands_still_past_its_lease_breaks_nothing() {
    let world = World::new().await;
    let mut keys = vec![new_key(), new_key()];
    // They open the connections and prepare the statements, so that later requests are a charge's own.
    world.charge(&world.paused, &keys[0]).await.expect(StatusCode::CREATED);
    world.charge(&world.other, &keys[1]).await.expect(StatusCode::CREATED);

    let mut lost = 0;
    for nth in 1.. {
        let both = [new_key(), new_key()];
        let pause = world.pause_at(nth, &both).await;
        keys.extend(both);
        world.databases.check().await;
        match pause {
            Pause::TooLate => break,
            Pause::WithoutLock => {}
            Pause::LostLock => lost += 1,
        }
    }

    assert!(lost >= FEWEST_LOST, "the process lost the lock only {lost} times");
    for key in &keys {
        let again = world.charge(&world.other, key).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (StatusCode::CREATED, "true"));
    }
    world.databases.check().await;
    assert_eq!(world.customer.balance().await, AMOUNT_WON * i64::try_from(keys.len()).unwrap());
}
