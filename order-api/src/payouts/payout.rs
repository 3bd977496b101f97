//! Rules: a payout.

use access::MemberId;
use money::Won;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::settlement::seller_settlement::DayRange;

/// A seller's request to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// The id. It is also the id of the transfer.
    pub id: Uuid,
    /// The seller who is paid.
    pub seller_id: MemberId,
    /// The days that the seller asked for.
    pub range: DayRange,
    /// The sum of its settlements; above zero.
    pub amount: Won,
    /// The number of its settlements.
    pub days: u32,
    /// When the seller asked for it.
    pub created_at: OffsetDateTime,
    /// When the money was in the seller's wallet.
    pub paid_at: Option<OffsetDateTime>,
}
