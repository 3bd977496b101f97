//! The orders through the gateway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clock::Clock;
use http::{Method, StatusCode};
use redis::aio::MultiplexedConnection;
use serde_json::json;
use uuid::Uuid;

use super::market::{Customer, Market, Pick, redis_of};
use crate::client::Connection;
use crate::load::{Measured, Span, Work, drive};

/// Longer than the work after the last answer takes.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
const DIFFERENT_ORDERS: usize = 1_000;

struct Ordering {
    orders: Arc<[Vec<String>]>,
    customer: Customer,
    gateway: Connection,
    redis: MultiplexedConnection,
    clock: Clock,
    turn: usize,
}

/// Orders for a while, and waits until all work after the answers is finished.
pub(crate) async fn measure(market: &Market, pick: Pick, span: Span) -> anyhow::Result<Measured> {
    let orders: Arc<[Vec<String>]> = (0..DIFFERENT_ORDERS)
        .map(|number| market.pick(pick, number).iter().map(|offer| offer.option_id.to_string()).collect())
        .collect();
    let mut workers = Vec::new();
    for (number, customer) in market.customers.iter().enumerate() {
        workers.push(Ordering {
            orders: Arc::clone(&orders),
            customer: customer.clone(),
            gateway: Connection::open(&market.stack.gateway_url()).await?,
            redis: redis_of(&market.stack).await?,
            clock: Clock::system(),
            turn: number * 61,
        });
    }
    let measured = drive(workers, span).await?;
    let rest = wait_until_idle(market).await?;
    Ok(measured.over(span.measured + rest))
}

impl Work for Ordering {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        let chosen = &self.orders[self.turn % self.orders.len()];
        let mut put = redis::cmd("HSET");
        put.arg(&self.customer.cart_key);
        for option_id in chosen {
            let line = self.customer.lines.iter().find(|(id, _)| id == option_id);
            let (_, line) = line.context("a line that was never in the cart")?;
            put.arg(option_id).arg(with_version(line, self.clock.new_id())?);
        }
        put.query_async::<()>(&mut self.redis).await?;
        let key = Uuid::new_v4().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let token = Some(self.customer.member.token.as_str());
        let answer =
            self.gateway.send(Method::POST, "/api/order/orders", token, &headers, Some(&json!({}))).await?;
        answer.expect(StatusCode::CREATED);
        Ok(())
    }
}

/// The stored line as a new one: a version of a line is in one order.
fn with_version(line: &str, version: Uuid) -> anyhow::Result<String> {
    let mut parts = line.splitn(4, ':');
    let (Some(format), Some(pieces), Some(_), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        bail!("a line in another format: {line}");
    };
    Ok(format!("{format}:{pieces}:{}:{rest}", version.simple()))
}

/// Waits until every order is finished and the outbox is empty. Gives how long that took.
async fn wait_until_idle(market: &Market) -> anyhow::Result<Duration> {
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
        ensure!(began.elapsed() < PATIENCE, "{left} checkouts and outbox entries are unfinished");
        tokio::time::sleep(POLL).await;
    }
}
