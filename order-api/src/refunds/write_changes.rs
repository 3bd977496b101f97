//! Writing changes of order lines: the lines, their history, and the totals of their sellers.

use access::MemberId;
use clock::Clock;
use database::Connection;
use idempotency::TakenOver;
use uuid::Uuid;

use crate::orders::additions;
use crate::orders::db::line_changes::{self, LineChange};
use crate::orders::db::order_lines;
use crate::orders::line::{Action, Actor, LineStatus, Refusal};
use crate::orders::order::{OrderLine, Refund};
use crate::settlement::counter_shards::{CounterShards, ShardedAdditions};
use crate::settlement::day::BusinessDay;
use crate::settlement::db::seller_day_totals;
use crate::settlement::totals;

/// Why a line was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeLineError {
    /// The line does not exist, or belongs to another member.
    #[error("the member has no such line")]
    NotFound,
    /// The rules do not allow the change.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request stood still, and a repetition has taken it over. Nothing was changed.
    #[error(transparent)]
    TakenOver(#[from] TakenOver),
    /// The account of the customer or the seller is closed or being closed.
    #[error("the account of the customer or the seller is closed or being closed")]
    AccountClosed,
    /// The day that the refund lowers was closed before the refund was written; also at the second attempt.
    #[error("the day of the refund is closed")]
    DayClosed,
    /// The database failed.
    #[error("the line could not be changed")]
    Database(#[from] sqlx::Error),
}

/// Who changes a line, and why.
pub(super) struct Author {
    pub(super) actor: Actor,
    /// The member; `None` for the system.
    pub(super) actor_id: Option<MemberId>,
    pub(super) reason: Option<String>,
}

/// Makes a change again if the day that its refund lowers was closed before the refund was written. The second attempt
/// lowers the day on which the refund was accepted.
pub(super) async fn retry_if_day_closed<T, F>(change: impl Fn() -> F) -> Result<T, ChangeLineError>
where
    F: Future<Output = Result<T, ChangeLineError>>,
{
    match change().await {
        Err(ChangeLineError::DayClosed) => change().await,
        result => result,
    }
}

/// Changes the status of a line. Returns the entry for its history, which has the given id.
pub(super) fn change_status(
    clock: &Clock,
    id: Uuid,
    line: &mut OrderLine,
    status: LineStatus,
    action: Action,
    closed_through: Option<BusinessDay>,
    author: Author,
) -> LineChange {
    let change = LineChange {
        id,
        line_id: line.id,
        old_status: line.status,
        new_status: status,
        actor: author.actor,
        actor_id: author.actor_id,
        reason: author.reason,
        changed_at: clock.now(),
    };
    line.status = status;
    match action {
        Action::RequestRefund => line.refund_reason.clone_from(&change.reason),
        Action::WithdrawRequest => line.refund_reason = None,
        Action::Cancel | Action::AcceptRefund | Action::RejectRefund | Action::GiveUp => {}
    }
    if let Some(paid) = line.paid.filter(|_| status.returns_money()) {
        let accepted_on = BusinessDay::of(change.changed_at);
        let day = totals::refund_day(paid.day, accepted_on, closed_through);
        line.refund = Some(Refund { id: clock.new_id(), day, paid_back_at: None });
    }
    change
}

/// Writes changed lines and their histories, and adds the refunds to the totals. The caller keeps the returned value until
/// the transaction has ended: it holds the shards.
pub(super) async fn write(
    connection: &mut Connection,
    shards: &CounterShards,
    changed: &[(OrderLine, LineChange)],
) -> Result<ShardedAdditions, ChangeLineError> {
    let additions = shards.assign(additions::of_refunds(changed.iter().map(|(line, _)| line)));
    seller_day_totals::add(connection, additions.additions()).await?;
    for (line, entry) in changed {
        match line.refund {
            None => order_lines::update(connection, line).await?,
            Some(refund) if order_lines::refund(connection, line, refund).await? => {}
            Some(_) => return Err(ChangeLineError::DayClosed),
        }
        line_changes::insert(connection, entry).await?;
    }
    Ok(additions)
}
