//! What follows a confirmed order: the reserved stock is sold, and the ordered lines leave the cart.

use futures::FutureExt;
use futures::future::BoxFuture;
use store_client::{ConfirmError, ReleaseError, ReservationLine, ReserveError, ReserveRequest};
use tracing::Instrument;
use uuid::Uuid;

use crate::cart::{CartsDown, OrderedPieces};
use crate::orders::db::orders;
use crate::orders::order::{Order, OrderLine};
use crate::outbox::{Delivery, Handler, HandlerError, Kind};
use crate::state::AppState;

/// The kind of the delivery that sells the reserved stock. Until it is made, the order may still be given up.
pub(crate) const CONFIRM_RESERVATION: Kind = Kind::new("CONFIRM_RESERVATION");
const DROP_CART_LINES: Kind = Kind::new("DROP_CART_LINES");

/// Sells the reserved stock of a confirmed order. The id is that of the order.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmReservation {
    give_up_order: GiveUpOrder,
}

/// Removes the lines of a confirmed order from the cart. The id is the version of each line.
#[derive(Clone, Copy, Debug)]
pub struct DropCartLines;

/// Pays back all lines of a confirmed order whose stock is gone. Checkout does not know how: `service.rs` passes it.
pub type GiveUpOrder = fn(&AppState, Uuid) -> BoxFuture<'_, Result<(), HandlerError>>;

/// Why a delivery failed.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("the reservation could not be confirmed")]
    Confirm(#[source] ConfirmError),
    #[error("the expired reservation could not be made again")]
    Reserve(#[source] ReserveError),
    #[error("the reservation of the order could not be released")]
    Release(#[source] ReleaseError),
    #[error("the refund of the order could not be started")]
    GiveUp(#[source] HandlerError),
    #[error("the cart could not be changed")]
    Cart(#[from] CartsDown),
    #[error("the order {0} does not exist")]
    NoOrder(Uuid),
    #[error("the order could not be read")]
    Database(#[from] sqlx::Error),
}

/// The deliveries of a confirmed order.
pub(super) fn of_order(order_id: Uuid) -> [Delivery; 2] {
    [CONFIRM_RESERVATION, DROP_CART_LINES].map(|kind| Delivery { kind, subject_id: order_id })
}

/// Tries the deliveries of an order that was just confirmed. The lines leave the cart before the customer has the answer;
/// the stock is confirmed in the background.
pub(super) async fn deliver_now(app: &AppState, order: &Order) {
    let removed = remove_cart_lines(app, order).await;
    let (app, order_id) = (app.clone(), order.id);
    let background = app.background.clone();
    let rest = async move {
        // If the reservation has expired, the worker does the rest.
        let confirmed = app.store.confirm(order_id).await.map(drop).map_err(DeliveryError::Confirm);
        let [confirm, remove] = of_order(order_id).map(Delivery::first_attempt);
        let results = [(remove, removed), (confirm, confirmed)];
        let results = results.map(|(delivery, result)| (delivery, result.map_err(HandlerError::from)));
        app.outbox.record(results.into()).await;
    };
    background.spawn(rest.in_current_span());
}

impl ConfirmReservation {
    /// Calls `give_up_order` if the stock of an order is gone.
    pub fn new(give_up_order: GiveUpOrder) -> Self {
        Self { give_up_order }
    }

    /// If the stock was not confirmed in time, because store-api was down, the reservation may have expired. Then this
    /// reserves it again. If it is sold out by now, the customer gets the money back.
    async fn confirm(self, app: &AppState, order: &Order) -> Result<(), DeliveryError> {
        match app.store.confirm(order.id).await {
            Ok(_) => return Ok(()),
            Err(ConfirmError::Expired | ConfirmError::NotFound) => {}
            Err(error @ ConfirmError::Unknown(_)) => return Err(DeliveryError::Confirm(error)),
        }
        let expires_at = app.clock.now() + app.rules.checkout.get().reservation();
        let request = ReserveRequest { expires_at, lines: reservation_lines(order) };
        match app.store.reserve(order.id, &request).await {
            Ok(_) => app.store.confirm(order.id).await.map(drop).map_err(DeliveryError::Confirm),
            // A mismatch: an earlier attempt has released it below, and has not finished.
            Err(ReserveError::OutOfStock(_) | ReserveError::Mismatch) => self.give_up(app, order).await,
            Err(error @ (ReserveError::Expired | ReserveError::Unknown(_))) => {
                Err(DeliveryError::Reserve(error))
            }
        }
    }

    /// Returns the money of an order whose stock is gone. Releases the reservation first: then another attempt, which may
    /// be running, cannot make it again.
    async fn give_up(self, app: &AppState, order: &Order) -> Result<(), DeliveryError> {
        match app.store.release(order.id).await {
            Ok(_) => (self.give_up_order)(app, order.id).await.map_err(DeliveryError::GiveUp),
            // Another attempt was faster, and there was stock for it.
            Err(ReleaseError::Confirmed) => Ok(()),
            Err(error @ ReleaseError::Unknown(_)) => Err(DeliveryError::Release(error)),
        }
    }
}

impl Handler<AppState> for ConfirmReservation {
    fn kind(&self) -> Kind {
        CONFIRM_RESERVATION
    }

    fn deliver<'a>(&'a self, app: &'a AppState, order_id: Uuid) -> BoxFuture<'a, Result<(), HandlerError>> {
        async move { Ok(self.confirm(app, &find(app, order_id).await?).await?) }.boxed()
    }
}

impl Handler<AppState> for DropCartLines {
    fn kind(&self) -> Kind {
        DROP_CART_LINES
    }

    fn deliver<'a>(&'a self, app: &'a AppState, order_id: Uuid) -> BoxFuture<'a, Result<(), HandlerError>> {
        async move { Ok(remove_cart_lines(app, &find(app, order_id).await?).await?) }.boxed()
    }
}

async fn remove_cart_lines(app: &AppState, order: &Order) -> Result<(), DeliveryError> {
    Ok(app.carts.remove_ordered(order.customer_id, order.lines.iter().map(ordered_pieces)).await?)
}

/// What an order line removes from the cart.
pub(super) fn ordered_pieces(line: &OrderLine) -> OrderedPieces {
    OrderedPieces {
        option_id: line.option_id,
        line_version: line.line_version,
        quantity: line.quantity,
        rest_version: line.id,
    }
}

async fn find(app: &AppState, id: Uuid) -> Result<Order, DeliveryError> {
    let order =
        app.database.read("order_find", move |connection| Box::pin(orders::find(connection, id))).await?;
    order.ok_or(DeliveryError::NoOrder(id))
}

/// The lines of an order, as a request for a reservation.
pub(super) fn reservation_lines(order: &Order) -> Vec<ReservationLine> {
    let line = |line: &OrderLine| ReservationLine {
        option_id: line.option_id,
        quantity: line.quantity.get().into(),
    };
    order.lines.iter().map(line).collect()
}
