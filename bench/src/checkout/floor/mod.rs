//! The floor: every statement of a whole checkout, straight on the database.
//!
//! One function for each transaction or single statement of a service, in the order in which they come, with the
//! statements as `order-api/src/db`, `store-api/src/db`, `member-api/src/db` and `crates/idempotency` have them. What
//! changes there is to be changed here: [`of_orders`] has those of order-api, [`of_others`] those of store-api and
//! member-api. The accounts of the services open one schema each; this one opens them all.

mod of_orders;
mod of_others;

use clock::Clock;
use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, MySql};
use uuid::Uuid;

use super::market::{Market, Offer, Pick};
use crate::load::{Measured, Span, Work, drive};

const NAMES: &str = "딸기 생크림 케이크";

struct Buying {
    connection: PoolConnection<MySql>,
    clock: Clock,
    customer_id: Uuid,
    orders: Vec<Vec<Offer>>,
    lane: u8,
    turn: usize,
}

/// Buys for a while.
pub(crate) async fn measure(market: &Market, pick: Pick, span: Span) -> anyhow::Result<Measured> {
    let mut workers = Vec::new();
    for (number, customer) in market.customers.iter().enumerate() {
        let mut connection = market.pool.acquire().await?;
        // As `crates/database` sets up its connections.
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        let orders = (0..1_000).map(|dice| market.pick(pick, dice).into_iter().cloned().collect()).collect();
        workers.push(Buying {
            connection,
            clock: Clock::system(),
            customer_id: customer.person.id,
            orders,
            // Those who are at it at the same time keep out of each other's way, as `order_api::lanes` has it.
            lane: u8::try_from(number % 16)?,
            turn: number * 61,
        });
    }
    drive(workers, span).await
}

impl Work for Buying {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let mut offers = self.orders[self.turn % self.orders.len()].clone();
        offers.sort_unstable_by_key(|offer| offer.option_id);
        let order = OrderIds {
            id: self.clock.new_id(),
            customer_id: self.customer_id,
            key: Uuid::new_v4().to_string(),
        };
        let (db, clock) = (&mut *self.connection, &self.clock);
        of_orders::claim_key(db, clock, &order).await?;
        of_others::look_up(db, &offers).await?;
        of_orders::begin(db, clock, &order, &offers).await?;
        of_others::reserve(db, clock, &order, &offers).await?;
        of_others::pay(db, clock, &order, &offers).await?;
        of_orders::confirm(db, clock, &order, &offers, self.lane).await?;
        of_others::sell(db, clock, &order, &offers).await?;
        of_orders::deliver(db, &order).await?;
        of_orders::keep_answer(db, &order).await?;
        Ok(())
    }
}

struct OrderIds {
    id: Uuid,
    customer_id: Uuid,
    key: String,
}

fn total(offers: &[Offer]) -> i64 {
    offers.iter().map(|offer| offer.price).sum()
}

fn rows(row: &str, count: usize) -> String {
    vec![row; count].join(", ")
}
