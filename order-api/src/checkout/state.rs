//! The states of a checkout, and which way it goes from each.
//!
//! ```text
//! RESERVING ──held──► PAYING ──paid──► the order is CONFIRMED
//!     │                 │
//!     └──── refused, or too late ────► UNDOING ──nothing is held, nothing is paid──► the order is FAILED
//! ```
//! Every step is asked for by the order's id and answers the same each time, so a step may be repeated by whoever takes
//! the checkout up. That is why going forward writes nothing: a state is stored when a checkout is put off or turns
//! back, and a driver that dies before that leaves a state that is behind, never one that is ahead.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::orders::order::Failure;

/// A checkout that is not at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The order; its id is also that of the reservation and of the transfer.
    pub order_id: Uuid,
    /// The step that is not known to be done.
    pub state: State,
    /// Until when the stock is held.
    pub reserved_until: OffsetDateTime,
    /// How often it was taken up.
    pub attempt: u32,
    /// Until when nobody else takes it up.
    pub lease_until: OffsetDateTime,
}

/// The step that is not known to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The stock is to be held.
    Reserving,
    /// The stock is held; the money is to be taken.
    Paying,
    /// What was done is to be undone.
    Undoing(Undo),
}

/// The way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undo {
    /// What the order will have failed for.
    pub failure: Failure,
    /// The id of the transfer that gives the money back; `None` where nobody can have asked for it.
    pub transfer_id: Option<Uuid>,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Hold the stock.
    Reserve,
    /// Take the money.
    Pay,
    /// Go back from here on.
    TurnBack(Failure),
    /// Give back what was taken.
    Undo(Undo),
}

/// A payment that begins later than this before the reservation's end could be confirmed after it.
const LAST_MOMENT: Duration = Duration::from_secs(5);

impl Checkout {
    /// What is to be done at `now`. A customer whose checkout could not be paid while the stock was held, because a
    /// part was down, hears that it failed; they are not charged hours later for a cake of which they know nothing.
    pub fn next_step(&self, now: OffsetDateTime) -> Step {
        let too_late = now + LAST_MOMENT >= self.reserved_until;
        match self.state {
            State::Undoing(undo) => Step::Undo(undo),
            State::Reserving | State::Paying if too_late => Step::TurnBack(Failure::ReservationExpired),
            State::Reserving => Step::Reserve,
            State::Paying => Step::Pay,
        }
    }

    /// Whether somebody may have asked for the money, so that it must be seen to on the way back: a driver who died, or
    /// who is only slow, may have come further than the stored state says.
    pub fn may_be_paid(&self) -> bool {
        self.attempt > 1 || self.state != State::Reserving
    }
}

impl State {
    /// The names of all states, as they are stored and shown in metrics.
    pub const NAMES: [&'static str; 3] = ["RESERVING", "PAYING", "UNDOING"];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserving => Self::NAMES[0],
            Self::Paying => Self::NAMES[1],
            Self::Undoing(_) => Self::NAMES[2],
        }
    }

    /// The way back, where it is on it.
    pub const fn undo(self) -> Option<Undo> {
        match self {
            Self::Undoing(undo) => Some(undo),
            Self::Reserving | Self::Paying => None,
        }
    }

    /// Reads it back.
    pub fn parse(name: &str, undo: Option<Undo>) -> Option<Self> {
        match (name, undo) {
            ("RESERVING", None) => Some(Self::Reserving),
            ("PAYING", None) => Some(Self::Paying),
            ("UNDOING", Some(undo)) => Some(Self::Undoing(undo)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const HELD_UNTIL: OffsetDateTime = datetime!(2026-11-22 09:15 UTC);
    const UNDO: Undo = Undo { failure: Failure::OutOfStock, transfer_id: Some(Uuid::from_u128(7)) };

    fn checkout(state: State, attempt: u32) -> Checkout {
        let lease_until = datetime!(2026-11-22 09:01 UTC);
        Checkout { order_id: Uuid::from_u128(1), state, reserved_until: HELD_UNTIL, attempt, lease_until }
    }

    #[test]
    fn it_goes_forward_while_the_stock_is_held_and_back_after() {
        let expired = Step::TurnBack(Failure::ReservationExpired);
        let (early, late) = (HELD_UNTIL - Duration::from_secs(6), HELD_UNTIL - Duration::from_secs(5));
        for (state, in_time, too_late) in [
            (State::Reserving, Step::Reserve, expired),
            (State::Paying, Step::Pay, expired),
            (State::Undoing(UNDO), Step::Undo(UNDO), Step::Undo(UNDO)),
        ] {
            assert_eq!(checkout(state, 1).next_step(early), in_time);
            assert_eq!(checkout(state, 1).next_step(late), too_late);
        }
    }

    #[test]
    fn only_the_first_driver_before_its_first_answer_knows_that_nothing_was_paid() {
        assert!(!checkout(State::Reserving, 1).may_be_paid());
        assert!(checkout(State::Reserving, 2).may_be_paid());
        assert!(checkout(State::Paying, 1).may_be_paid());
    }

    #[test]
    fn every_state_is_read_back_as_it_was_written() {
        for state in [State::Reserving, State::Paying, State::Undoing(UNDO)] {
            assert_eq!(State::parse(state.as_str(), state.undo()), Some(state));
        }
        assert_eq!(State::parse("UNDOING", None), None);
    }
}
