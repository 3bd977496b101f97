//! A process that stands still (SIGSTOP) while it holds a wallet's lock, for longer than its lease: others get the lock, and
//! when it goes on, every won is where it belongs.
//!
//! Between member-api and its database lies a proxy with a trap (`system_tests::trap`): the process is paused at the
//! first request of a charge, at the second, and so on, so that it stands still before, in and after each statement that it
//! makes under the lock.

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
const AMOUNT: i64 = 1_000;
/// So many of a charge's statements are made under the lock: the transaction's begin and end, and the three between.
const STATEMENTS_UNDER_LOCK: usize = 5;
/// How long a process that goes on may take to find that its lease has run out, where it had one.
const LATEST_DISCOVERY: Duration = Duration::from_secs(2);
/// A key whose request came to nothing can be sent again by then.
const KEY_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

struct World {
    stack: Arc<Stack>,
    trap: Proxy,
    /// The instance that is paused, what it tells of itself, and another instance.
    paused: Client,
    figures: Client,
    other: Client,
    customer: Person,
    books: Books,
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

/// Two instances of member-api with leases as short as they can be, and with a trap before their database.
fn start() -> (Stack, Proxy, String) {
    let mut trap = None;
    let stack = arena::start(|servers| {
        let proxy = trap.insert(Proxy::before(servers.database_port()));
        let url = format!("mysql://127.0.0.1:{}/member", proxy.port());
        vec![
            Override::new(PAUSED, "database.url", url),
            // A trap counts requests, and in an encrypted connection there are others.
            Override::new(PAUSED, "database.tls", "disabled"),
            // A row that the paused process has locked stays so.
            Override::new(PAUSED, "database.lock-wait-timeout-s", 1),
            Override::new(PAUSED, "wallet-lock.lease-ms", 500),
        ]
    });
    let other = stack.add_instance(PAUSED).unwrap();
    (stack, trap.unwrap(), other)
}

impl World {
    async fn new() -> Self {
        let (stack, trap, other) = tokio::task::spawn_blocking(start).await.unwrap();
        let customer = Person::customer(&Client::of(&stack), 0).await;
        Self {
            paused: Client::at(stack.url(PAUSED).unwrap()),
            figures: Client::at(stack.management_url(PAUSED).unwrap()),
            other: Client::at(stack.url(&other).unwrap()),
            books: Books::of(&stack).await,
            stack: Arc::new(stack),
            trap,
            customer,
        }
    }

    fn charge(&self, instance: &Client, key: &str) -> impl Future<Output = Answer> + Send + use<> {
        let call = instance.post("/api/member/me/wallet/charges", &json!({ "amount": AMOUNT }));
        call.bearer(&self.customer.token).key(key).send()
    }

    /// How many leases have run out under the hands of the instance that is paused.
    async fn leases_lost(&self) -> u64 {
        let text = self.figures.get("/metrics").send().await.expect(200);
        let mut lines = text.as_str().unwrap_or_default().lines();
        let figure = lines.find_map(|line| line.strip_prefix("lock_leases_lost_total "));
        figure.map_or(0, |figure| figure.parse().unwrap())
    }

    /// Lets an instance stand still at a moment of a charge, until another one has charged the same wallet or given up.
    async fn pause_at(&self, nth: usize, keys: &[String; 2]) -> Pause {
        let lost_before = self.leases_lost().await;
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
        tokio::select! {
            answer = &mut first => {
                answer.unwrap().expect(201);
                assert!(self.trap.take_away(), "something else than the charge stepped into the trap");
                self.charge(&self.other, &keys[1]).await.expect(201);
                return Pause::TooLate;
            }
            _ = paused.wait_for(|paused| *paused) => {}
        }

        // It waits until the lease has run out, and then perhaps for the wallet's row, in vain.
        let second = self.charge(&self.other, &keys[1]).await;
        assert!(second.status == 201 || second.code() == "SERVICE_UNAVAILABLE", "{}", second.body);

        self.stack.resume(PAUSED).unwrap();
        let deadline = Instant::now() + LATEST_DISCOVERY;
        let has_lost = loop {
            if self.leases_lost().await > lost_before {
                break true;
            }
            if Instant::now() > deadline {
                break false;
            }
            tokio::time::sleep(POLL).await;
        };
        go_on.send(()).unwrap();
        first.await.unwrap();
        if has_lost { Pause::LostLock } else { Pause::WithoutLock }
    }

    /// Sends every charge again until it has its answer.
    async fn repeat_all(&self, keys: &[String]) {
        let deadline = Instant::now() + KEY_PATIENCE;
        for key in keys {
            while self.charge(&self.other, key).await.status != 201 {
                assert!(Instant::now() < deadline, "a charge can't be made");
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

#[tokio::test]
async fn fault_03_a_holder_that_stands_still_past_its_lease_breaks_nothing() {
    let world = World::new().await;
    // Connections are made and statements prepared: what is counted from here on is a charge's own.
    let mut keys = vec![new_key(), new_key()];
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

    assert!(lost >= STATEMENTS_UNDER_LOCK, "the process stood still under the lock {lost} times only");
    world.repeat_all(&keys).await;
    world.books.check().await;
    assert_eq!(world.customer.balance().await, AMOUNT * i64::try_from(keys.len()).unwrap());
}
