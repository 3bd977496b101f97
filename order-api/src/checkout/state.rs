//! Rules: the states of a checkout, and the next step in each of them.
//!
//! ```text
//! RESERVING ──reserved──► PAYING ──paid──► the order is CONFIRMED
//!     │                     │
//!     └─refused or too late─┴─► UNDOING ──nothing is reserved, nothing is paid──► the order is FAILED
//! ```
//! Every step sends the order's id, and its answer is the same each time. So any process can repeat a step. That is why a
//! step forward is not stored: the state is stored when a checkout is rescheduled, and when its compensation begins. If a
//! process dies before that, the stored state is behind what was done, and never ahead of it.

use std::time::Duration;

use jobs::Lease;
use strum::{IntoStaticStr, VariantNames};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::orders::order::Failure;

/// A checkout that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The order. Its id is also the id of the reservation and of the transfer.
    pub order_id: Uuid,
    /// The state.
    pub state: State,
    /// When the reservation of the stock expires.
    pub reserved_until: OffsetDateTime,
    /// The lease of the process that works on it. The number of its attempt is the fencing token.
    pub lease: Lease,
}

/// The first step that is not known to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// The stock is to be reserved.
    Reserving,
    /// The stock is reserved; the money is to be taken.
    Paying,
    /// What was done is to be undone.
    #[strum(serialize = "UNDOING")]
    Compensating(Compensation),
}

/// How a checkout is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compensation {
    /// Why the order fails.
    pub failure: Failure,
    /// The id of the transfer that returns the money; `None` if no process can have asked for the payment.
    pub transfer_id: Option<Uuid>,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reserve the stock.
    Reserve,
    /// Take the money.
    Pay,
    /// Begin to undo what was done.
    StartCompensation(Failure),
    /// Undo what was done.
    Compensate(Compensation),
}

/// A payment must begin at least this long before the reservation expires. Otherwise it could be confirmed too late.
const MIN_TIME_TO_PAY: Duration = Duration::from_secs(5);

impl Checkout {
    /// The step that is next at `now`. If a service was down for so long that the order could not be paid before the
    /// reservation expired, the order fails. The customer is not charged hours later for an order that they may have
    /// forgotten.
    pub fn next_step(&self, now: OffsetDateTime) -> Step {
        let is_too_late = now + MIN_TIME_TO_PAY >= self.reserved_until;
        match self.state {
            State::Compensating(compensation) => Step::Compensate(compensation),
            State::Reserving | State::Paying if is_too_late => {
                Step::StartCompensation(Failure::ReservationExpired)
            }
            State::Reserving => Step::Reserve,
            State::Paying => Step::Pay,
        }
    }

    /// Whether a process may have asked for the payment, so that the compensation must void it. Another process that has
    /// died, or that is slow, may have done more than the stored state says.
    pub fn may_be_paid(&self) -> bool {
        self.lease.attempt > 1 || self.state != State::Reserving
    }
}

impl State {
    /// The name, in the table and in metrics.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The compensation, if it has begun.
    pub const fn compensation(self) -> Option<Compensation> {
        match self {
            Self::Compensating(compensation) => Some(compensation),
            Self::Reserving | Self::Paying => None,
        }
    }

    /// Parses stored values.
    pub fn parse(name: &str, compensation: Option<Compensation>) -> Option<Self> {
        let known = [Some(Self::Reserving), Some(Self::Paying), compensation.map(Self::Compensating)];
        known
            .into_iter()
            .flatten()
            .find(|state| state.as_str() == name && state.compensation() == compensation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const RESERVED_UNTIL: OffsetDateTime = datetime!(2026-11-22 09:15 UTC);
    const COMPENSATION: Compensation =
        Compensation { failure: Failure::OutOfStock, transfer_id: Some(Uuid::from_u128(7)) };

    fn checkout(state: State, attempt: u32) -> Checkout {
        let lease = Lease { attempt, until: datetime!(2026-11-22 09:01 UTC) };
        Checkout { order_id: Uuid::from_u128(1), state, reserved_until: RESERVED_UNTIL, lease }
    }

    #[test]
    fn it_goes_forward_while_the_stock_is_reserved_and_back_after() {
        let expired = Step::StartCompensation(Failure::ReservationExpired);
        let (early, late) =
            (RESERVED_UNTIL - Duration::from_secs(6), RESERVED_UNTIL - Duration::from_secs(5));
        let compensate = Step::Compensate(COMPENSATION);
        for (state, in_time, too_late) in [
            (State::Reserving, Step::Reserve, expired),
            (State::Paying, Step::Pay, expired),
            (State::Compensating(COMPENSATION), compensate, compensate),
        ] {
            assert_eq!(checkout(state, 1).next_step(early), in_time);
            assert_eq!(checkout(state, 1).next_step(late), too_late);
        }
    }

    #[test]
    fn only_the_first_attempt_before_its_first_answer_knows_that_nothing_was_paid() {
        assert!(!checkout(State::Reserving, 1).may_be_paid());
        assert!(checkout(State::Reserving, 2).may_be_paid());
        assert!(checkout(State::Paying, 1).may_be_paid());
    }

    #[test]
    fn every_state_is_parsed_as_it_was_written() {
        for state in [State::Reserving, State::Paying, State::Compensating(COMPENSATION)] {
            assert_eq!(State::parse(state.as_str(), state.compensation()), Some(state));
        }
        assert_eq!(State::VARIANTS, ["RESERVING", "PAYING", "UNDOING"]);
        assert_eq!(State::parse("UNDOING", None), None);
        assert_eq!(State::parse("PAYING", Some(COMPENSATION)), None);
    }
}
