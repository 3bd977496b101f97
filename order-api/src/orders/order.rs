//! An order, its lines, and why an order fails.

use access::MemberId;
use money::Won;
use time::OffsetDateTime;
use uuid::Uuid;

use super::line::LineStatus;
use crate::quantity::Quantity;
use crate::settlement::day::BusinessDay;

/// A checkout, as its customer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Also the id of its reservation and of the transfer that pays it.
    pub id: Uuid,
    /// Whose it is.
    pub customer_id: MemberId,
    /// Where it stands.
    pub status: OrderStatus,
    /// The sum of its lines.
    pub total: Won,
    /// When it was placed.
    pub created_at: OffsetDateTime,
    /// What was ordered, in the order of the cart.
    pub lines: Vec<OrderLine>,
}

/// One option of an order, with everything frozen as it was at checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// Its own id.
    pub id: Uuid,
    /// The option that was bought.
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
    /// Who is paid.
    pub seller_id: MemberId,
    /// The price of one piece.
    pub price: Won,
    /// How many.
    pub quantity: Quantity,
    /// Price times quantity.
    pub total: Won,
    /// Which wish of the cart it was.
    pub wish: Uuid,
    /// Where it stands.
    pub status: LineStatus,
    /// When it was paid, and with which business day it is settled.
    pub paid: Option<Payment>,
    /// What became of the money, where it goes back.
    pub refund: Option<Refund>,
    /// Why the customer asked for the money back.
    pub refund_reason: Option<String>,
}

/// When a line was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The instant.
    pub at: OffsetDateTime,
    /// Its date in Asia/Seoul.
    pub day: BusinessDay,
}

/// The way back of a line's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The id of the transfer, and of the restock. Made by the clock when the refund was accepted: it tells when that was.
    pub id: Uuid,
    /// The business day that it lowers.
    pub day: BusinessDay,
    /// When the money was in the wallet; `None` while it is on its way.
    pub paid_back_at: Option<OffsetDateTime>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// Being finished, or undone; nothing can be said yet.
    Pending,
    /// Paid.
    Confirmed,
    /// Not made; nothing was taken, or all of it was given back.
    Failed(Failure),
}

impl OrderStatus {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Failed(_) => "FAILED",
        }
    }

    /// Why it failed.
    pub const fn failure(self) -> Option<Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Pending | Self::Confirmed => None,
        }
    }

    /// Reads it back.
    pub fn parse(status: &str, failure: Option<&str>) -> Option<Self> {
        match (status, failure) {
            ("PENDING", None) => Some(Self::Pending),
            ("CONFIRMED", None) => Some(Self::Confirmed),
            ("FAILED", Some(failure)) => Failure::parse(failure).map(Self::Failed),
            _ => None,
        }
    }
}

/// Why an order was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A line asked for more than there was.
    OutOfStock,
    /// The wallet did not hold the total.
    InsufficientBalance,
    /// It could not be paid while the stock was held, because a part was down.
    ReservationExpired,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OutOfStock, Self::InsufficientBalance, Self::ReservationExpired];

    /// As it is stored and shown: the code of the problem that it is answered with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "OUT_OF_STOCK",
            Self::InsufficientBalance => "INSUFFICIENT_BALANCE",
            Self::ReservationExpired => "RESERVATION_EXPIRED",
        }
    }

    /// Reads it back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_read_back_as_it_was_written() {
        let failed = Failure::ALL.map(OrderStatus::Failed);
        for status in [OrderStatus::Pending, OrderStatus::Confirmed].into_iter().chain(failed) {
            let failure = status.failure().map(Failure::as_str);
            assert_eq!(OrderStatus::parse(status.as_str(), failure), Some(status));
        }
        assert_eq!(OrderStatus::parse("FAILED", None), None);
    }
}
