//! Changing an order line for a member: it is cancelled, or a refund is requested, withdrawn, accepted or rejected.
//!
//! A change is one transaction, which locks the row of the line. It writes the status, the history, and, if the money goes
//! back, the deliveries. So of two changes at the same time, the second one sees the result of the first.

use access::MemberId;
use idempotency::Operation;
use uuid::Uuid;

use super::deliveries;
use super::write_changes::{Author, change_status, retry_if_day_closed, write};
use crate::orders::db::line_changes;
use crate::orders::db::order_lines::{self, LineWithOwners};
use crate::orders::line::{Action, Actor, PaymentAge};
use crate::outbox;
use crate::settlement::counter_shards::ShardedAdditions;
use crate::settlement::db::settlement_days;
use crate::state::AppState;

pub use super::write_changes::ChangeLineError;

/// A change of a line by a member.
#[derive(Clone, Debug)]
pub struct Change {
    /// The action.
    pub action: Action,
    /// In which role the member acts.
    pub actor: Actor,
    /// The member.
    pub actor_id: MemberId,
    /// The reason that the member gives.
    pub reason: Option<String>,
    /// The operation of a request with an Idempotency-Key, whose id becomes that of the entry in the history.
    pub operation: Option<Operation>,
}

impl Change {
    /// A change by the customer of the line.
    pub const fn by_customer(customer: MemberId, action: Action, reason: Option<String>) -> Self {
        Self { action, actor: Actor::Customer, actor_id: customer, reason, operation: None }
    }

    /// A change by the seller of the line.
    pub const fn by_seller(seller: MemberId, action: Action, reason: Option<String>) -> Self {
        Self { action, actor: Actor::Seller, actor_id: seller, reason, operation: None }
    }

    /// The same change, which is made once by an operation, however often it is tried.
    #[must_use]
    pub fn once_by(self, operation: Option<Operation>) -> Self {
        Self { operation, ..self }
    }
}

/// A line after a change.
struct Changed {
    line: LineWithOwners,
    /// Whether it was changed now, and not by an earlier try of the same operation.
    is_new: bool,
    /// Holds the shards until the transaction has ended.
    _additions: Option<ShardedAdditions>,
}

/// Changes a line. If the customer gets the money back, tries this at once and waits for it for some time.
pub async fn change_line(
    app: &AppState,
    line_id: Uuid,
    change: Change,
) -> Result<LineWithOwners, ChangeLineError> {
    let action = change.action;
    let Changed { line: changed, is_new, .. } =
        retry_if_day_closed(|| write_change(app, line_id, change.clone())).await?;
    if !is_new {
        // What follows from it, the worker delivers.
        return Ok(changed);
    }
    metrics::counter!("order_line_changes_total", "status" => changed.line.status.as_str()).increment(1);
    if !changed.line.status.returns_money() {
        return Ok(changed);
    }
    tracing::info!(%line_id, ?action, "a line is refunded");
    let limit = app.rules.checkout.get().answer_within();
    app.outbox.deliver_now(app, deliveries::of_line(line_id), limit).await;
    let find =
        app.database.read("line_find", move |connection| Box::pin(order_lines::find(connection, line_id)));
    find.await?.ok_or(ChangeLineError::NotFound)
}

async fn write_change(app: &AppState, line_id: Uuid, change: Change) -> Result<Changed, ChangeLineError> {
    let (cancel_window, lease_until) = (app.rules.lines.get().cancel_window(), app.lease_until());
    let (clock, shards) = (app.clock.clone(), app.counter_shards.clone());
    app.database
        .run_tx("line_change", move |connection| {
            let (clock, shards, change) = (clock.clone(), shards.clone(), change.clone());
            Box::pin(async move {
                let found = order_lines::lock(connection, line_id).await?;
                let mut found =
                    found.filter(|found| is_owner(found, &change)).ok_or(ChangeLineError::NotFound)?;
                if let Some(operation) = &change.operation {
                    if line_changes::exists(connection, operation.id).await? {
                        return Ok(Changed { line: found, is_new: false, _additions: None });
                    }
                    operation.hold(connection).await??;
                }
                let now = clock.now();
                let age = PaymentAge { paid_at: found.line.paid.map(|paid| paid.at), now };
                let status = change.action.apply(found.line.status, age, cancel_window)?;
                if change.action.needs_open_accounts() {
                    let parties = [found.customer_id, found.line.seller_id];
                    if !account_closing::lock_unmarked(connection, parties, now).await? {
                        return Err(ChangeLineError::AccountClosed);
                    }
                }
                let closed = if status.returns_money() {
                    settlement_days::closed_through(connection).await?
                } else {
                    None
                };
                let author =
                    Author { actor: change.actor, actor_id: Some(change.actor_id), reason: change.reason };
                let id = change.operation.map_or_else(|| clock.new_id(), |operation| operation.id);
                let entry = change_status(&clock, id, &mut found.line, status, change.action, closed, author);
                let changed = [(found.line.clone(), entry)];
                let additions = write(connection, &shards, &changed).await?;
                if status.returns_money() {
                    outbox::db::insert(connection, &deliveries::of_line(line_id), now, lease_until).await?;
                }
                Ok::<_, ChangeLineError>(Changed { line: found, is_new: true, _additions: Some(additions) })
            })
        })
        .await
}

/// Whether the line belongs to the member who changes it.
fn is_owner(found: &LineWithOwners, change: &Change) -> bool {
    match change.actor {
        Actor::Customer => found.customer_id == change.actor_id,
        Actor::Seller => found.line.seller_id == change.actor_id,
        Actor::System => false,
    }
}
