//! What happens to an order line after the sale: cancelled, or a refund requested, withdrawn, accepted, rejected.
//!
//! A change is one transaction that holds the line's row: its state, its history, and, where the money goes back, what is
//! owed for it in the outbox. So of two changes at once the second sees what the first has made of the line.

use access::MemberId;
use clock::Clock;
use database::Connection;
use futures::future::join_all;
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

use crate::orders::db::line_changes::LineChange;
use crate::orders::db::order_lines::Owned;
use crate::orders::db::{line_changes, order_lines, orders};
use crate::orders::line::{Action, Actor, LineStatus, Refusal, Since};
use crate::orders::order::{OrderLine, Refund};
use crate::outbox::db as outbox;
use crate::outbox::db::Leased;
use crate::outbox::deliver::deliver;
use crate::outbox::delivery::{Delivery, Kind};
use crate::settlement::counter_shards::{InLanes, Lanes};
use crate::settlement::day::BusinessDay;
use crate::settlement::db::{seller_day_totals, settlement_days};
use crate::settlement::totals;
use crate::state::AppState;

/// What is to be done to a line, by whom, and why.
#[derive(Clone, Debug)]
pub struct Change {
    /// What.
    pub action: Action,
    /// In which part the one who does it acts.
    pub actor: Actor,
    /// Who does it.
    pub actor_id: MemberId,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// Why a line was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeLineError {
    /// There is no such line, or it is somebody else's.
    #[error("there is no such line of this member's")]
    NotFound,
    /// The rules are against it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The day that the refund was to lower was closed meanwhile, and the next one that was tried, too.
    #[error("the day of the refund is closed")]
    DayClosed,
    /// The database failed.
    #[error("the line could not be changed")]
    Database(#[from] sqlx::Error),
}

/// Changes a line. Where its money goes back, waits a while for it to be back.
pub async fn change_line(app: &AppState, line_id: Uuid, change: Change) -> Result<Owned, ChangeLineError> {
    let action = change.action;
    let changed = while_days_close(|| decide(app, line_id, change.clone())).await?;
    metrics::counter!("order_line_changes_total", "status" => changed.line.status.as_str()).increment(1);
    if !changed.line.status.pays_back() {
        return Ok(changed);
    }
    tracing::info!(%line_id, ?action, "a line is paid back");
    pay_back_now(app, line_id).await;
    let find = app.database.read("line_find", move |db| Box::pin(order_lines::find(db, line_id)));
    find.await?.ok_or(ChangeLineError::NotFound)
}

/// Tries again where the day that a refund was to lower was closed before the refund was written: then it lowers the
/// day on which it was accepted.
async fn while_days_close<T, F>(change: impl Fn() -> F) -> Result<T, ChangeLineError>
where
    F: Future<Output = Result<T, ChangeLineError>>,
{
    match change().await {
        Err(ChangeLineError::DayClosed) => change().await,
        result => result,
    }
}

/// Changes a line, and writes down what is owed for it.
async fn decide(app: &AppState, line_id: Uuid, change: Change) -> Result<Owned, ChangeLineError> {
    let (window, lease_until) = (app.rules.lines.cancel_window(), app.lease_until());
    let (clock, lanes) = (app.clock.clone(), app.lanes.clone());
    let (changed, _in_lanes) = app
        .database
        .run_tx("line_change", move |tx| {
            let (clock, lanes, change) = (clock.clone(), lanes.clone(), change.clone());
            Box::pin(async move {
                let owned = order_lines::lock(tx, line_id).await?;
                let mut owned =
                    owned.filter(|owned| is_theirs(owned, &change)).ok_or(ChangeLineError::NotFound)?;
                let now = clock.now();
                let paid = Since { paid_at: owned.line.paid.map(|paid| paid.at), now };
                let status = change.action.apply(owned.line.status, paid, window)?;
                let closed =
                    if status.pays_back() { settlement_days::closed_through(tx).await? } else { None };
                let by = By { actor: change.actor, actor_id: Some(change.actor_id), reason: change.reason };
                let entry = turn(&clock, &mut owned.line, status, change.action, closed, by);
                let changed = [(owned.line.clone(), entry)];
                let in_lanes = write(tx, &lanes, &changed).await?;
                if status.pays_back() {
                    outbox::insert(tx, &owed_for(line_id), now, lease_until).await?;
                }
                Ok::<_, ChangeLineError>((owned, in_lanes))
            })
        })
        .await?;
    Ok(changed)
}

/// Who changes a line.
struct By {
    actor: Actor,
    actor_id: Option<MemberId>,
    reason: Option<String>,
}

fn is_theirs(owned: &Owned, change: &Change) -> bool {
    match change.actor {
        Actor::Customer => owned.customer_id == change.actor_id,
        Actor::Seller => owned.line.seller_id == change.actor_id,
        Actor::System => false,
    }
}

/// Turns a line into its new state; gives the entry for its history.
fn turn(
    clock: &Clock,
    line: &mut OrderLine,
    status: LineStatus,
    action: Action,
    closed_through: Option<BusinessDay>,
    by: By,
) -> LineChange {
    let change = LineChange {
        id: clock.new_id(),
        line_id: line.id,
        old_status: line.status,
        new_status: status,
        actor: by.actor,
        actor_id: by.actor_id,
        reason: by.reason,
        changed_at: clock.now(),
    };
    line.status = status;
    match action {
        Action::RequestRefund => line.refund_reason.clone_from(&change.reason),
        Action::WithdrawRequest => line.refund_reason = None,
        Action::Cancel | Action::AcceptRefund | Action::RejectRefund | Action::GiveUp => {}
    }
    if let Some(paid) = line.paid.filter(|_| status.pays_back()) {
        let accepted_on = BusinessDay::of(change.changed_at);
        let day = totals::refund_day(paid.day, accepted_on, closed_through);
        line.refund = Some(Refund { id: clock.new_id(), day, paid_back_at: None });
    }
    change
}

/// Writes lines' new states and their histories, and adds to the totals what goes back. The lanes of these are to be
/// kept until the transaction is over.
async fn write(
    tx: &mut Connection,
    lanes: &Lanes,
    changed: &[(OrderLine, LineChange)],
) -> Result<InLanes, ChangeLineError> {
    let in_lanes = lanes.enter(totals::of_refunds(changed.iter().map(|(line, _)| line)));
    seller_day_totals::add(tx, in_lanes.additions()).await?;
    for (line, entry) in changed {
        match line.refund {
            None => order_lines::update(tx, line).await?,
            Some(refund) if order_lines::send_back(tx, line, refund).await? => {}
            Some(_) => return Err(ChangeLineError::DayClosed),
        }
        line_changes::insert(tx, entry).await?;
    }
    Ok(in_lanes)
}

fn owed_for(line_id: Uuid) -> [Delivery; 2] {
    [Kind::PayBack, Kind::Restock].map(|kind| Delivery { kind, subject_id: line_id })
}

/// Does what is owed for a line, and waits for it as long as a request waits.
async fn pay_back_now(app: &AppState, line_id: Uuid) {
    let leased = owed_for(line_id).map(|delivery| Leased { delivery, attempt: 1 });
    let work = {
        let app = app.clone();
        async move { join_all(leased.map(|leased| deliver(&app, leased))).await }
    };
    let task = app.background.spawn(work.in_current_span());
    // What is not done by then goes on behind, and is seen to by the worker if this process ends.
    let _ = timeout(app.rules.checkout.answer_within(), task).await;
}

/// Pays back every line of a paid order whose stock is gone. Nothing of it was sold, so nothing is put back on sale.
pub(crate) async fn give_up_order(app: &AppState, order_id: Uuid) -> Result<(), ChangeLineError> {
    while_days_close(|| async {
        let (clock, lanes) = (app.clock.clone(), app.lanes.clone());
        let give_up = app.database.run_tx("order_give_up", move |tx| {
            let (clock, lanes) = (clock.clone(), lanes.clone());
            Box::pin(async move { give_up_lines(tx, &clock, &lanes, order_id).await })
        });
        give_up.await.map(drop)
    })
    .await
}

async fn give_up_lines(
    tx: &mut Connection,
    clock: &Clock,
    lanes: &Lanes,
    order_id: Uuid,
) -> Result<InLanes, ChangeLineError> {
    let now = clock.now();
    let closed = settlement_days::closed_through(tx).await?;
    let order = orders::find(tx, order_id).await?.ok_or(ChangeLineError::NotFound)?;
    let mut line_ids: Vec<Uuid> = order.lines.iter().map(|line| line.id).collect();
    line_ids.sort_unstable();
    let mut changed = Vec::new();
    for line_id in &line_ids {
        let mut owned = order_lines::lock(tx, *line_id).await?.ok_or(ChangeLineError::NotFound)?;
        let paid = Since { paid_at: owned.line.paid.map(|paid| paid.at), now };
        // A line that was paid back before is left as it is.
        let Ok(status) = Action::GiveUp.apply(owned.line.status, paid, std::time::Duration::ZERO) else {
            continue;
        };
        let reason = Some("the stock was gone before the order could be handed over".to_owned());
        let by = By { actor: Actor::System, actor_id: None, reason };
        let entry = turn(clock, &mut owned.line, status, Action::GiveUp, closed, by);
        changed.push((owned.line, entry));
    }
    let in_lanes = write(tx, lanes, &changed).await?;
    let pay_back =
        |(line, _): &(OrderLine, LineChange)| Delivery { kind: Kind::PayBack, subject_id: line.id };
    let paid_back: Vec<Delivery> = changed.iter().map(pay_back).collect();
    if !paid_back.is_empty() {
        outbox::insert(tx, &paid_back, now, now).await?;
    }
    let restocks: Vec<Delivery> =
        line_ids.iter().map(|line_id| Delivery { kind: Kind::Restock, subject_id: *line_id }).collect();
    outbox::remove(tx, &restocks).await?;
    Ok(in_lanes)
}
