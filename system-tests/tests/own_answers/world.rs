//! A stack with its members: they start to ask, parts of it stand still, and everything is checked in the end.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stack::{Override, Stack};
use system_tests::arena;
use system_tests::books::Books;
use system_tests::client::{Client, number, text};
use system_tests::people::Person;
use system_tests::shop::list_item;
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::customer::{Customer, KEPT_PRICE};
use crate::ledger::Kind;
use crate::probes::hang_up;
use crate::record::{Asker, Phase, Record, Waiting};
use crate::seller::Seller;

/// Whose readiness is asked for.
pub(crate) const SERVICES: [&str; 5] = ["config-server", "member-api", "store-api", "order-api", "gateway"];
/// One for each customer: prime numbers, so that no amount of one can be another's.
const UNITS: [i64; 16] = [
    1_009, 1_013, 1_019, 1_021, 1_031, 1_033, 1_039, 1_049, 1_051, 1_061, 1_063, 1_069, 1_087, 1_091, 1_093,
    1_097,
];
const CUSTOMERS_OF_A_SELLER: usize = 2;
/// More than anybody buys.
const PIECES: i64 = 1_000_000;
/// So many right answers in a row show that all is well again, and several more for each who asks.
const RIGHT_AGAIN: usize = 40;
const RIGHT_AGAIN_EACH: usize = 4;
/// How long that may take, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);
/// A key whose answer could not be kept is taken over when its lease is; twice that.
const KEY_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// A stack, and members who ask for what is theirs.
pub(crate) struct World {
    stack: Arc<Stack>,
    pub(crate) record: Record,
    books: Books,
    members: Vec<Member>,
    dice: StdRng,
    _alone: MutexGuard<'static, ()>,
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

/// The stack that the tests share, one after the other.
fn shared() -> Arc<Stack> {
    static SHARED: OnceLock<Arc<Stack>> = OnceLock::new();
    let start = || {
        Arc::new(arena::start(|_| {
            // What is left lying is taken up soon.
            vec![
                Override::new("order-api", "worker.lease-s", 2),
                Override::new("order-api", "worker.poll-ms", 200),
            ]
        }))
    };
    SHARED.get_or_init(start).clone()
}

impl World {
    pub(crate) async fn open(seed: u64, waiting: Waiting) -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        let alone = ALONE.lock().await;
        let stack = tokio::task::spawn_blocking(shared).await.unwrap();
        let mut dice = StdRng::seed_from_u64(seed);
        let (record, client, books) = (Record::new(), Client::of(&stack), Books::of(&stack).await);
        let mut members = Vec::new();
        for units in UNITS.chunks(CUSTOMERS_OF_A_SELLER) {
            let mut asker =
                || Asker { record: record.clone(), waiting, dice: StdRng::seed_from_u64(dice.random()) };
            let me = Person::seller(&client).await;
            let (mut items, mut customers) = (Vec::new(), Vec::new());
            for unit in units {
                let offers = [(*unit, PIECES), (KEPT_PRICE * unit, PIECES)];
                let item = list_item(&client, &me, &offers).await;
                let kept = i64::try_from(members.len()).unwrap() + 2;
                let customer = Customer::new(&client, item.clone(), *unit, kept, asker()).await;
                customers.push(customer.me.name.clone());
                items.push(item);
                members.push(Member::Customer(Box::new(customer)));
            }
            let seller = Seller { me, items, customers, client: client.clone(), asker: asker(), edits: 0 };
            members.push(Member::Seller(Box::new(seller)));
        }
        Self { stack, record, books, members, dice, _alone: alone }
    }

    /// Starts so many tasks, in each of which one member at a time asks for what is theirs, until they are stopped.
    pub(crate) fn start_asking(&mut self, at_a_time: usize) -> Running {
        let (end, ending) = watch::channel(false);
        let mut groups: Vec<Vec<Member>> = (0..at_a_time).map(|_| Vec::new()).collect();
        for (place, member) in self.members.drain(..).enumerate() {
            groups[place % at_a_time].push(member);
        }
        let mut tasks = JoinSet::new();
        for mut group in groups {
            let (ending, mut dice) = (ending.clone(), StdRng::seed_from_u64(self.dice.random()));
            tasks.spawn(async move {
                while !*ending.borrow() {
                    let one = dice.random_range(0..group.len());
                    group[one].ask().await;
                }
                group
            });
        }
        Running { at_a_time, end, tasks }
    }

    /// Waits for so many answers, while nothing stands still.
    pub(crate) async fn ask_while_all_is_well(&self, count: usize) {
        self.record.answers(count, PATIENCE).await;
        self.record.expect_no_fault("while nothing stood still");
    }

    /// Sends all services probes that hang up.
    pub(crate) async fn probe(&mut self) {
        hang_up(&self.stack, &SERVICES, &mut self.dice).await;
    }

    /// Has a part stand still for a while, and waits until all is as it was.
    pub(crate) async fn stall(&mut self, running: &Running, part: &str, held: Duration) {
        let right_again = RIGHT_AGAIN + running.at_a_time * RIGHT_AGAIN_EACH;
        self.record.begin_phase(Phase::Stall);
        self.stack.pause(part).unwrap();
        self.probe().await;
        tokio::time::sleep(held).await;
        self.stack.resume(part).unwrap();

        self.record.begin_phase(Phase::Recovery);
        self.wait_until_ready().await;
        self.record.answers(right_again, PATIENCE).await;
        self.record.begin_phase(Phase::AllWell);
        self.record.answers(right_again, PATIENCE).await;
        self.record.expect_no_fault(&format!("before, while or after {part} stood still"));
    }

    async fn wait_until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        for service in SERVICES {
            let client = Client::at(self.stack.management_url(service).unwrap());
            loop {
                let answer = client.get("/readyz").send().await;
                if answer.status == 200 {
                    break;
                }
                assert!(Instant::now() < deadline, "{service} is not ready: {}", answer.body);
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Stops them, and checks everything.
    pub(crate) async fn stop(&mut self, running: Running) {
        running.end.send_replace(true);
        self.members = running.tasks.join_all().await.into_iter().flatten().collect();
        self.settle().await;
    }

    /// Has every customer order so many times, all customers at a time, and hang up each time.
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
        self.settle().await;
    }

    /// Asks again for all that was not answered, and compares the databases with what everybody was told.
    async fn settle(&mut self) {
        for member in &mut self.members {
            let Member::Customer(customer) = member else { continue };
            let deadline = Instant::now() + KEY_PATIENCE;
            while !customer.settle().await {
                assert!(Instant::now() < deadline, "a request is never answered\n{}", self.record.report());
                tokio::time::sleep(POLL).await;
            }
        }
        self.record.expect_no_fault("when everything was asked for again");
        self.books.check_when_quiet().await;
        for member in &self.members {
            let Member::Customer(customer) = member else { continue };
            check(&self.books, customer).await;
        }
        assert_eq!(self.stack.fallen(), [], "somebody died");
    }
}

/// Compares the databases with what a customer was told: everything is there, once, and nothing else.
async fn check(books: &Books, customer: &Customer) {
    let id = uuid(&customer.me.id);
    let (mut charges, mut orders) = (BTreeSet::new(), BTreeSet::new());
    for request in &customer.ledger.requests {
        let told = &request.told.as_ref().expect("everything was answered").body;
        let told_id = uuid(&text(told, "id"));
        let is_new = match request.kind {
            Kind::Charge => charges.insert((told_id, number(told, "amount"), number(told, "balance"))),
            Kind::Order => orders.insert((told_id, number(told, "total"), "CONFIRMED".to_owned())),
        };
        assert!(is_new, "two keys have one effect: {request:?}");
    }
    assert_eq!(books.charges(id).await, charges, "the charges of {id}, and what was told");
    assert_eq!(books.orders_of(id).await, orders, "the orders of {id}, and what was told");
}

fn uuid(text: &str) -> Uuid {
    text.parse().unwrap_or_else(|_| panic!("{text} is no id"))
}
