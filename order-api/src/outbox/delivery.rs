//! What is owed to others once something was decided here.

use std::time::Duration;

use uuid::Uuid;

/// One thing to be done elsewhere, at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// What.
    pub kind: Kind,
    /// For which order, line or payout, by its kind.
    pub subject_id: Uuid,
}

/// What there is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Of a confirmed order: the reserved stock is sold.
    ConfirmReservation,
    /// Of a confirmed order: its lines leave the cart.
    DropCartLines,
    /// Of a refunded or cancelled line: the customer gets the money.
    PayBack,
    /// Of a refunded or cancelled line: the store gets the pieces.
    Restock,
    /// Of a payout: the seller gets the money.
    PayOut,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ConfirmReservation, Self::DropCartLines, Self::PayBack, Self::Restock, Self::PayOut];

    /// As it is stored and shown in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmReservation => "CONFIRM_RESERVATION",
            Self::DropCartLines => "DROP_CART_LINES",
            Self::PayBack => "PAY_BACK",
            Self::Restock => "RESTOCK",
            Self::PayOut => "PAY_OUT",
        }
    }

    /// Reads it back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How long to wait before something that was taken up `attempt` times, in vain, is taken up again: from 0.2 s,
/// doubling, to 30 s.
pub fn pause_after(attempt: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(30);
    FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_as_it_was_written() {
        assert!(Kind::ALL.into_iter().all(|kind| Kind::parse(kind.as_str()) == Some(kind)));
    }

    #[test]
    fn pauses_double_to_half_a_minute() {
        let millis = [0, 1, 2, 3, 8, 9, u32::MAX].map(|attempt| pause_after(attempt).as_millis());
        assert_eq!(millis, [200, 200, 400, 800, 25_600, 30_000, 30_000]);
    }
}
