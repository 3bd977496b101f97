//! What happens to an order line after the sale: cancelled, or a refund requested, withdrawn, accepted, rejected.
//!
//! A change is one transaction that holds the line's row: its state, its history, and, where the money goes back, what is
//! owed for it in the outbox. So of two changes at once the second sees what the first has made of the line.

use access::MemberId;
use clock::Clock;
use sqlx::MySqlConnection;
use time::OffsetDateTime;
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

use crate::db;
use crate::db::line_changes::LineChange;
use crate::db::order_lines::Owned;
use crate::db::outbox::Leased;
use crate::deliver::deliver;
use crate::domain::delivery::{Delivery, Kind};
use crate::domain::line::{Action, Actor, LineStatus, Refusal, Since};
use crate::domain::order::Refund;
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
    /// The database failed.
    #[error("the line could not be changed")]
    Database(#[from] sqlx::Error),
}

/// Changes a line. Where its money goes back, waits a while for it to be back.
pub async fn change_line(app: &AppState, line_id: Uuid, change: Change) -> Result<Owned, ChangeLineError> {
    let action = change.action;
    let (clock, window, lease_until) =
        (app.clock.clone(), app.rules.lines.cancel_window(), app.lease_until());
    let changed = app
        .database
        .run_tx("line_change", move |tx| {
            let (clock, change) = (clock.clone(), change.clone());
            Box::pin(async move {
                let owned = db::order_lines::lock(tx, line_id).await?;
                let mut owned =
                    owned.filter(|owned| is_theirs(owned, &change)).ok_or(ChangeLineError::NotFound)?;
                let now = clock.now();
                let paid = Since { paid_at: owned.line.paid.map(|paid| paid.at), now };
                let status = change.action.apply(owned.line.status, paid, window)?;
                let by = By { actor: change.actor, actor_id: Some(change.actor_id), reason: change.reason };
                write(tx, &clock, &mut owned, status, change.action, by).await?;
                if status.pays_back() {
                    db::outbox::insert(tx, &owed_for(line_id), now, lease_until).await?;
                }
                Ok::<_, ChangeLineError>(owned)
            })
        })
        .await?;
    metrics::counter!("order_line_changes_total", "status" => changed.line.status.as_str()).increment(1);
    if !changed.line.status.pays_back() {
        return Ok(changed);
    }
    tracing::info!(%line_id, ?action, "a line is paid back");
    pay_back_now(app, line_id).await;
    let now = db::order_lines::find(&mut *app.database.acquire().await?, line_id).await?;
    now.ok_or(ChangeLineError::NotFound)
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

/// Writes a line's new state and its history.
async fn write(
    tx: &mut MySqlConnection,
    clock: &Clock,
    owned: &mut Owned,
    status: LineStatus,
    action: Action,
    by: By,
) -> sqlx::Result<()> {
    let line = &mut owned.line;
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
    if status.pays_back() {
        line.refund = Some(Refund { id: clock.new_id(), paid_back_at: None });
    }
    db::order_lines::update(tx, line).await?;
    db::line_changes::insert(tx, &change).await
}

fn owed_for(line_id: Uuid) -> [Delivery; 2] {
    [Kind::PayBack, Kind::Restock].map(|kind| Delivery { kind, subject_id: line_id })
}

/// Does what is owed for a line, and waits for it as long as a request waits.
async fn pay_back_now(app: &AppState, line_id: Uuid) {
    let leased = owed_for(line_id).map(|delivery| Leased { delivery, attempt: 1 });
    let work = {
        let app = app.clone();
        async move { deliver(&app, leased.into()).await }
    };
    let task = app.background.spawn(work.in_current_span());
    // What is not done by then goes on behind, and is seen to by the worker if this process ends.
    let _ = timeout(app.rules.checkout.answer_within(), task).await;
}

/// Pays back every line of a paid order whose stock is gone. Nothing of it was sold, so nothing is put back on sale.
pub(crate) async fn give_up_order(app: &AppState, order_id: Uuid) -> Result<(), ChangeLineError> {
    let clock = app.clock.clone();
    app.database
        .run_tx("order_give_up", move |tx| {
            let clock = clock.clone();
            Box::pin(async move { give_up_lines(tx, &clock, order_id, clock.now()).await })
        })
        .await
}

async fn give_up_lines(
    tx: &mut MySqlConnection,
    clock: &Clock,
    order_id: Uuid,
    now: OffsetDateTime,
) -> Result<(), ChangeLineError> {
    let order = db::orders::find(tx, order_id).await?.ok_or(ChangeLineError::NotFound)?;
    let mut line_ids: Vec<Uuid> = order.lines.iter().map(|line| line.id).collect();
    line_ids.sort_unstable();
    let mut paid_back = Vec::new();
    for line_id in &line_ids {
        let mut owned = db::order_lines::lock(tx, *line_id).await?.ok_or(ChangeLineError::NotFound)?;
        let paid = Since { paid_at: owned.line.paid.map(|paid| paid.at), now };
        // A line that was paid back before is left as it is.
        let Ok(status) = Action::GiveUp.apply(owned.line.status, paid, std::time::Duration::ZERO) else {
            continue;
        };
        let reason = Some("the stock was gone before the order could be handed over".to_owned());
        let by = By { actor: Actor::System, actor_id: None, reason };
        write(tx, clock, &mut owned, status, Action::GiveUp, by).await?;
        paid_back.push(Delivery { kind: Kind::PayBack, subject_id: *line_id });
    }
    if !paid_back.is_empty() {
        db::outbox::insert(tx, &paid_back, now, now).await?;
    }
    let restocks: Vec<Delivery> =
        line_ids.iter().map(|line_id| Delivery { kind: Kind::Restock, subject_id: *line_id }).collect();
    Ok(db::outbox::remove(tx, &restocks).await?)
}
