//! Payouts in answers.

use money::Won;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::payouts::payout::Payout;
use crate::settlement::day::BusinessDay;

/// A payout.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payout)]
pub(crate) struct PayoutBody {
    id: Uuid,
    /// The sum of its settlements, in won.
    amount: Won,
    /// The first day that you asked for.
    from: BusinessDay,
    /// The last day that you asked for.
    to: BusinessDay,
    /// The number of its settlements, with the negative ones of other days.
    days: u32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When the money was in your wallet; null if it is not there yet.
    #[serde(with = "time::serde::rfc3339::option")]
    paid_at: Option<OffsetDateTime>,
}

impl From<Payout> for PayoutBody {
    fn from(payout: Payout) -> Self {
        Self {
            id: payout.id,
            amount: payout.amount,
            from: payout.range.from,
            to: payout.range.to,
            days: payout.days,
            created_at: payout.created_at,
            paid_at: payout.paid_at,
        }
    }
}
