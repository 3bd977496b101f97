//! The cost of a hot row in the database itself.

use clock::Clock;
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, MySql};
use uuid::Uuid;

use super::market::{Market, Pick};
use crate::load::{Span, Work, drive};

/// A transaction like a reservation: five round trips, one of which locks the row.
struct Reserving {
    connection: PoolConnection<MySql>,
    clock: Clock,
    options: Vec<Uuid>,
    turn: usize,
}

/// The rate on one row as a share of the rate on many rows.
pub(crate) async fn share_left(market: &Market, span: Span) -> anyhow::Result<f64> {
    let many = (0..market.customers.len() * 4)
        .map(|number| market.pick(Pick::OneLine, number)[0].option_id)
        .collect::<Vec<_>>();
    let on_many = rate(market, &many, span).await?;
    let on_one = rate(market, &[market.hottest().option_id], span).await?;
    Ok(on_one / on_many)
}

async fn rate(market: &Market, options: &[Uuid], span: Span) -> anyhow::Result<f64> {
    let mut workers = Vec::new();
    for number in 0..market.customers.len() {
        let connection = market.pool.acquire().await?;
        workers.push(Reserving {
            connection,
            clock: Clock::system(),
            options: options.to_vec(),
            turn: number * 7,
        });
    }
    Ok(drive(workers, span).await?.per_second)
}

impl Work for Reserving {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let option_id = self.options[self.turn % self.options.len()];
        let id = self.clock.new_id();
        let mut tx = self.connection.begin().await?;
        // The orders of these rows do not exist. Nothing reads them.
        sqlx::query(
            "INSERT INTO store.reservations (order_id, status, expires_at, created_at, updated_at) \
             VALUES (?, 'RELEASED', NOW(6), NOW(6), NOW(6))",
        )
        .bind(id)
        .execute(&mut *tx)
        .await?;
        sqlx::query("INSERT INTO store.reservation_lines (order_id, option_id, quantity, restocked) VALUES (?, ?, 1, 0)")
            .bind(id)
            .bind(option_id)
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE store.options SET on_hand = on_hand - 1, supplied = supplied - 1 WHERE id = ? AND on_hand >= 1")
            .bind(option_id)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}
