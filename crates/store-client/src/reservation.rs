//! The request for a reservation, and its answer.

use garde::Validate;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// A request to reserve stock for an order: every line or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReserveRequest {
    /// When the reservation expires; at most a day from now.
    #[garde(skip)]
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// What to reserve. Each option is in one line.
    #[garde(length(min = 1, max = 100), dive)]
    pub lines: Vec<ReservationLine>,
}

/// A number of pieces of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReservationLine {
    /// The option.
    #[garde(skip)]
    pub option_id: Uuid,
    /// How many pieces.
    #[garde(range(min = 1, max = 1_000_000))]
    pub quantity: i64,
}

/// The state of a reservation.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum ReservationStatus {
    /// Its pieces are reserved until it expires.
    Held,
    /// Its pieces are sold.
    Confirmed,
    /// Its pieces are back on sale, and nothing can be reserved for this order any more.
    Released,
    /// It has expired, and its pieces are back on sale.
    Expired,
}

impl ReservationStatus {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The order of the reservation.
    pub order_id: Uuid,
    /// Its state.
    pub status: ReservationStatus,
    /// When it expires or has expired.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// A line whose stock is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// The option.
    pub option_id: Uuid,
    /// How many pieces were asked for.
    pub wanted: i64,
    /// How many pieces there are; zero if the option was deleted.
    pub available: i64,
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;
    use time::macros::datetime;

    use super::*;

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
    fn its_json_has_the_names_of_the_contract() {
        let written = serde_json::to_value(request(&[2])).expect("it can be written");
        let lines = serde_json::json!([{ "optionId": Uuid::from_u128(7), "quantity": 2 }]);
        assert_eq!(written, serde_json::json!({ "expiresAt": "2026-11-22T09:10:00Z", "lines": lines }));
        for status in ReservationStatus::VARIANTS {
            assert_eq!(serde_json::to_value(status).expect("it can be written"), status.as_str());
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
    }
}
