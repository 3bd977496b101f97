//! No member ever gets the answer of another member, and every answer is true.
//!
//! Customers and sellers, each with their own names and amounts, ask for what belongs to them: one, eight and all of them
//! at a time; before, while and after a part is paused (SIGSTOP): the database, Redis, each of the services. Many of them
//! hang up before they are answered, and so do probes of readiness. Every answer is checked:
//!
//! - An answer of 2xx belongs to the member who asked: ids, names and amounts. A balance is the sum of the charges and
//!   payments with an answer, and of some without one.
//! - 502, 503, 504 and no answer at all come only while a part is paused, and for a while after that. Any other unexpected
//!   answer, such as 401, 404, 409 and 500, is a fault at any time.
//!
//! At the end all requests without an answer are repeated with their keys. The databases then hold the effect of every
//! answer, once.
//!
//! | variable | what it sets |
//! |---|---|
//! | `DALKOM_ANSWERS_SEED` | the seed of all random numbers; a random one otherwise, and printed |

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

mod customer;
mod model;
mod probes;
mod record;
mod seller;
mod world;

use std::time::Duration;

use record::HangUps;
use world::World;

/// How many members ask at a time. The last number is all of them.
const AT_A_TIME: [usize; 3] = [1, 8, 24];
/// Which parts are paused, and for how long. The database is paused for longer than a request waits for a connection, and
/// all for longer than a second.
const PAUSES: [(&str, Duration); 7] = [
    ("mariadb", Duration::from_secs(4)),
    ("redis", Duration::from_millis(1_200)),
    ("member-api", Duration::from_millis(1_200)),
    ("store-api", Duration::from_millis(1_200)),
    ("order-api", Duration::from_millis(1_200)),
    ("gateway", Duration::from_millis(1_200)),
    ("config-server", Duration::from_millis(1_200)),
];
/// So many answers come before a part is paused.
const ANSWERS_BEFORE: usize = 120;
/// After this number of answers, every connection that a flood of probes has left was used again.
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
    let mut world = World::open(seed(), HangUps::Never).await;
    let running = world.start_asking(8);
    world.ask_while_healthy(ANSWERS_BEFORE).await;

    for _ in 0..FLOODS {
        world.probe().await;
        world.ask_while_healthy(ANSWERS_AFTER_PROBES).await;
    }

    world.stop(running).await;
    println!("{}", world.record.report());
}

#[tokio::test]
async fn an_order_whose_client_hangs_up_is_finished() {
    let mut world = World::open(seed(), HangUps::Never).await;

    world.hang_up_on_orders(HANG_UPS).await;

    println!("{}", world.record.report());
}

#[tokio::test]
async fn while_any_part_is_paused_every_answer_belongs_to_its_member() {
    let mut world = World::open(seed(), HangUps::Often).await;
    for at_a_time in AT_A_TIME {
        let running = world.start_asking(at_a_time);
        world.ask_while_healthy(ANSWERS_BEFORE).await;

        for (part, held) in PAUSES {
            world.pause(&running, part, held).await;
        }

        world.stop(running).await;
        println!("{at_a_time} at a time: {}", world.record.report());
    }
}
