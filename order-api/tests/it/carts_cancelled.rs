//! Requests that are cancelled at any moment, over a slow network: no customer sees the cart of another one, and no change
//! that was answered is lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use access::MemberId;
use clock::Clock;
use money::Won;
use order_api::cart::line::Seen;
use order_api::cart::{Cart, Carts, NewLine};
use order_api::quantity::Quantity;
use order_api::settings::RedisSettings;
use testkit::{Cancel, FaultProxy};
use uuid::Uuid;

use crate::support::redis_url;

const CUSTOMERS: usize = 24;
const ROUNDS: usize = 80;
/// The longest time before a request is cancelled. Most answers take less.
const LONGEST: Duration = Duration::from_millis(10);
/// Longer than the whole test takes.
const LIMIT: Duration = Duration::from_secs(120);

fn line(clock: &Clock) -> NewLine {
    NewLine {
        option_id: Uuid::new_v4(),
        quantity: Quantity::new(1).expect("1 to 999"),
        line_version: clock.new_id(),
        seen: Seen {
            item_id: Uuid::from_u128(1),
            item_name: "쿠키".into(),
            option_name: "1호".into(),
            price: Won::new(3_000),
        },
        added_at: clock.now(),
    }
}

/// Adds lines, removes lines and reads the cart. Returns how many requests were cancelled.
async fn shop(carts: Carts) -> usize {
    let (customer, clock) = (MemberId(Uuid::new_v4()), Clock::system());
    let mut own = HashSet::new();
    let mut answered = None;
    let mut cancelled = 0;
    for round in 0..ROUNDS {
        let new = line(&clock);
        own.insert(new.option_id);
        let work = async {
            match round % 4 {
                0 => carts.read(customer).await,
                1 => carts.remove(customer, new.option_id).await,
                // A cart has at most a hundred lines.
                2 if round % 40 == 2 => carts.clear(customer).await.map(|()| Cart::default()),
                _ => Ok(carts.add(customer, &new, None).await.expect("there is room, and Redis answers")),
            }
        };
        let Some(answer) = Cancel::by_chance(LONGEST).run(work).await else {
            cancelled += 1;
            // Redis may still carry it out, but before all later commands.
            if round % 40 == 2 {
                answered = None;
            }
            continue;
        };
        let cart = answer.expect("Redis answers");
        let shown: HashSet<_> = cart.lines().map(|line| line.option_id).collect();
        assert!(shown.is_subset(&own), "another's lines are shown");
        match round % 4 {
            2 if round % 40 == 2 => answered = None,
            2 | 3 => answered = Some(new.option_id),
            _ => assert!(
                answered.is_none_or(|line| shown.contains(&line)),
                "a line that was answered is not there"
            ),
        }
    }
    carts.clear(customer).await.expect("Redis answers");
    cancelled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_customer_sees_the_cart_of_another_one_when_requests_are_cancelled() {
    let url = redis_url();
    let proxy =
        FaultProxy::to(url.trim_start_matches("redis://").split('/').next().expect("a host and a port"));
    proxy.delay(Duration::ZERO..=Duration::from_micros(500));
    proxy.split(2_000);
    let settings = RedisSettings::at(format!("redis://{}", proxy.address()), 60_000);
    let carts = Carts::connect(&settings).expect("an address");
    let cancelled = Arc::new(AtomicUsize::new(0));
    let shopping = (0..CUSTOMERS).map(|_| {
        let (carts, cancelled) = (carts.clone(), cancelled.clone());
        tokio::spawn(async move { cancelled.fetch_add(shop(carts).await, Ordering::Relaxed) })
    });
    let shopping = futures::future::join_all(shopping.collect::<Vec<_>>());
    for end in tokio::time::timeout(LIMIT, shopping).await.expect("everything ends") {
        end.expect("no customer was shown another's cart");
    }
    assert!(cancelled.load(Ordering::Relaxed) > CUSTOMERS * ROUNDS / 8);
    assert_eq!(proxy.connections(), 1, "no answer was missed");
}
