//! A process that stands still (SIGSTOP) while it holds a wallet's lock, for longer than its lease: others get the lock,
//! and when it goes on, every won is where it belongs.
//!
//! Between member-api and its database lies a proxy with a trap (`system_tests::trap`): the process is paused at the first
//! request of a charge, at the second, and so on, so that it stands still before, in and after each statement that it
//! makes under the lock.

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde_json::json;
use stack::{Override, Stack};
use system_tests::arena;
use system_tests::books::Books;
use system_tests::client::{Answer, Client};
use system_tests::people::{Person, new_key};
use system_tests::trap::{Moment, Proxy};
use tokio::sync::watch;

const PAUSED: &str = "member-api";
const AMOUNT_WON: i64 = 1_000;
/// The six requests of a charge are made under the lock: BEGIN, the three statements of a transfer, the key, COMMIT. A
/// statement that something else makes meanwhile, to see which sessions have ended, may step into the trap in place of
/// one or the other.
const FEWEST_LOST: usize = 4;
/// How long a process that goes on may take to find that its lease has run out, where it had one: it looks six times a
/// second.
const LATEST_DISCOVERY: Duration = Duration::from_secs(3);
/// However busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Two instances of member-api.
struct World {
    stack: Arc<Stack>,
    trap: Proxy,
    paused: Instance,
    other: Instance,
    customer: Person,
    books: Books,
}

/// One of them, and what it tells of itself.
struct Instance {
    api: Client,
    management: Client,
}

/// What came of standing still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// The charge was through before.
    TooLate,
    /// The process held no lock.
    WithoutLock,
    /// The process held the lock, and lost it.
    LostLock,
}

/// Leases as short as they can be, and a trap before the database.
fn start() -> (Stack, Proxy, String) {
    let mut trap = None;
    let stack = arena::start(|servers| {
        let proxy = trap.insert(Proxy::before(servers.database_port()));
        let url = format!("mysql://127.0.0.1:{}/member", proxy.port());
        vec![
            Override::new(PAUSED, "database.url", url),
            // A trap counts requests, and in an encrypted connection there are others.
            Override::new(PAUSED, "database.tls", "disabled"),
            Override::new(PAUSED, "wallet-lock.lease-ms", 500),
            // Longer than the lease, so that others wait until they have the lock.
            Override::new(PAUSED, "wallet-lock.wait-ms", 20_000),
        ]
    });
    let other = stack.add_instance(PAUSED).unwrap();
    (stack, trap.unwrap(), other)
}

impl Instance {
    fn of(stack: &Stack, name: &str) -> Self {
        Self {
            api: Client::at(stack.url(name).unwrap()),
            management: Client::at(stack.management_url(name).unwrap()),
        }
    }

    async fn count(&self, metric: &str, label: &str) -> u64 {
        let page = self.management.get("/metrics").send().await.expect(200);
        let mut lines = page.as_str().unwrap_or_default().lines();
        let line = lines.find(|line| line.starts_with(metric) && line.contains(label));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0, |figure| figure.parse().unwrap())
    }

    /// How often it was given a lock by Redis.
    async fn locks_taken(&self) -> u64 {
        self.count("lock_requests_total", "outcome=\"taken\"").await
    }

    /// How many leases have run out under its hands.
    async fn leases_lost(&self) -> u64 {
        self.count("lock_leases_lost_total", "").await
    }
}

impl World {
    async fn new() -> Self {
        let (stack, trap, other) = tokio::task::spawn_blocking(start).await.unwrap();
        let customer = Person::customer(&Client::of(&stack), 0).await;
        Self {
            paused: Instance::of(&stack, PAUSED),
            other: Instance::of(&stack, &other),
            books: Books::of(&stack).await,
            stack: Arc::new(stack),
            trap,
            customer,
        }
    }

    fn charge(&self, instance: &Instance, key: &str) -> impl Future<Output = Answer> + Send + use<> {
        let call = instance.api.post("/api/member/me/wallet/charges", &json!({ "amount": AMOUNT_WON }));
        call.bearer(&self.customer.token).key(key).send()
    }

    /// Lets an instance stand still at a moment of a charge, until another one that charges the same wallet has got the
    /// lock. Both charges come to their end.
    async fn pause_at(&self, nth: usize, keys: &[String; 2]) -> Pause {
        let (lost, taken) = (self.paused.leases_lost().await, self.other.locks_taken().await);
        let (tell, mut paused) = watch::channel(false);
        let (go_on, waiting) = mpsc::channel::<()>();
        let stack = self.stack.clone();
        self.trap.set(nth, Moment::HeldBack, move || {
            stack.pause(PAUSED).unwrap();
            tell.send_replace(true);
            // Until the test says so, or is over.
            let _ = waiting.recv();
        });
        let mut first = tokio::spawn(self.charge(&self.paused, &keys[0]));
        let answered = tokio::select! {
            answer = &mut first => Some(answer.unwrap()),
            _ = paused.wait_for(|paused| *paused) => None,
        };
        if answered.is_some() && self.trap.take_away() {
            self.charge(&self.other, &keys[1]).await.expect(201);
            return Pause::TooLate;
        }
        paused.wait_for(|paused| *paused).await.unwrap();

        let second = tokio::spawn(self.charge(&self.other, &keys[1]));
        until(PATIENCE, async || self.other.locks_taken().await > taken)
            .await
            .expect("another instance gets the lock");
        self.stack.resume(PAUSED).unwrap();
        let has_lost =
            until(LATEST_DISCOVERY, async || self.paused.leases_lost().await > lost).await.is_some();
        go_on.send(()).unwrap();
        let first = match answered {
            Some(answer) => answer,
            None => first.await.unwrap(),
        };
        first.expect(201);
        second.await.unwrap().expect(201);
        if has_lost { Pause::LostLock } else { Pause::WithoutLock }
    }
}

/// `None` where it has not come to be so in time.
async fn until(patience: Duration, is_so: impl AsyncFn() -> bool) -> Option<()> {
    let deadline = Instant::now() + patience;
    while !is_so().await {
        if Instant::now() > deadline {
            return None;
        }
        tokio::time::sleep(POLL).await;
    }
    Some(())
}

#[tokio::test]
async fn fault_03_a_holder_that_stands_still_past_its_lease_breaks_nothing() {
    let world = World::new().await;
    let mut keys = vec![new_key(), new_key()];
    // Connections are made and statements prepared: what is counted from here on is a charge's own.
    world.charge(&world.paused, &keys[0]).await.expect(201);
    world.charge(&world.other, &keys[1]).await.expect(201);

    let mut lost = 0;
    for nth in 1.. {
        let both = [new_key(), new_key()];
        let pause = world.pause_at(nth, &both).await;
        keys.extend(both);
        world.books.check().await;
        match pause {
            Pause::TooLate => break,
            Pause::WithoutLock => {}
            Pause::LostLock => lost += 1,
        }
    }

    assert!(lost >= FEWEST_LOST, "the process stood still under the lock {lost} times only");
    for key in &keys {
        let again = world.charge(&world.other, key).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    }
    world.books.check().await;
    assert_eq!(world.customer.balance().await, AMOUNT_WON * i64::try_from(keys.len()).unwrap());
}
