//! What a seller is owed for a business day, and how they are paid.

use access::MemberId;
use money::Won;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::day::BusinessDay;

/// A seller's total for one business day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The day.
    pub day: BusinessDay,
    /// What was paid for the lines of the day.
    pub gross: Won,
    /// What went back to customers, of this day or of earlier ones.
    pub refunds: Won,
    /// Whether it was paid.
    pub status: SettlementStatus,
    /// What pays it.
    pub payout_id: Option<Uuid>,
}

impl Settlement {
    /// What the seller is owed; below zero where more went back than was paid. Both parts are above zero, so it fits.
    pub const fn net(&self) -> Won {
        Won::new(self.gross.get() - self.refunds.get())
    }
}

/// Whether a settlement was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SettlementStatus {
    /// Not yet.
    Pending,
    /// The money is in the seller's wallet.
    Paid,
}

impl SettlementStatus {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Pending, Self::Paid];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Paid => "PAID",
        }
    }

    /// Reads it back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A seller's request to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Also the id of the transfer.
    pub id: Uuid,
    /// Who is paid.
    pub seller_id: MemberId,
    /// The days that were asked for.
    pub range: DayRange,
    /// The sum of the settlements that it binds; above zero.
    pub amount: Won,
    /// How many they are.
    pub days: u32,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When the money was in the wallet.
    pub paid_at: Option<OffsetDateTime>,
}

/// Days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// The first.
    pub from: BusinessDay,
    /// The last; not before the first.
    pub to: BusinessDay,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_read_back_as_it_was_written_and_has_the_same_name_in_json() {
        for status in SettlementStatus::ALL {
            assert_eq!(SettlementStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
