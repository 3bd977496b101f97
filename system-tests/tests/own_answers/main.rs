//! Nobody ever gets another's answer, and nobody is told what has not happened.
//!
//! Customers and sellers, each with names and amounts of their own, ask for what is theirs: one, eight and all of them at
//! a time, before, while and after a part stands still (SIGSTOP): the database, Redis, each of the services. Many of them
//! hang up before they are answered, and so do probes of readiness. Every answer is compared with who asked:
//!
//! - What is answered 2xx is the asker's own, with ids, names and amounts. A balance is what the member was told to have
//!   charged and paid, and some of what they were not told of.
//! - 502, 503, 504 and no answer at all are told only while something stands still, and for a while after that. Any
//!   other answer than the one that is due, such as 401, 404, 409 and 500, is a fault at any time.
//!
//! In the end everything that was not answered is asked for again by its key, and the databases have all that was told,
//! once.
//!
//! | variable | what it sets |
//! |---|---|
//! | `DALKOM_ANSWERS_SEED` | the seed of every dice; a random one otherwise, and printed |

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

mod customer;
mod ledger;
mod probes;
mod record;
mod seller;
mod world;

use std::time::Duration;

use record::Waiting;
use world::World;

/// How many members ask at a time; the last time all of them.
const AT_A_TIME: [usize; 3] = [1, 8, 24];
/// What stands still, and for how long. The database does for longer than a request waits for a connection, and all for
/// longer than a lease of order-api, which is set to a second.
const STALLS: [(&str, Duration); 7] = [
    ("mariadb", Duration::from_secs(4)),
    ("redis", Duration::from_millis(1_200)),
    ("member-api", Duration::from_millis(1_200)),
    ("store-api", Duration::from_millis(1_200)),
    ("order-api", Duration::from_millis(1_200)),
    ("gateway", Duration::from_millis(1_200)),
    ("config-server", Duration::from_millis(1_200)),
];
/// What is asked before anything stands still.
const ANSWERS_BEFORE: usize = 120;
/// After so many answers the connections that a flood of probes has left behind were all used.
const ANSWERS_AFTER_PROBES: usize = 400;
const FLOODS: usize = 3;
/// How often each of the sixteen customers hangs up on an order.
const HANG_UPS: usize = 10;

fn seed() -> u64 {
    let name = "DALKOM_ANSWERS_SEED";
    let set = std::env::var(name).ok();
    let set = set.map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")));
    let seed = set.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("{name}={seed}");
    seed
}

#[tokio::test]
async fn probes_that_hang_up_change_no_answer() {
    let mut world = World::open(seed(), Waiting::UntilAnswered).await;
    let running = world.start_asking(8);
    world.ask_while_all_is_well(ANSWERS_BEFORE).await;

    for _ in 0..FLOODS {
        world.probe().await;
        world.ask_while_all_is_well(ANSWERS_AFTER_PROBES).await;
    }

    world.stop(running).await;
    println!("{}", world.record.report());
}

#[tokio::test]
async fn an_order_whose_client_hangs_up_is_finished() {
    let mut world = World::open(seed(), Waiting::UntilAnswered).await;

    world.hang_up_on_orders(HANG_UPS).await;

    println!("{}", world.record.report());
}

#[tokio::test]
async fn whatever_stands_still_every_answer_is_the_askers_own() {
    let mut world = World::open(seed(), Waiting::OftenGivesUp).await;
    for at_a_time in AT_A_TIME {
        let running = world.start_asking(at_a_time);
        world.ask_while_all_is_well(ANSWERS_BEFORE).await;

        for (part, held) in STALLS {
            world.stall(&running, part, held).await;
        }

        world.stop(running).await;
        println!("{at_a_time} at a time: {}", world.record.report());
    }
}
