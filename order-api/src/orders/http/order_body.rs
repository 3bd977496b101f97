//! Orders and order lines in answers.

use money::Won;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::orders::db::line_changes::LineChange;
use crate::orders::line::{Actor, LineStatus};
use crate::orders::order::{Failure, Order, OrderLine, OrderStatus};
use crate::quantity::Quantity;

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(crate) struct OrderBody {
    id: Uuid,
    status: StatusBody,
    /// FAILED: why. Nothing was taken, or it was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
    /// The sum of the lines, in won.
    total: Won,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// The lines, in the order of the cart.
    lines: Vec<LineBody>,
}

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = OrderStatus)]
#[derive(IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StatusBody {
    /// The order is being placed, or it is being undone. It will be CONFIRMED or FAILED without a further request.
    Pending,
    /// The order is paid.
    Confirmed,
    /// The order has failed.
    Failed,
}

/// Why an order has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = OrderFailure)]
pub(crate) enum FailureBody {
    /// There was not enough stock for a line.
    OutOfStock,
    /// The balance of the wallet was less than the total.
    InsufficientBalance,
    /// The order could not be paid before the reservation of the stock expired.
    ReservationExpired,
}

/// One option of an order. Names, price and seller are those at checkout.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderLine)]
pub(crate) struct LineBody {
    id: Uuid,
    store_id: Uuid,
    store_name: String,
    item_id: Uuid,
    item_name: String,
    option_id: Uuid,
    option_name: String,
    /// The price of one piece, in won.
    price: Won,
    quantity: Quantity,
    /// Price times quantity, in won.
    line_total: Won,
    status: LineStatus,
    /// Why the customer has asked for a refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_reason: Option<String>,
    /// REFUNDED and CANCELLED: when the money was in the wallet; null if it is not there yet.
    #[serde(with = "time::serde::rfc3339::option")]
    refunded_at: Option<OffsetDateTime>,
    /// The changes of the line since it was paid. Only if a single order is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<ChangeBody>>,
}

/// A change of a line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderLineChange)]
pub(crate) struct ChangeBody {
    /// The status before.
    old_status: LineStatus,
    /// The status after.
    new_status: LineStatus,
    /// Who has changed the line.
    actor: Actor,
    /// The reason that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    changed_at: OffsetDateTime,
}

impl OrderBody {
    /// The order, with the history of its lines.
    pub(crate) fn with_history(order: Order, changes: Vec<LineChange>) -> Self {
        let mut body = Self::from(order);
        for line in &mut body.lines {
            let own = changes.iter().filter(|change| change.line_id == line.id);
            line.history = Some(own.map(ChangeBody::from).collect());
        }
        body
    }
}

impl From<Order> for OrderBody {
    fn from(order: Order) -> Self {
        Self {
            id: order.id,
            status: order.status.into(),
            failure: order.status.failure().map(FailureBody::from),
            total: order.total,
            created_at: order.created_at,
            lines: order.lines.into_iter().map(LineBody::from).collect(),
        }
    }
}

impl From<OrderLine> for LineBody {
    fn from(line: OrderLine) -> Self {
        Self {
            id: line.id,
            store_id: line.store_id,
            store_name: line.store_name,
            item_id: line.item_id,
            item_name: line.item_name,
            option_id: line.option_id,
            option_name: line.option_name,
            price: line.price,
            quantity: line.quantity,
            line_total: line.total,
            status: line.status,
            refund_reason: line.refund_reason,
            refunded_at: line.refund.and_then(|refund| refund.paid_back_at),
            history: None,
        }
    }
}

impl From<&LineChange> for ChangeBody {
    fn from(change: &LineChange) -> Self {
        Self {
            old_status: change.old_status,
            new_status: change.new_status,
            actor: change.actor,
            reason: change.reason.clone(),
            changed_at: change.changed_at,
        }
    }
}

impl From<OrderStatus> for StatusBody {
    fn from(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Pending => Self::Pending,
            OrderStatus::Confirmed => Self::Confirmed,
            OrderStatus::Failed(_) => Self::Failed,
        }
    }
}

impl StatusBody {
    /// The value in the table.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }
}

impl From<Failure> for FailureBody {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::OutOfStock => Self::OutOfStock,
            Failure::InsufficientBalance => Self::InsufficientBalance,
            Failure::ReservationExpired => Self::ReservationExpired,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn statuses_and_failures_have_the_same_names_in_the_answer_and_in_the_table() {
        let failed = Failure::VARIANTS.iter().copied().map(OrderStatus::Failed);
        for status in [OrderStatus::Pending, OrderStatus::Confirmed].into_iter().chain(failed) {
            let body = StatusBody::from(status);
            assert_eq!(body.as_str(), status.as_str());
            assert_eq!(serde_json::to_value(body).unwrap(), status.as_str());
        }
        for failure in Failure::VARIANTS {
            assert_eq!(serde_json::to_value(FailureBody::from(*failure)).unwrap(), failure.as_str());
        }
    }
}
