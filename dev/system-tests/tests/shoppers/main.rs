//! Random shoppers and sellers use the shop while everything around them fails. Then the six promises are checked in the
//! databases.
//!
//! Several instances of each service serve a few customers, who fill their carts, order, cancel and ask for refunds, and
//! sellers, who decide the refunds and change what they sell. Meanwhile processes are killed and started again, or paused
//! for longer than their leases. Connections break before a request or before its answer, between the clients and the
//! gateway and between the services and the database. Some clients hang up. A client without an answer does what clients
//! do: it sends the same request with the same key again.
//!
//! Other customers close their accounts, some of them while an order of all their money is being placed.
//!
//! Every answer is compared with who asked. Each shopper has a name, amounts of charges and an item to buy that no other
//! shopper has. So the account, cart, order or entries of another shopper are noticed.
//!
//! When all work is finished, `system_tests::databases` checks the promises, and `history` compares the databases with the
//! answers to the clients. `stock_book` compares the stock with what sellers have added by their keys.
//!
//! | variable | what it sets |
//! |---|---|
//! | `DALKOM_SHOPPERS_SEED` | the seed of all random numbers; a random one otherwise, and printed |
//! | `DALKOM_SHOPPERS_SECONDS` | for how many seconds the shoppers and sellers go on: 15 |
//!
//! The same seed gives the same random numbers, but not the same run: the order of events depends on the machine.

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

mod faults;
mod history;
mod leaver;
mod market;
mod seller;
mod shopper;
mod stock_book;

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use system_tests::databases::Databases;
use system_tests::test_stack::start_stopped_parts;
use tokio::sync::watch;
use tokio::task::JoinSet;

use faults::{cut_connections, kill_and_pause};
use leaver::Leaver;
use market::{Market, SHOPPERS};
use seller::Vendor;
use shopper::Shopper;

const SECONDS: u64 = 15;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_six_promises_are_kept_whatever_fails() {
    let seed = variable("DALKOM_SHOPPERS_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let seconds = variable("DALKOM_SHOPPERS_SECONDS").unwrap_or(SECONDS);
    println!("DALKOM_SHOPPERS_SEED={seed} DALKOM_SHOPPERS_SECONDS={seconds}");
    let rng = |number: u64| StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(number));
    let market = Market::open(&mut rng(0)).await;

    let (end, ending) = watch::channel(false);
    let mut members = JoinSet::new();
    for (number, seller) in (100..).zip(market.sellers.clone()) {
        members.spawn(Vendor::new(market.clone(), seller, rng(number)).trade(ending.clone()));
    }
    for number in 1..=SHOPPERS {
        members.spawn(Shopper::new(market.clone(), number, rng(number)).await.shop(ending.clone()));
    }
    for number in 1..=SHOPPERS {
        members.spawn(Leaver::new(market.clone(), number, rng(300 + number)).await.leave(ending.clone()));
    }
    let kills = tokio::spawn(kill_and_pause(market.stack.clone(), rng(200), ending.clone()));
    let cuts = tokio::spawn(cut_connections(market.proxies.clone(), rng(201), ending));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    end.send_replace(true);
    let (kills, cuts) = (kills.await.unwrap(), cuts.await.unwrap());
    start_stopped_parts(&market.stack).await;
    members.join_all().await;

    market.history.repeat_unanswered(&market.client).await;
    market.stock_book.repeat_unanswered(&market.client).await;
    let databases = Databases::of(&market.stack).await;
    databases.check_when_idle().await;
    let checked = market.history.check(&market.client, &databases).await;
    let supplies = market.stock_book.check(&databases).await;
    println!(
        "{checked:?}; {supplies} supplies, {kills} processes killed or paused, {cuts} connections ended"
    );
    assert_eq!(market.stack.take_exited(), [], "a process has ended by itself");
    assert!(checked.confirmed > 0 && kills > 0 && cuts > 0, "the test has tested nothing");
}
