//! Random shoppers and sellers, while everything around them breaks; then the six promises, from the databases alone.
//!
//! Several instances of each service serve a few customers who fill their carts, order, cancel and ask for their money
//! back, and sellers who answer them and change what they sell. Meanwhile processes are killed and started again, stand
//! still for longer than their leases, and connections break before a request or before its reply, between the clients
//! and the gateway and between the services and the database; and some clients hang up. A client that gets no answer does
//! what clients do: it sends the same request by the same key again.
//!
//! Every answer is compared with who asked. Each shopper has a name, amounts of charges and one thing to buy that no
//! other has, so that another's account, cart, order or statement is noticed.
//!
//! When it has become quiet, `system_tests::books` holds the databases against the promises, and `memory` against what
//! the clients were told.
//!
//! | variable | what it sets |
//! |---|---|
//! | `DALKOM_SHOPPERS_SEED` | the seed of every dice; a random one otherwise, and printed |
//! | `DALKOM_SHOPPERS_SECONDS` | for how long they go on: 15 |
//!
//! The same seed throws the same dice. What meets what in the machine is another matter, so a run is not repeated to
//! the letter.

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

mod chaos;
mod market;
mod memory;
mod seller;
mod shopper;

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use system_tests::arena::heal;
use system_tests::books::Books;
use tokio::sync::watch;
use tokio::task::JoinSet;

use chaos::{cut_connections, strike};
use market::{Market, SHOPPERS};
use seller::Vendor;
use shopper::Shopper;

const SECONDS: u64 = 15;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[tokio::test]
async fn whatever_breaks_the_six_promises_hold() {
    let seed = variable("DALKOM_SHOPPERS_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let seconds = variable("DALKOM_SHOPPERS_SECONDS").unwrap_or(SECONDS);
    println!("DALKOM_SHOPPERS_SEED={seed} DALKOM_SHOPPERS_SECONDS={seconds}");
    let dice = |number: u64| StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(number));
    let market = Market::open(&mut dice(0)).await;

    let (end, ending) = watch::channel(false);
    let mut people = JoinSet::new();
    for (number, seller) in (100..).zip(market.sellers.clone()) {
        people.spawn(Vendor::new(market.clone(), seller, dice(number)).trade(ending.clone()));
    }
    for number in 1..=SHOPPERS {
        people.spawn(Shopper::new(market.clone(), number, dice(number)).await.shop(ending.clone()));
    }
    let blows = tokio::spawn(strike(market.stack.clone(), dice(200), ending.clone()));
    let cuts = tokio::spawn(cut_connections(market.proxies.clone(), dice(201), ending));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    end.send_replace(true);
    let (blows, cuts) = (blows.await.unwrap(), cuts.await.unwrap());
    heal(&market.stack).await;
    people.join_all().await;

    market.memory.ask_again(&market.client).await;
    let books = Books::of(&market.stack).await;
    books.check_when_quiet().await;
    let told = market.memory.check(&market.client, &books).await;
    println!("{told:?}; {blows} processes killed or held, {cuts} connections cut");
    assert_eq!(market.stack.fallen(), [], "somebody died of something else");
    assert!(told.confirmed > 0 && blows > 0 && cuts > 0, "nothing was put to the test");
}
