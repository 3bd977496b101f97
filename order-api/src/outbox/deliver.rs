//! Doing elsewhere what was decided here: the other side of the table `outbox`.
//!
//! | what | by which id | and then |
//! |---|---|---|
//! | the reserved stock of an order is sold | the order's | an expired reservation is made anew; where the stock is gone, the money goes back |
//! | ordered lines leave the cart | the cart's wish | |
//! | a line is paid back | the line's refund | the line says when |
//! | a line's pieces are on sale again | the line's refund | |
//! | a seller is paid | the payout's | payout and settlements say so |
//!
//! Each is done at least once, and by its id takes effect once. Whoever decides something tries it at once; what fails,
//! or is lost with its process, is taken up by [`crate::worker`].

use member_client::{TransferError, TransferKind, TransferRequest};
use store_client::{ConfirmError, ReleaseError, ReserveError, ReserveRequest, RestockError, RestockRequest};
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

use super::db as outbox;
use super::db::Leased;
use super::delivery::{Delivery, Kind, pause_after};
use crate::cart::redis::CartsDown;
use crate::checkout::saga::reservation_lines;
use crate::orders::db::order_lines::Owned;
use crate::orders::db::{order_lines, orders};
use crate::orders::order::Order;
use crate::payouts::pay_out::send_money;
use crate::refunds::change_line::{ChangeLineError, give_up_order};
use crate::state::AppState;

/// Why something is still owed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StillOwed {
    #[error("the reservation could not be confirmed")]
    Confirm(#[source] ConfirmError),
    #[error("the expired reservation could not be made anew")]
    Reserve(#[source] ReserveError),
    #[error("the order's reservation could not be released")]
    Release(#[source] ReleaseError),
    #[error("the order's money could not be set on its way back")]
    GiveUp(#[source] ChangeLineError),
    #[error("the cart could not be changed")]
    Cart(#[from] CartsDown),
    #[error("the money could not be given back")]
    PayBack(#[source] TransferError),
    #[error("the stock could not be put back on sale")]
    Restock(#[source] RestockError),
    #[error("the seller could not be paid")]
    PayOut(#[source] TransferError),
    #[error("order, line or payout {0} is not there, or is in a state that owes nothing")]
    Nothing(Uuid),
    #[error("it was not done within its lease")]
    OutOfTime,
    #[error("what is owed could not be read or written")]
    Database(#[from] sqlx::Error),
}

/// Does what a confirmed order owes. The cart first, and while its customer waits: whoever has the answer to a checkout
/// finds the ordered lines gone.
pub(crate) async fn after_confirmation(app: &AppState, order: &Order) {
    let dropped = drop_cart_lines(app, order).await;
    let (app, order) = (app.clone(), order.clone());
    let background = app.background.clone();
    let rest = async move {
        let confirmed = confirm_reservation(&app, &order).await;
        let first_try = |kind| Leased { delivery: Delivery { kind, subject_id: order.id }, attempt: 1 };
        let results =
            [(first_try(Kind::DropCartLines), dropped), (first_try(Kind::ConfirmReservation), confirmed)];
        conclude(&app, results.into()).await;
    };
    background.spawn(rest.in_current_span());
}

/// Does what was taken up, within its lease: after that it may be somebody else's.
pub(crate) async fn deliver(app: &AppState, leased: Leased) {
    let result = timeout(app.rules.worker.lease(), effect(app, leased.delivery)).await;
    conclude(app, vec![(leased, result.unwrap_or(Err(StillOwed::OutOfTime)))]).await;
}

async fn effect(app: &AppState, delivery: Delivery) -> Result<(), StillOwed> {
    let id = delivery.subject_id;
    match delivery.kind {
        Kind::ConfirmReservation => confirm_reservation(app, &order(app, id).await?).await,
        Kind::DropCartLines => drop_cart_lines(app, &order(app, id).await?).await,
        Kind::PayBack => pay_back(app, &line(app, id).await?).await,
        Kind::Restock => restock(app, &line(app, id).await?).await,
        Kind::PayOut => send_money(app, id).await,
    }
}

/// Removes what is done, and puts off what is not.
async fn conclude(app: &AppState, results: Vec<(Leased, Result<(), StillOwed>)>) {
    let mut done = Vec::new();
    let mut owed = Vec::new();
    for (leased, result) in results {
        let kind = leased.delivery.kind.as_str();
        match result {
            Ok(()) => {
                metrics::counter!("outbox_delivered_total", "kind" => kind).increment(1);
                done.push(leased.delivery);
            }
            Err(still) => {
                let (subject_id, attempt) = (leased.delivery.subject_id, leased.attempt);
                tracing::warn!(kind, %subject_id, attempt, error = telemetry::chain(&still), "put a delivery off");
                metrics::counter!("outbox_put_off_total", "kind" => kind).increment(1);
                owed.push(leased);
            }
        }
    }
    if let Err(error) = write(app, done, owed).await {
        // Their leases run out, and they are done again, to no effect.
        tracing::warn!(%error, "could not write down what was delivered");
    }
}

async fn write(app: &AppState, done: Vec<Delivery>, owed: Vec<Leased>) -> sqlx::Result<()> {
    let now = app.clock.now();
    let write = app.database.run_autocommit("outbox_write", move |db| {
        Box::pin(async move {
            outbox::remove(db, &done).await?;
            for leased in owed {
                outbox::put_off(db, leased, now + pause_after(leased.attempt)).await?;
            }
            Ok(())
        })
    });
    write.await
}

/// Turns the reserved stock of a paid order into sold stock. If it was not asked for in time, because store-api was down,
/// the stock may be back on sale: then it is taken again, or, where it is sold out by now, the customer gets the money.
async fn confirm_reservation(app: &AppState, order: &Order) -> Result<(), StillOwed> {
    match app.store.confirm(order.id).await {
        Ok(_) => return Ok(()),
        Err(ConfirmError::Expired | ConfirmError::NotFound) => {}
        Err(error @ ConfirmError::Unknown(_)) => return Err(StillOwed::Confirm(error)),
    }
    let expires_at = app.clock.now() + app.rules.checkout.reservation();
    let request = ReserveRequest { expires_at, lines: reservation_lines(order) };
    match app.store.reserve(order.id, &request).await {
        Ok(_) => app.store.confirm(order.id).await.map(|_| ()).map_err(StillOwed::Confirm),
        // A mismatch: it was released below, by somebody who did not come further.
        Err(ReserveError::OutOfStock(_) | ReserveError::Mismatch) => give_up(app, order).await,
        Err(error @ (ReserveError::Expired | ReserveError::Unknown(_))) => Err(StillOwed::Reserve(error)),
    }
}

/// Sends back the money of an order whose stock is gone. The reservation is released first, so that whoever is still
/// trying to make it anew is refused.
async fn give_up(app: &AppState, order: &Order) -> Result<(), StillOwed> {
    match app.store.release(order.id).await {
        Ok(_) => give_up_order(app, order.id).await.map_err(StillOwed::GiveUp),
        // Somebody was quicker, and there was stock for it.
        Err(ReleaseError::Confirmed) => Ok(()),
        Err(error @ ReleaseError::Unknown(_)) => Err(StillOwed::Release(error)),
    }
}

async fn drop_cart_lines(app: &AppState, order: &Order) -> Result<(), StillOwed> {
    let ordered = order.lines.iter().map(|line| (line.option_id, line.wish, line.quantity));
    Ok(app.carts.drop_ordered(order.customer_id, ordered, app.clock.new_id()).await?)
}

async fn pay_back(app: &AppState, owned: &Owned) -> Result<(), StillOwed> {
    let refund = owned.line.refund.ok_or(StillOwed::Nothing(owned.line.id))?;
    let request = TransferRequest {
        id: refund.id,
        kind: TransferKind::Refund,
        amount: owned.line.total,
        reference: owned.order_id.to_string(),
    };
    app.member.transfer(owned.customer_id, &request).await.map_err(StillOwed::PayBack)?;
    let (line_id, now) = (owned.line.id, app.clock.now());
    let paid_back = app
        .database
        .run_autocommit("line_paid_back", move |db| Box::pin(order_lines::paid_back(db, line_id, now)));
    Ok(paid_back.await?)
}

/// Puts a line's pieces back on sale. store-api refuses those of a reservation that is not confirmed yet: then it is tried
/// again, after the confirmation, or found to be no longer owed where the order was given up.
async fn restock(app: &AppState, owned: &Owned) -> Result<(), StillOwed> {
    let refund = owned.line.refund.ok_or(StillOwed::Nothing(owned.line.id))?;
    let request = RestockRequest {
        order_id: owned.order_id,
        option_id: owned.line.option_id,
        quantity: owned.line.quantity.get().into(),
    };
    app.store.restock(refund.id, &request).await.map(|_| ()).map_err(StillOwed::Restock)
}

async fn order(app: &AppState, id: Uuid) -> Result<Order, StillOwed> {
    let order = app.database.read("order_find", move |db| Box::pin(orders::find(db, id))).await?;
    order.ok_or(StillOwed::Nothing(id))
}

async fn line(app: &AppState, id: Uuid) -> Result<Owned, StillOwed> {
    let line = app.database.read("line_find", move |db| Box::pin(order_lines::find(db, id))).await?;
    line.ok_or(StillOwed::Nothing(id))
}
