//! Paying a seller: the pending settlements of a range of days, each once.
//!
//! One transaction binds the settlements to the payout and writes down in the outbox that it is owed; from then on no
//! other payout can have them. The money is then moved by the payout's id, which makes it move once, and whoever is
//! interrupted leaves the rest to the worker. It goes forward only: what is owed to a seller can be paid into any wallet,
//! open or closed.

use access::MemberId;
use member_client::{TransferKind, TransferRequest};
use money::Won;
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

use super::db as payouts;
use crate::outbox::db as outbox;
use crate::outbox::db::Leased;
use crate::outbox::deliver::{StillOwed, deliver};
use crate::outbox::delivery::{Delivery, Kind};
use crate::settlement::db::settlements;
use crate::settlement::seller_settlement::{DayRange, Payout};
use crate::state::AppState;

/// Why nothing is paid.
#[derive(Debug, thiserror::Error)]
pub enum PayOutError {
    /// What is pending comes to nothing, or to less.
    #[error("nothing is to be paid for these days")]
    NothingToPay,
    /// The database failed. The payout may be there: ask again by the same key.
    #[error("the payout could not be written or read")]
    Database(#[from] sqlx::Error),
}

/// Pays a seller every pending settlement of a range of days, less what is below zero on any other day. Gives the payout,
/// paid, or on its way where it takes longer than a request waits.
pub async fn pay_out(
    app: &AppState,
    seller_id: MemberId,
    payout_id: Uuid,
    range: DayRange,
) -> Result<Payout, PayOutError> {
    if let Some(payout) = find(app, payout_id).await?.filter(|payout| payout.seller_id == seller_id) {
        return Ok(payout);
    }
    let payout = begin(app, seller_id, payout_id, range).await?;
    metrics::counter!("payouts_begun_total").increment(1);
    let (amount, days) = (payout.amount.get(), payout.days);
    tracing::info!(%payout_id, seller_id = %seller_id.0, amount, days, "a payout began");
    pay_now(app, payout_id).await;
    Ok(find(app, payout_id).await?.unwrap_or(payout))
}

/// Binds the settlements, and decides, durably, that they will be paid.
async fn begin(
    app: &AppState,
    seller_id: MemberId,
    id: Uuid,
    range: DayRange,
) -> Result<Payout, PayOutError> {
    let (created_at, lease_until) = (app.clock.now(), app.lease_until());
    app.database
        .run_tx("payout_begin", move |tx| {
            Box::pin(async move {
                let (days, amount) = settlements::bind(tx, seller_id, range, id).await?;
                if amount <= Won::ZERO {
                    return Err(PayOutError::NothingToPay);
                }
                let payout = Payout { id, seller_id, range, amount, days, created_at, paid_at: None };
                payouts::insert(tx, &payout).await?;
                outbox::insert(tx, &[owed_for(id)], created_at, lease_until).await?;
                Ok(payout)
            })
        })
        .await
}

const fn owed_for(payout_id: Uuid) -> Delivery {
    Delivery { kind: Kind::PayOut, subject_id: payout_id }
}

/// Pays, and waits for it as long as a request waits.
async fn pay_now(app: &AppState, payout_id: Uuid) {
    let leased = Leased { delivery: owed_for(payout_id), attempt: 1 };
    let work = {
        let app = app.clone();
        async move { deliver(&app, leased).await }
    };
    let task = app.background.spawn(work.in_current_span());
    // What is not done by then goes on behind, and is seen to by the worker if this process ends.
    let _ = timeout(app.rules.checkout.answer_within(), task).await;
}

/// Moves the money of a payout, and writes that it has moved.
pub(crate) async fn send_money(app: &AppState, payout_id: Uuid) -> Result<(), StillOwed> {
    let payout = find(app, payout_id).await?.ok_or(StillOwed::Nothing(payout_id))?;
    let request = TransferRequest {
        id: payout.id,
        kind: TransferKind::Payout,
        amount: payout.amount,
        reference: payout.id.to_string(),
    };
    app.member.transfer(payout.seller_id, &request).await.map_err(StillOwed::PayOut)?;
    let (seller_id, now) = (payout.seller_id, app.clock.now());
    app.database
        .run_tx("payout_paid", move |tx| {
            Box::pin(async move {
                payouts::paid(tx, payout_id, now).await?;
                settlements::paid(tx, seller_id, payout_id).await
            })
        })
        .await?;
    Ok(())
}

async fn find(app: &AppState, id: Uuid) -> sqlx::Result<Option<Payout>> {
    app.database.read("payout_find", move |db| Box::pin(payouts::find(db, id))).await
}
