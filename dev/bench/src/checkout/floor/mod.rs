//! The floor: every statement of a whole checkout, straight on the database.
//!
//! There is one function for each transaction or single statement of a service, in their order. The statements are those in
//! the `db` folders of order-api, store-api and member-api and in `crates/idempotency`. A change there must be made here,
//! too: [`of_orders`] has the statements of order-api, [`of_others`] those of store-api and member-api. The account of a
//! service can use one schema only; the account of this benchmark can use all.

mod of_orders;
mod of_others;
mod order;

use clock::Clock;
use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, MySql};
use uuid::Uuid;

use super::market::{Market, Offer, Pick};
use crate::load::{Measured, Span, Work, drive};
use order::OrderIds;

struct Buying {
    connection: PoolConnection<MySql>,
    clock: Clock,
    customer_id: Uuid,
    orders: Vec<Vec<Offer>>,
    shard: u8,
    turn: usize,
}

/// Orders for a while.
pub(crate) async fn measure(market: &Market, pick: Pick, span: Span) -> anyhow::Result<Measured> {
    let mut workers = Vec::new();
    for (number, customer) in market.customers.iter().enumerate() {
        let mut connection = market.pool.acquire().await?;
        // `crates/database` does the same with its connections.
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        let orders =
            (0..1_000).map(|number| market.pick(pick, number).into_iter().cloned().collect()).collect();
        workers.push(Buying {
            connection,
            clock: Clock::system(),
            customer_id: customer.id,
            orders,
            // Customers who order at the same time use different counter shards, like the transactions of order-api.
            shard: u8::try_from(number % 16)?,
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
        of_orders::confirm(db, clock, &order, &offers, self.shard).await?;
        of_others::sell(db, clock, &order, &offers).await?;
        of_orders::empty_outbox(db, &order).await?;
        of_orders::store_answer(db, &order).await?;
        Ok(())
    }
}
