//! The states of an order line, and who may change them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Where an order line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LineStatus {
    /// Its order is not at its end.
    Pending,
    /// Its order was not made.
    Failed,
    /// Bought and paid.
    Ordered,
    /// The customer wants the money back, and the seller has not answered.
    RefundRequested,
    /// The seller agreed: the money goes back, and the stock too.
    Refunded,
    /// The seller did not agree. This is final.
    RefundRejected,
    /// The customer changed their mind in time: the money goes back, and the stock too.
    Cancelled,
}

impl LineStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Failed,
        Self::Ordered,
        Self::RefundRequested,
        Self::Refunded,
        Self::RefundRejected,
        Self::Cancelled,
    ];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Failed => "FAILED",
            Self::Ordered => "ORDERED",
            Self::RefundRequested => "REFUND_REQUESTED",
            Self::Refunded => "REFUNDED",
            Self::RefundRejected => "REFUND_REJECTED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Reads it back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether its money goes back to the customer.
    pub const fn pays_back(self) -> bool {
        matches!(self, Self::Refunded | Self::Cancelled)
    }
}

/// What can be done to a line after the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The customer, within the window.
    Cancel,
    /// The customer, at any time.
    RequestRefund,
    /// The customer, until the seller has answered.
    WithdrawRequest,
    /// The seller.
    AcceptRefund,
    /// The seller.
    RejectRefund,
    /// Nobody: the stock of a paid line is gone, because a part was down for longer than it was held.
    GiveUp,
}

/// Why an action can't be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The line's state does not allow it.
    #[error("the line is {}", .0.as_str())]
    WrongState(LineStatus),
    /// The window in which a line can be cancelled is over.
    #[error("the time to cancel is over")]
    WindowClosed,
}

impl Action {
    /// The state that it leads to from `status`, for a line that was paid `paid_for` ago.
    pub fn apply(self, status: LineStatus, paid: Since, window: Duration) -> Result<LineStatus, Refusal> {
        match (self, status) {
            (Self::Cancel, LineStatus::Ordered) if paid.is_within(window) => Ok(LineStatus::Cancelled),
            (Self::Cancel, LineStatus::Ordered) => Err(Refusal::WindowClosed),
            (Self::RequestRefund, LineStatus::Ordered) => Ok(LineStatus::RefundRequested),
            (Self::WithdrawRequest, LineStatus::RefundRequested) => Ok(LineStatus::Ordered),
            (Self::AcceptRefund, LineStatus::RefundRequested) => Ok(LineStatus::Refunded),
            (Self::RejectRefund, LineStatus::RefundRequested) => Ok(LineStatus::RefundRejected),
            (
                Self::GiveUp,
                LineStatus::Ordered | LineStatus::RefundRequested | LineStatus::RefundRejected,
            ) => Ok(LineStatus::Cancelled),
            (_, other) => Err(Refusal::WrongState(other)),
        }
    }
}

/// The time that has passed since a line was paid.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    /// When it was paid.
    pub paid_at: Option<OffsetDateTime>,
    /// The present.
    pub now: OffsetDateTime,
}

impl Since {
    fn is_within(self, window: Duration) -> bool {
        self.paid_at.is_some_and(|paid_at| self.now < paid_at + window)
    }
}

/// Who changed a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Actor {
    /// Who bought it.
    Customer,
    /// Who sold it.
    Seller,
    /// Nobody: a rule did.
    System,
}

impl Actor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Seller, Self::System];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "CUSTOMER",
            Self::Seller => "SELLER",
            Self::System => "SYSTEM",
        }
    }

    /// Reads it back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|actor| actor.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const WINDOW: Duration = Duration::from_secs(30 * 60);
    const PAID_AT: OffsetDateTime = datetime!(2026-11-22 09:00 UTC);

    const ACTIONS: [Action; 6] = [
        Action::Cancel,
        Action::RequestRefund,
        Action::WithdrawRequest,
        Action::AcceptRefund,
        Action::RejectRefund,
        Action::GiveUp,
    ];

    fn since(now: OffsetDateTime) -> Since {
        Since { paid_at: Some(PAID_AT), now }
    }

    /// Every way there is; whatever is not here is refused.
    const WAYS: [(LineStatus, Action, LineStatus); 8] = [
        (LineStatus::Ordered, Action::Cancel, LineStatus::Cancelled),
        (LineStatus::Ordered, Action::RequestRefund, LineStatus::RefundRequested),
        (LineStatus::RefundRequested, Action::WithdrawRequest, LineStatus::Ordered),
        (LineStatus::RefundRequested, Action::AcceptRefund, LineStatus::Refunded),
        (LineStatus::RefundRequested, Action::RejectRefund, LineStatus::RefundRejected),
        (LineStatus::Ordered, Action::GiveUp, LineStatus::Cancelled),
        (LineStatus::RefundRequested, Action::GiveUp, LineStatus::Cancelled),
        (LineStatus::RefundRejected, Action::GiveUp, LineStatus::Cancelled),
    ];

    #[test]
    fn only_the_documented_ways_lead_from_a_state() {
        for status in LineStatus::ALL {
            for action in ACTIONS {
                let way = WAYS.iter().find(|(from, by, _)| (*from, *by) == (status, action));
                let expected = way.map(|(_, _, to)| *to).ok_or(Refusal::WrongState(status));
                assert_eq!(
                    action.apply(status, since(PAID_AT), WINDOW),
                    expected,
                    "{action:?} from {status:?}"
                );
            }
        }
    }

    #[test]
    fn a_line_can_be_cancelled_until_its_window_closes() {
        let last = since(datetime!(2026-11-22 09:29:59.999999 UTC));
        let late = since(datetime!(2026-11-22 09:30 UTC));
        assert_eq!(Action::Cancel.apply(LineStatus::Ordered, last, WINDOW), Ok(LineStatus::Cancelled));
        assert_eq!(Action::Cancel.apply(LineStatus::Ordered, late, WINDOW), Err(Refusal::WindowClosed));
    }

    #[test]
    fn every_state_and_actor_is_read_back_as_it_was_written_and_has_the_same_name_in_json() {
        for status in LineStatus::ALL {
            assert_eq!(LineStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for actor in Actor::ALL {
            assert_eq!(Actor::parse(actor.as_str()), Some(actor));
            assert_eq!(serde_json::to_value(actor).unwrap(), actor.as_str());
        }
    }
}
