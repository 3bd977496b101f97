//! What follows a refund: the customer is paid, and the pieces are restocked.

use futures::FutureExt;
use futures::future::BoxFuture;
use member_client::{TransferError, TransferKind, TransferRequest};
use store_client::{RestockError, RestockRequest};
use uuid::Uuid;

use crate::orders::db::order_lines::{self, LineWithOwners};
use crate::orders::order::Refund;
use crate::outbox::{Delivery, Handler, HandlerError, Kind};
use crate::state::AppState;

pub(super) const PAY_BACK: Kind = Kind::new("PAY_BACK");
pub(super) const RESTOCK: Kind = Kind::new("RESTOCK");

/// Pays the money of a refunded line to the customer. The id is that of the refund.
#[derive(Clone, Copy, Debug)]
pub struct PayBack;

/// Puts the pieces of a refunded line back on sale. The id is that of the refund.
#[derive(Clone, Copy, Debug)]
pub struct Restock;

/// Why a delivery failed.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("the money could not be given back")]
    PayBack(#[source] TransferError),
    #[error("the stock could not be put back on sale")]
    Restock(#[source] RestockError),
    #[error("the line {0} does not exist, or has no refund")]
    NoRefund(Uuid),
    #[error("the line could not be read or written")]
    Database(#[from] sqlx::Error),
}

/// The deliveries of a refunded line.
pub(super) fn of_line(line_id: Uuid) -> [Delivery; 2] {
    [PAY_BACK, RESTOCK].map(|kind| Delivery { kind, subject_id: line_id })
}

impl Handler<AppState> for PayBack {
    fn kind(&self) -> Kind {
        PAY_BACK
    }

    fn deliver<'a>(&'a self, app: &'a AppState, line_id: Uuid) -> BoxFuture<'a, Result<(), HandlerError>> {
        async move { Ok(pay_back(app, line_id).await?) }.boxed()
    }
}

impl Handler<AppState> for Restock {
    fn kind(&self) -> Kind {
        RESTOCK
    }

    fn deliver<'a>(&'a self, app: &'a AppState, line_id: Uuid) -> BoxFuture<'a, Result<(), HandlerError>> {
        async move { Ok(restock(app, line_id).await?) }.boxed()
    }
}

async fn pay_back(app: &AppState, line_id: Uuid) -> Result<(), DeliveryError> {
    let (found, refund) = find(app, line_id).await?;
    let request = TransferRequest {
        id: refund.id,
        kind: TransferKind::Refund,
        amount: found.line.total,
        reference: found.order_id.to_string(),
    };
    app.member.transfer(found.customer_id, &request).await.map_err(DeliveryError::PayBack)?;
    let now = app.clock.now();
    let record = app.database.run_autocommit("line_paid_back", move |connection| {
        Box::pin(order_lines::record_paid_back(connection, line_id, now))
    });
    Ok(record.await?)
}

/// store-api refuses to restock the pieces of a reservation that is not confirmed yet. Then this is tried again until the
/// reservation is confirmed. If the order is given up, the delivery is deleted.
async fn restock(app: &AppState, line_id: Uuid) -> Result<(), DeliveryError> {
    let (found, refund) = find(app, line_id).await?;
    let request = RestockRequest {
        order_id: found.order_id,
        option_id: found.line.option_id,
        quantity: found.line.quantity.get().into(),
    };
    app.store.restock(refund.id, &request).await.map(drop).map_err(DeliveryError::Restock)
}

async fn find(app: &AppState, line_id: Uuid) -> Result<(LineWithOwners, Refund), DeliveryError> {
    let find =
        app.database.read("line_find", move |connection| Box::pin(order_lines::find(connection, line_id)));
    let found = find.await?.ok_or(DeliveryError::NoRefund(line_id))?;
    let refund = found.line.refund.ok_or(DeliveryError::NoRefund(line_id))?;
    Ok((found, refund))
}
