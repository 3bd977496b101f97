//! Reservations on the wire.

use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// Asks to hold stock for an order: every line, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReserveRequest {
    /// Until when; at most a day from now.
    #[garde(skip)]
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// What to hold; each option once.
    #[garde(length(min = 1, max = 100), dive)]
    pub lines: Vec<ReservationLine>,
}

/// So many pieces of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReservationLine {
    /// Of what.
    #[garde(skip)]
    pub option_id: Uuid,
    /// How many pieces.
    #[garde(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
}

/// How a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ReservationStatus {
    /// It holds stock, until it expires.
    Held,
    /// Its pieces are sold.
    Confirmed,
    /// It was given up; nothing can be reserved for this order any more.
    Released,
    /// Its time ran out and its pieces are back on sale.
    Expired,
}

impl ReservationStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Held, Self::Confirmed, Self::Released, Self::Expired];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Confirmed => "CONFIRMED",
            Self::Released => "RELEASED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The status of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A reservation as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The order that it is for.
    pub order_id: Uuid,
    /// How it stands.
    pub status: ReservationStatus,
    /// Until when it holds, or held, stock.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// A line of which there is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// Of what.
    pub option_id: Uuid,
    /// How many pieces were asked for.
    pub wanted: i64,
    /// How many there are; none where the option has been deleted.
    pub available: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn request(quantities: &[i64]) -> ReserveRequest {
        let line = |quantity: &i64| ReservationLine { option_id: Uuid::from_u128(7), quantity: *quantity };
        ReserveRequest {
            expires_at: datetime!(2026-11-22 09:10 UTC),
            lines: quantities.iter().map(line).collect(),
        }
    }

    #[test]
    fn pieces_are_above_zero_and_there_is_a_line() {
        assert!(request(&[1, 1_000_000]).validate().is_ok());
        for wrong in [&[][..], &[0], &[1, -1], &[1_000_001], &[1; 101]] {
            assert!(request(wrong).validate().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn it_is_written_in_the_names_of_the_contract() {
        let written = serde_json::to_value(request(&[2])).expect("it can be written");
        let lines = serde_json::json!([{ "optionId": Uuid::from_u128(7), "quantity": 2 }]);
        assert_eq!(written, serde_json::json!({ "expiresAt": "2026-11-22T09:10:00Z", "lines": lines }));
        for status in ReservationStatus::ALL {
            assert_eq!(serde_json::to_value(status).expect("it can be written"), status.as_str());
            assert_eq!(ReservationStatus::from_name(status.as_str()), Some(status));
        }
    }
}
