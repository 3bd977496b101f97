//! Ours: orders through the gateway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use http::Method;
use redis::aio::MultiplexedConnection;
use serde_json::json;
use uuid::Uuid;

use super::market::{Customer, Market, Pick, redis_of};
use crate::client::Connection;
use crate::load::{Measured, Span, Work, drive};

/// Longer than anything can be left to do behind the last answer.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

struct Ordering {
    market: Arc<Picks>,
    customer: Customer,
    gateway: Connection,
    redis: MultiplexedConnection,
    turn: usize,
}

/// The lines of every order that there can be, by option id.
struct Picks(Vec<Vec<String>>);

/// Orders for a while, and waits until nothing is left to do behind the answers.
pub(crate) async fn measure(market: &Market, pick: Pick, span: Span) -> anyhow::Result<Measured> {
    let different = 1_000;
    let picks = (0..different)
        .map(|dice| market.pick(pick, dice).iter().map(|offer| offer.option_id.to_string()).collect())
        .collect();
    let picks = Arc::new(Picks(picks));
    let mut workers = Vec::new();
    for (number, customer) in market.customers.iter().enumerate() {
        workers.push(Ordering {
            market: picks.clone(),
            customer: customer.clone(),
            gateway: Connection::open(&market.stack.gateway_url()).await?,
            redis: redis_of(&market.stack).await?,
            turn: number * 61,
        });
    }
    let measured = drive(workers, span).await?;
    let tail = until_nothing_is_left(market).await?;
    Ok(measured.over(span.measured + tail))
}

impl Work for Ordering {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let chosen = &self.market.0[self.turn % self.market.0.len()];
        let mut put = redis::cmd("HSET");
        put.arg(&self.customer.cart_key);
        for option_id in chosen {
            let line = self.customer.lines.iter().find(|(id, _)| id == option_id);
            put.arg(option_id).arg(&line.context("a line that was never in the cart")?.1);
        }
        put.query_async::<()>(&mut self.redis).await?;
        let key = Uuid::new_v4().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let token = Some(self.customer.person.token.as_str());
        let answer =
            self.gateway.send(Method::POST, "/api/order/orders", token, &headers, Some(&json!({}))).await?;
        answer.expect(201).map(|_| ())
    }
}

/// How long it takes until every order has ended and nothing is owed.
async fn until_nothing_is_left(market: &Market) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        let left: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM orders.outbox) + (SELECT COUNT(*) FROM orders.checkouts)",
        )
        .fetch_one(&market.pool)
        .await?;
        if left == 0 {
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < PATIENCE, "{left} rows are left to do");
        tokio::time::sleep(POLL).await;
    }
}
