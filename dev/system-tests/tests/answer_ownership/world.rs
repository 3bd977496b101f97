//! A stack and its members: they start to ask, parts are paused, and at the end everything is checked.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::StatusCode;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stack::{Override, Stack};
use system_tests::Client;
use system_tests::databases::Databases;
use system_tests::test_stack::{self, exclusive, gateway};
use testkit::member::Member as Account;
use testkit::shop::list_item;
use testkit::{eventually, integer, text};
use tokio::sync::{MutexGuard, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::customer::{Customer, SECOND_PRICE};
use crate::model::Kind;
use crate::probes::hang_up;
use crate::record::{Asker, HangUps, Phase, Record};
use crate::seller::Seller;

/// The services that are asked whether they are ready.
pub(crate) const SERVICES: [&str; 5] = ["config-server", "member-api", "store-api", "order-api", "gateway"];
/// One prime number for each customer, so that no amount of one customer can be that of another.
const UNITS: [i64; 16] = [
    1_009, 1_013, 1_019, 1_021, 1_031, 1_033, 1_039, 1_049, 1_051, 1_061, 1_063, 1_069, 1_087, 1_091, 1_093,
    1_097,
];
const CUSTOMERS_OF_A_SELLER: usize = 2;
/// More than all customers buy.
const PIECES: i64 = 1_000_000;
/// So many right answers in a row show that the stack is healthy again, and some more for each task that asks.
const RIGHT_AGAIN: usize = 40;
const RIGHT_AGAIN_EACH: usize = 4;
/// How long that may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// A key whose answer could not be stored can be used again after its lease. This is twice the lease.
const KEY_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// A stack, and members who ask for what belongs to them.
pub(crate) struct World {
    stack: Arc<Stack>,
    pub(crate) record: Record,
    databases: Databases,
    members: Vec<Member>,
    rng: StdRng,
    _exclusive: MutexGuard<'static, ()>,
}

/// A member of either role.
enum Member {
    Customer(Box<Customer>),
    Seller(Box<Seller>),
}

/// Tasks in which members ask.
pub(crate) struct Running {
    at_a_time: usize,
    end: watch::Sender<bool>,
    tasks: JoinSet<Vec<Member>>,
}

impl Member {
    async fn ask(&mut self) {
        match self {
            Self::Customer(customer) => customer.ask().await,
            Self::Seller(seller) => seller.ask().await,
        }
    }
}

/// The stack that the tests use, one after the other.
fn shared() -> Arc<Stack> {
    static SHARED: OnceLock<Arc<Stack>> = OnceLock::new();
    let start = || {
        Arc::new(test_stack::start(|_| {
            // Unfinished work is claimed soon.
            vec![
                Override::new("order-api", "worker.lease-s", 2),
                Override::new("order-api", "worker.poll-ms", 200),
            ]
        }))
    };
    SHARED.get_or_init(start).clone()
}

impl World {
    pub(crate) async fn open(seed: u64, hang_ups: HangUps) -> Self {
        let exclusive = exclusive().await;
        let stack = tokio::task::spawn_blocking(shared).await.unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        let (record, client, databases) = (Record::new(), gateway(&stack), Databases::of(&stack).await);
        let mut members = Vec::new();
        for units in UNITS.chunks(CUSTOMERS_OF_A_SELLER) {
            let mut asker =
                || Asker { record: record.clone(), hang_ups, rng: StdRng::seed_from_u64(rng.random()) };
            let me = Account::seller(&client).await;
            let (mut items, mut customers) = (Vec::new(), Vec::new());
            for unit in units {
                let offers = [(*unit, PIECES), (SECOND_PRICE * unit, PIECES)];
                let item = list_item(&client, &me, &offers).await;
                let second_quantity = i64::try_from(members.len()).unwrap() + 2;
                let customer = Customer::new(&client, item.clone(), *unit, second_quantity, asker()).await;
                customers.push(customer.me.name.clone());
                items.push(item);
                members.push(Member::Customer(Box::new(customer)));
            }
            let seller = Seller { me, items, customers, client: client.clone(), asker: asker(), edits: 0 };
            members.push(Member::Seller(Box::new(seller)));
        }
        Self { stack, record, databases, members, rng, _exclusive: exclusive }
    }

    /// Starts `at_a_time` tasks. In each task one member at a time sends requests, until the tasks are stopped.
    pub(crate) fn start_asking(&mut self, at_a_time: usize) -> Running {
        let (end, ending) = watch::channel(false);
        let mut groups: Vec<Vec<Member>> = (0..at_a_time).map(|_| Vec::new()).collect();
        for (place, member) in self.members.drain(..).enumerate() {
            groups[place % at_a_time].push(member);
        }
        let mut tasks = JoinSet::new();
        for mut group in groups {
            let (ending, mut rng) = (ending.clone(), StdRng::seed_from_u64(self.rng.random()));
            tasks.spawn(async move {
                while !*ending.borrow() {
                    let one = rng.random_range(0..group.len());
                    group[one].ask().await;
                }
                group
            });
        }
        Running { at_a_time, end, tasks }
    }

    /// Waits for `count` answers while no part is paused.
    pub(crate) async fn ask_while_healthy(&self, count: usize) {
        self.record.wait_for_answers(count, PATIENCE).await;
        self.record.expect_no_fault("while no part was paused");
    }

    /// Sends all services probes that hang up.
    pub(crate) async fn probe(&mut self) {
        hang_up(&self.stack, &SERVICES, &mut self.rng).await;
    }

    /// Pauses a part for a while, and waits until the stack is healthy again.
    pub(crate) async fn pause(&mut self, running: &Running, part: &str, held: Duration) {
        let right_again = RIGHT_AGAIN + running.at_a_time * RIGHT_AGAIN_EACH;
        self.record.begin_phase(Phase::Pause);
        self.stack.pause(part).unwrap();
        self.probe().await;
        tokio::time::sleep(held).await;
        self.stack.resume(part).unwrap();

        self.record.begin_phase(Phase::Recovery);
        self.wait_until_ready().await;
        self.record.wait_for_answers(right_again, PATIENCE).await;
        self.record.begin_phase(Phase::Healthy);
        self.record.wait_for_answers(right_again, PATIENCE).await;
        self.record.expect_no_fault(&format!("before, while or after {part} was paused"));
    }

    async fn wait_until_ready(&self) {
        for service in SERVICES {
            let client = Client::at(&self.stack.management_url(service).unwrap());
            eventually(PATIENCE, async || {
                let answer = client.get("/readyz").send().await;
                if answer.status == StatusCode::OK {
                    return Ok(());
                }
                Err(format!("{service} is not ready: {}", answer.body))
            })
            .await;
        }
    }

    /// Stops the tasks, and checks everything.
    pub(crate) async fn stop(&mut self, running: Running) {
        running.end.send_replace(true);
        self.members = running.tasks.join_all().await.into_iter().flatten().collect();
        self.finish_and_check().await;
    }

    /// All customers order at once, `times` times, and hang up each time.
    pub(crate) async fn hang_up_on_orders(&mut self, times: usize) {
        let mut tasks = JoinSet::new();
        for mut member in self.members.drain(..) {
            tasks.spawn(async move {
                if let Member::Customer(customer) = &mut member {
                    for _ in 0..times {
                        customer.hang_up_on_an_order().await;
                    }
                }
                member
            });
        }
        self.members = tasks.join_all().await;
        self.finish_and_check().await;
    }

    /// Repeats all requests without an answer, and compares the databases with all answers.
    async fn finish_and_check(&mut self) {
        for member in &mut self.members {
            let Member::Customer(customer) = member else { continue };
            let deadline = Instant::now() + KEY_PATIENCE;
            while !customer.repeat_unanswered().await {
                assert!(Instant::now() < deadline, "a request is never answered\n{}", self.record.report());
                tokio::time::sleep(POLL).await;
            }
        }
        self.record.expect_no_fault("when all requests without an answer were repeated");
        self.databases.check_when_idle().await;
        for member in &self.members {
            let Member::Customer(customer) = member else { continue };
            check(&self.databases, customer).await;
        }
        assert_eq!(self.stack.take_exited(), [], "a process has ended by itself");
    }
}

/// Compares the databases with the answers to a customer: each charge and order is there once, and no other.
async fn check(databases: &Databases, customer: &Customer) {
    let id = uuid(&customer.me.id);
    let (mut charges, mut orders) = (BTreeSet::new(), BTreeSet::new());
    for request in &customer.model.requests {
        let answer = &request.answer.as_ref().expect("all requests have an answer").body;
        let answer_id = uuid(&text(answer, "id"));
        let is_new = match request.kind {
            Kind::Charge => {
                charges.insert((answer_id, integer(answer, "amount"), integer(answer, "balance")))
            }
            Kind::Order => orders.insert((answer_id, integer(answer, "total"), "CONFIRMED".to_owned())),
        };
        assert!(is_new, "two keys have one effect: {request:?}");
    }
    assert_eq!(databases.charges(id).await, charges, "the charges of {id} and the answers");
    assert_eq!(databases.orders_of(id).await, orders, "the orders of {id} and the answers");
}

fn uuid(text: &str) -> Uuid {
    text.parse().unwrap_or_else(|_| panic!("{text} is not an id"))
}
