//! Paying a seller the pending settlements of a range of days, each once.
//!
//! One transaction binds the settlements to the payout and writes the delivery of the money. After it, no other payout can
//! bind them. Then the money is transferred with the payout's id, so that it moves once. If this is interrupted, the worker
//! goes on. A payout cannot fail: any wallet can be paid, open or closed.

use access::MemberId;
use futures::FutureExt;
use futures::future::BoxFuture;
use idempotency::{Operation, TakenOver};
use member_client::{TransferError, TransferKind, TransferRequest};
use money::Won;
use uuid::Uuid;

use super::db;
use super::payout::Payout;
use crate::outbox::{self, Delivery, Handler, HandlerError, Kind};
use crate::settlement::db::settlements;
use crate::settlement::seller_settlement::DayRange;
use crate::state::AppState;

const PAY_OUT: Kind = Kind::new("PAY_OUT");

/// Why nothing is paid.
#[derive(Debug, thiserror::Error)]
pub enum PayOutError {
    /// The sum of the pending settlements is zero or less.
    #[error("there is nothing to pay for these days")]
    NothingToPay,
    /// The request stood still, and a repetition has taken it over. Nothing was paid.
    #[error(transparent)]
    TakenOver(#[from] TakenOver),
    /// The database failed. The payout may exist; the client can repeat the request with the same key.
    #[error("the payout could not be written or read")]
    Database(#[from] sqlx::Error),
}

/// Pays a seller every pending settlement of a range of days, less the negative settlements of any other day. Returns the
/// payout, paid, or not yet paid if it takes longer than a request waits.
pub async fn pay_out(
    app: &AppState,
    seller_id: MemberId,
    operation: Operation,
    range: DayRange,
) -> Result<Payout, PayOutError> {
    let payout_id = operation.id;
    if let Some(payout) = find(app, payout_id).await?.filter(|payout| payout.seller_id == seller_id) {
        return Ok(payout);
    }
    let payout = store(app, seller_id, operation, range).await?;
    metrics::counter!("payouts_begun_total").increment(1);
    let (amount, days) = (payout.amount.get(), payout.days);
    tracing::info!(%payout_id, seller_id = %seller_id.0, amount, days, "a payout began");
    app.outbox.deliver_now(app, [delivery(payout_id)], app.rules.checkout.get().answer_within()).await;
    Ok(find(app, payout_id).await?.unwrap_or(payout))
}

/// Binds the settlements, and stores the payout and its delivery.
async fn store(
    app: &AppState,
    seller_id: MemberId,
    operation: Operation,
    range: DayRange,
) -> Result<Payout, PayOutError> {
    let (created_at, lease_until) = (app.clock.now(), app.lease_until());
    app.database
        .run_tx("payout_begin", move |connection| {
            let operation = operation.clone();
            Box::pin(async move {
                operation.hold(connection).await??;
                let id = operation.id;
                let (days, amount) = settlements::bind(connection, seller_id, range, id).await?;
                if amount <= Won::ZERO {
                    return Err(PayOutError::NothingToPay);
                }
                let payout = Payout { id, seller_id, range, amount, days, created_at, paid_at: None };
                db::insert(connection, &payout).await?;
                outbox::db::insert(connection, &[delivery(id)], created_at, lease_until).await?;
                Ok(payout)
            })
        })
        .await
}

const fn delivery(payout_id: Uuid) -> Delivery {
    Delivery { kind: PAY_OUT, subject_id: payout_id }
}

/// Pays the money of a payout to the seller. The id is that of the payout.
#[derive(Clone, Copy, Debug)]
pub struct PayOut;

/// Why a delivery failed.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("the seller could not be paid")]
    Transfer(#[source] TransferError),
    #[error("the payout {0} does not exist")]
    NoPayout(Uuid),
    #[error("the payout could not be read or written")]
    Database(#[from] sqlx::Error),
}

impl Handler<AppState> for PayOut {
    fn kind(&self) -> Kind {
        PAY_OUT
    }

    fn deliver<'a>(&'a self, app: &'a AppState, payout_id: Uuid) -> BoxFuture<'a, Result<(), HandlerError>> {
        async move { Ok(transfer(app, payout_id).await?) }.boxed()
    }
}

/// Moves the money of a payout, and records it.
async fn transfer(app: &AppState, payout_id: Uuid) -> Result<(), DeliveryError> {
    let payout = find(app, payout_id).await?.ok_or(DeliveryError::NoPayout(payout_id))?;
    let request = TransferRequest {
        id: payout.id,
        kind: TransferKind::Payout,
        amount: payout.amount,
        reference: payout.id.to_string(),
    };
    app.member.transfer(payout.seller_id, &request).await.map_err(DeliveryError::Transfer)?;
    let (seller_id, now) = (payout.seller_id, app.clock.now());
    app.database
        .run_tx("payout_paid", move |connection| {
            Box::pin(async move {
                db::record_paid(connection, payout_id, now).await?;
                settlements::mark_paid(connection, seller_id, payout_id).await
            })
        })
        .await?;
    Ok(())
}

async fn find(app: &AppState, id: Uuid) -> sqlx::Result<Option<Payout>> {
    app.database.read("payout_find", move |connection| Box::pin(db::find(connection, id))).await
}
