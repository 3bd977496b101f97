//! Paying back a whole order whose stock is gone.

use std::time::Duration;

use clock::Clock;
use database::Connection;
use uuid::Uuid;

use super::deliveries::{PAY_BACK, RESTOCK};
use super::write_changes::{Author, ChangeLineError, change_status, retry_if_day_closed, write};
use crate::orders::db::{order_lines, orders};
use crate::orders::line::{Action, Actor, PaymentAge};
use crate::outbox::{self, Delivery};
use crate::settlement::counter_shards::{CounterShards, ShardedAdditions};
use crate::settlement::db::settlement_days;
use crate::state::AppState;

/// Pays back every line of a paid order whose stock is gone. Nothing is restocked, because nothing was sold.
pub(crate) async fn give_up_order(app: &AppState, order_id: Uuid) -> Result<(), ChangeLineError> {
    retry_if_day_closed(|| async {
        let (clock, shards) = (app.clock.clone(), app.counter_shards.clone());
        let give_up = app.database.run_tx("order_give_up", move |connection| {
            let (clock, shards) = (clock.clone(), shards.clone());
            Box::pin(async move { give_up_lines(connection, &clock, &shards, order_id).await })
        });
        give_up.await.map(drop)
    })
    .await
}

async fn give_up_lines(
    connection: &mut Connection,
    clock: &Clock,
    shards: &CounterShards,
    order_id: Uuid,
) -> Result<ShardedAdditions, ChangeLineError> {
    let now = clock.now();
    let closed = settlement_days::closed_through(connection).await?;
    let order = orders::find(connection, order_id).await?.ok_or(ChangeLineError::NotFound)?;
    let mut line_ids: Vec<Uuid> = order.lines.iter().map(|line| line.id).collect();
    // All transactions lock the lines in the same order.
    line_ids.sort_unstable();
    let mut changed = Vec::new();
    for line_id in &line_ids {
        let mut found = order_lines::lock(connection, *line_id).await?.ok_or(ChangeLineError::NotFound)?;
        let age = PaymentAge { paid_at: found.line.paid.map(|paid| paid.at), now };
        // A line that was refunded before stays as it is.
        let Ok(status) = Action::GiveUp.apply(found.line.status, age, Duration::ZERO) else {
            continue;
        };
        let reason = Some("the stock was gone before the order could be handed over".to_owned());
        let author = Author { actor: Actor::System, actor_id: None, reason };
        let entry =
            change_status(clock, clock.new_id(), &mut found.line, status, Action::GiveUp, closed, author);
        changed.push((found.line, entry));
    }
    let additions = write(connection, shards, &changed).await?;
    let pay_back: Vec<Delivery> =
        changed.iter().map(|(line, _)| Delivery { kind: PAY_BACK, subject_id: line.id }).collect();
    if !pay_back.is_empty() {
        // The lease has expired already, so the worker claims them at once.
        outbox::db::insert(connection, &pay_back, now, now).await?;
    }
    let restocks: Vec<Delivery> =
        line_ids.iter().map(|line_id| Delivery { kind: RESTOCK, subject_id: *line_id }).collect();
    outbox::db::delete(connection, &restocks).await?;
    Ok(additions)
}
