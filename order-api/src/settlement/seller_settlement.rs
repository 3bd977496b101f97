//! Rules: what a seller is owed for a business day.

use money::Won;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;
use uuid::Uuid;

use super::day::BusinessDay;

/// The total of one seller and one business day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The day.
    pub day: BusinessDay,
    /// The amount of the lines that were paid on the day.
    pub gross: Won,
    /// The amount of the refunds that lower the day. Their lines may be of earlier days.
    pub refunds: Won,
    /// Whether the seller has been paid.
    pub status: SettlementStatus,
    /// The payout that pays it.
    pub payout_id: Option<Uuid>,
}

impl Settlement {
    /// What the seller is owed; below zero if the refunds are larger than the gross. Neither of them is negative, so it fits.
    pub const fn net(&self) -> Won {
        Won::new(self.gross.get() - self.refunds.get())
    }
}

/// Whether the seller has been paid for a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SettlementStatus {
    /// The seller has not been paid.
    Pending,
    /// The money is in the seller's wallet.
    Paid,
}

impl SettlementStatus {
    /// The value in the table and in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A range of days; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// The first day.
    pub from: BusinessDay,
    /// The last day; not before the first.
    pub to: BusinessDay,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_parsed_as_it_was_written_and_has_the_same_name_in_json() {
        for status in SettlementStatus::VARIANTS {
            assert_eq!(status.as_str().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
