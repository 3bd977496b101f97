//! Payouts in an answer.

use money::Won;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::settlement::day::BusinessDay;
use crate::settlement::seller_settlement::Payout;

/// A payout.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payout)]
pub(crate) struct PayoutBody {
    id: Uuid,
    /// The sum of the settlements that it pays, in won.
    amount: Won,
    /// The first day that was asked for.
    from: BusinessDay,
    /// The last day that was asked for.
    to: BusinessDay,
    /// How many settlements it pays, with those below zero that were carried into it.
    days: u32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When the money was in your wallet; null while it is on its way.
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
