//! Rules: an order, its lines, and why an order fails.

use access::MemberId;
use money::Won;
use strum::{EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use uuid::Uuid;

use super::line::LineStatus;
use crate::quantity::Quantity;
use crate::settlement::day::BusinessDay;

/// The result of one checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The id. It is also the id of the reservation, and of the transfer that pays the order.
    pub id: Uuid,
    /// The customer.
    pub customer_id: MemberId,
    /// The status.
    pub status: OrderStatus,
    /// The sum of the lines.
    pub total: Won,
    /// When it was placed.
    pub created_at: OffsetDateTime,
    /// The lines, in the order of the cart.
    pub lines: Vec<OrderLine>,
}

/// One option of an order. Names, price and seller are those at checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// The id.
    pub id: Uuid,
    /// The option.
    pub option_id: Uuid,
    /// The option's name.
    pub option_name: String,
    /// The option's item.
    pub item_id: Uuid,
    /// The item's name.
    pub item_name: String,
    /// The item's store.
    pub store_id: Uuid,
    /// The store's name.
    pub store_name: String,
    /// The seller, who is paid.
    pub seller_id: MemberId,
    /// The price of one piece.
    pub price: Won,
    /// How many pieces.
    pub quantity: Quantity,
    /// Price times quantity.
    pub total: Won,
    /// The version of the cart line that was ordered.
    pub line_version: Uuid,
    /// The status.
    pub status: LineStatus,
    /// When the line was paid; `None` if it was not.
    pub paid: Option<Payment>,
    /// The refund; `None` if the line is not refunded.
    pub refund: Option<Refund>,
    /// Why the customer has asked for a refund.
    pub refund_reason: Option<String>,
}

/// When a line was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The instant.
    pub at: OffsetDateTime,
    /// The business day with which the line is settled.
    pub day: BusinessDay,
}

/// The refund of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The id of the transfer and of the restock. The clock made it when the refund was accepted, so it contains that time.
    pub id: Uuid,
    /// The business day that the refund lowers.
    pub day: BusinessDay,
    /// When the money was in the wallet; `None` if it is not there yet.
    pub paid_back_at: Option<OffsetDateTime>,
}

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// The checkout has not ended.
    Pending,
    /// The order is paid.
    Confirmed,
    /// The checkout has failed. Nothing was taken, or it was given back.
    Failed(Failure),
}

impl OrderStatus {
    /// The value in the table and in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Why the order failed.
    pub const fn failure(self) -> Option<Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Pending | Self::Confirmed => None,
        }
    }

    /// Parses a stored value.
    pub fn parse(status: &str, failure: Option<&str>) -> Option<Self> {
        let failure: Option<Failure> = failure.map(str::parse).transpose().ok()?;
        let known = [Some(Self::Pending), Some(Self::Confirmed), failure.map(Self::Failed)];
        known.into_iter().flatten().find(|known| known.as_str() == status && known.failure() == failure)
    }
}

/// Why an order failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Failure {
    /// There was not enough stock for a line.
    OutOfStock,
    /// The balance of the wallet was less than the total.
    InsufficientBalance,
    /// The order could not be paid before the reservation expired, because a service was down.
    ReservationExpired,
}

impl Failure {
    /// The value in the table and in answers. It is also the code of the problem.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_parsed_as_it_was_written() {
        let failed = Failure::VARIANTS.iter().copied().map(OrderStatus::Failed);
        for status in [OrderStatus::Pending, OrderStatus::Confirmed].into_iter().chain(failed) {
            let failure = status.failure().map(Failure::as_str);
            assert_eq!(OrderStatus::parse(status.as_str(), failure), Some(status));
        }
        assert_eq!(OrderStatus::parse("FAILED", None), None);
        assert_eq!(OrderStatus::parse("FAILED", Some("LOST")), None);
        assert_eq!(OrderStatus::parse("CONFIRMED", Some(Failure::OutOfStock.as_str())), None);
    }
}
