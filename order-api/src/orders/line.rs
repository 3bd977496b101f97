//! Rules: the statuses of an order line, and which action leads from one to another.
//!
//! ```text
//! PENDING ──► ORDERED ──────────► CANCELLED
//!    │          │  ▲
//!    ▼          ▼  │ withdrawn
//!  FAILED     REFUND_REQUESTED ──► REFUNDED
//!                    │
//!                    └───────────► REFUND_REJECTED
//! ```
//! If the stock of a paid line is gone, the system cancels the line, also after a request or a rejection.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The status of an order line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum LineStatus {
    /// The checkout of the order has not ended.
    Pending,
    /// The order has failed.
    Failed,
    /// The line is paid.
    Ordered,
    /// The customer has asked for a refund, and the seller has not answered.
    RefundRequested,
    /// The seller has accepted: the customer gets the money back, and the store gets the stock back.
    Refunded,
    /// The seller has rejected the refund. This is final.
    RefundRejected,
    /// The customer has cancelled in time: the customer gets the money back, and the store gets the stock back.
    Cancelled,
}

impl LineStatus {
    /// The value in the table and in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the customer gets the money back.
    pub const fn returns_money(self) -> bool {
        matches!(self, Self::Refunded | Self::Cancelled)
    }
}

/// An action on a line after the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The customer cancels, within the cancel window.
    Cancel,
    /// The customer asks for a refund, at any time.
    RequestRefund,
    /// The customer withdraws the request, before the seller has answered.
    WithdrawRequest,
    /// The seller accepts the refund.
    AcceptRefund,
    /// The seller rejects the refund.
    RejectRefund,
    /// The system cancels a paid line whose stock is gone, because a service was down until the reservation had expired.
    GiveUp,
}

/// Why an action is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The status of the line does not allow it.
    #[error("the line is {}", .0.as_str())]
    WrongState(LineStatus),
    /// The cancel window is over.
    #[error("the time to cancel is over")]
    WindowClosed,
}

impl Action {
    /// The status after this action on a line with `status`. A line can be cancelled within `cancel_window` of its payment.
    pub fn apply(
        self,
        status: LineStatus,
        payment_age: PaymentAge,
        cancel_window: Duration,
    ) -> Result<LineStatus, Refusal> {
        match (self, status) {
            (Self::Cancel, LineStatus::Ordered) if payment_age.is_within(cancel_window) => {
                Ok(LineStatus::Cancelled)
            }
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

impl Action {
    /// Whether the accounts of customer and seller must be open: the action begins something that both are needed to finish. The
    /// other actions finish something, or are done by the system.
    pub const fn needs_open_accounts(self) -> bool {
        match self {
            Self::Cancel | Self::RequestRefund => true,
            Self::WithdrawRequest | Self::AcceptRefund | Self::RejectRefund | Self::GiveUp => false,
        }
    }
}

/// The time since a line was paid.
#[derive(Clone, Copy, Debug)]
pub struct PaymentAge {
    /// When the line was paid.
    pub paid_at: Option<OffsetDateTime>,
    /// The current time.
    pub now: OffsetDateTime,
}

impl PaymentAge {
    fn is_within(self, window: Duration) -> bool {
        self.paid_at.is_some_and(|paid_at| self.now < paid_at + window)
    }
}

/// Who changed a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Actor {
    /// The customer.
    Customer,
    /// The seller.
    Seller,
    /// The system, by a rule.
    System,
}

impl Actor {
    /// The value in the table and in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
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

    fn age(now: OffsetDateTime) -> PaymentAge {
        PaymentAge { paid_at: Some(PAID_AT), now }
    }

    /// All transitions. Every other one is refused.
    const TRANSITIONS: [(LineStatus, Action, LineStatus); 8] = [
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
    fn only_the_listed_transitions_are_allowed() {
        for status in LineStatus::VARIANTS.iter().copied() {
            for action in ACTIONS {
                let transition = TRANSITIONS.iter().find(|(from, by, _)| (*from, *by) == (status, action));
                let expected = transition.map(|(_, _, to)| *to).ok_or(Refusal::WrongState(status));
                assert_eq!(
                    action.apply(status, age(PAID_AT), WINDOW),
                    expected,
                    "{action:?} from {status:?}"
                );
            }
        }
    }

    #[test]
    fn a_line_can_be_cancelled_until_its_window_closes() {
        let last = age(datetime!(2026-11-22 09:29:59.999999 UTC));
        let late = age(datetime!(2026-11-22 09:30 UTC));
        assert_eq!(Action::Cancel.apply(LineStatus::Ordered, last, WINDOW), Ok(LineStatus::Cancelled));
        assert_eq!(Action::Cancel.apply(LineStatus::Ordered, late, WINDOW), Err(Refusal::WindowClosed));
    }

    #[test]
    fn every_status_and_actor_is_parsed_as_it_was_written_and_has_the_same_name_in_json() {
        for status in LineStatus::VARIANTS {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for actor in Actor::VARIANTS {
            assert_eq!(actor.as_str().parse(), Ok(*actor));
            assert_eq!(serde_json::to_value(actor).unwrap(), actor.as_str());
        }
    }
}
