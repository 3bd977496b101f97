//! Rules: what a request does to a reservation, decided from its stored state.

use std::collections::BTreeMap;

use store_client::{ReservationLine, ReservationStatus};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The longest time that a reservation may hold stock. A faulty caller can't keep pieces from other buyers for longer.
pub const MAX_HOLD: Duration = Duration::DAY;

/// The most options of one order. A cart has no more lines.
pub const MAX_LINES: usize = 100;

/// Pieces by option id. Every transaction locks the options in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<Uuid, i64>);

/// Lines that can't be reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinesFault {
    /// An option is in two lines.
    #[error("line {0} repeats the option of an earlier one")]
    Repeated(usize),
}

impl Lines {
    /// Sorts the lines of a request.
    pub fn of(lines: &[ReservationLine]) -> Result<Self, LinesFault> {
        let mut sorted = BTreeMap::new();
        for (position, line) in lines.iter().enumerate() {
            if sorted.insert(line.option_id, line.quantity).is_some() {
                return Err(LinesFault::Repeated(position));
            }
        }
        Ok(Self(sorted))
    }

    /// Option id and pieces of each line.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, i64)> {
        self.0.iter().map(|(option, pieces)| (*option, *pieces))
    }
}

impl FromIterator<(Uuid, i64)> for Lines {
    fn from_iter<I: IntoIterator<Item = (Uuid, i64)>>(lines: I) -> Self {
        Self(lines.into_iter().collect())
    }
}

/// A reservation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReservation {
    /// Its status.
    pub status: ReservationStatus,
    /// It holds stock until this time.
    pub expires_at: OffsetDateTime,
    /// The pieces that it holds or held.
    pub lines: Lines,
}

/// What a request to reserve does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// The stock went back on sale: take it again.
    HoldAgain,
    /// The stock is still held after its time: set the new time.
    Extend,
    /// The stock is held or sold already: answer as before.
    Already,
    /// The order has other lines, or was released.
    Refuse,
}

/// Decides on a request to reserve stock for an order that has a reservation.
pub fn on_reserve(stored: &StoredReservation, wanted: &Lines, now: OffsetDateTime) -> Reserve {
    match stored.status {
        _ if stored.lines != *wanted => Reserve::Refuse,
        ReservationStatus::Held if now >= stored.expires_at => Reserve::Extend,
        ReservationStatus::Held | ReservationStatus::Confirmed => Reserve::Already,
        ReservationStatus::Expired => Reserve::HoldAgain,
        ReservationStatus::Released => Reserve::Refuse,
    }
}

/// What a request to confirm does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// The pieces become sold.
    Sell,
    /// The pieces are sold already.
    Already,
    /// The pieces are back on sale.
    Refuse,
}

/// Decides on a request to confirm. It looks at the time of expiry, and not whether the worker has expired the reservation. So
/// every instance gives the same answer.
pub fn on_confirm(stored: &StoredReservation, now: OffsetDateTime) -> Confirm {
    match stored.status {
        ReservationStatus::Confirmed => Confirm::Already,
        ReservationStatus::Held if now < stored.expires_at => Confirm::Sell,
        ReservationStatus::Held | ReservationStatus::Expired | ReservationStatus::Released => Confirm::Refuse,
    }
}

/// What a request to release does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The pieces go back on sale.
    ReturnStock,
    /// The pieces are back on sale already. From now on nothing can be reserved for the order.
    Close,
    /// The order is released already.
    Already,
    /// The pieces are sold. Only a restock brings them back.
    Refuse,
}

/// Decides on a request to release.
pub fn on_release(status: ReservationStatus) -> Release {
    match status {
        ReservationStatus::Held => Release::ReturnStock,
        ReservationStatus::Expired => Release::Close,
        ReservationStatus::Released => Release::Already,
        ReservationStatus::Confirmed => Release::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const EXPIRY: OffsetDateTime = datetime!(2026-11-22 09:10 UTC);

    fn line(option: u128, quantity: i64) -> ReservationLine {
        ReservationLine { option_id: Uuid::from_u128(option), quantity }
    }

    fn stored(status: ReservationStatus) -> StoredReservation {
        StoredReservation { status, expires_at: EXPIRY, lines: Lines::of(&[line(1, 2)]).unwrap() }
    }

    #[test]
    fn lines_are_in_the_options_order_whatever_order_they_came_in() {
        let lines = Lines::of(&[line(9, 1), line(3, 2)]).unwrap();
        assert_eq!(lines.iter().map(|(_, pieces)| pieces).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(Lines::of(&[line(9, 1), line(3, 2), line(9, 4)]), Err(LinesFault::Repeated(2)));
    }

    #[test]
    fn reserving_again_answers_the_same_and_reserving_anew_is_for_the_expired() {
        use ReservationStatus::{Confirmed, Expired, Held, Released};
        let same = Lines::of(&[line(1, 2)]).unwrap();
        let just_before = EXPIRY - Duration::microseconds(1);
        let on = |status, now| on_reserve(&stored(status), &same, now);
        let decided = [Held, Confirmed, Expired, Released].map(|status| on(status, just_before));
        assert_eq!(decided, [Reserve::Already, Reserve::Already, Reserve::HoldAgain, Reserve::Refuse]);
        for other in [Lines::of(&[line(1, 3)]), Lines::of(&[line(2, 2)]), Lines::of(&[])] {
            assert_eq!(on_reserve(&stored(Held), &other.unwrap(), just_before), Reserve::Refuse);
        }
        assert_eq!([on(Held, EXPIRY), on(Confirmed, EXPIRY)], [Reserve::Extend, Reserve::Already]);
    }

    #[test]
    fn an_expired_reservation_is_not_confirmed_even_before_the_worker_comes_by() {
        use ReservationStatus::{Confirmed, Expired, Held, Released};
        let just_before = EXPIRY - Duration::microseconds(1);
        assert_eq!(on_confirm(&stored(Held), just_before), Confirm::Sell);
        assert_eq!(on_confirm(&stored(Held), EXPIRY), Confirm::Refuse);
        assert_eq!(on_confirm(&stored(Confirmed), EXPIRY), Confirm::Already);
        assert_eq!(
            [Expired, Released].map(|status| on_confirm(&stored(status), just_before)),
            [Confirm::Refuse; 2]
        );
    }

    #[test]
    fn what_is_sold_is_not_released() {
        use ReservationStatus::{Confirmed, Expired, Held, Released};
        let decided = [Held, Expired, Released, Confirmed].map(on_release);
        assert_eq!(decided, [Release::ReturnStock, Release::Close, Release::Already, Release::Refuse]);
    }
}
