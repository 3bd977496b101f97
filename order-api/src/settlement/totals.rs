//! Rules: what is added to the running totals, and to which business day.

use std::collections::BTreeMap;

use access::MemberId;
use money::Won;
use uuid::Uuid;

use super::day::BusinessDay;

/// What is added to one day of one seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The seller.
    pub seller_id: MemberId,
    /// The day.
    pub day: BusinessDay,
    /// The amount of lines that were paid.
    pub gross: Won,
    /// The amount of lines that are refunded.
    pub refunds: Won,
}

/// Sums up the amounts of each seller and day. The result is in the order of sellers and days, so that all transactions
/// lock the rows of totals in the same order.
pub fn sum_by_seller_and_day(
    amounts: impl IntoIterator<Item = (MemberId, BusinessDay, Won)>,
) -> impl Iterator<Item = (MemberId, BusinessDay, Won)> {
    let mut sums: BTreeMap<(Uuid, BusinessDay), Won> = BTreeMap::new();
    for (seller_id, day, amount) in amounts {
        let sum = sums.entry((seller_id.0, day)).or_default();
        *sum = sum.checked_add(amount).expect("the total of an order fits, and so do its parts");
    }
    sums.into_iter().map(|((seller_id, day), sum)| (MemberId(seller_id), day, sum))
}

/// The day that a refund lowers: the day of the sale while it is open; otherwise the day on which the refund was accepted.
/// If that is closed too, because the clock of this machine is behind, it is the first open day.
pub fn refund_day(
    sold_on: BusinessDay,
    accepted_on: BusinessDay,
    closed_through: Option<BusinessDay>,
) -> BusinessDay {
    match closed_through {
        Some(closed) if sold_on <= closed => accepted_on.max(closed.next()),
        _ => sold_on,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn day(day: u8) -> BusinessDay {
        BusinessDay::from_date(date!(2026 - 11 - 01).replace_day(day).unwrap())
    }

    #[test]
    fn a_refund_lowers_the_day_of_the_sale_until_that_is_closed() {
        assert_eq!(refund_day(day(22), day(25), None), day(22));
        assert_eq!(refund_day(day(22), day(25), Some(day(21))), day(22));
        assert_eq!(refund_day(day(22), day(25), Some(day(22))), day(25));
        assert_eq!(refund_day(day(22), day(25), Some(day(25))), day(26));
    }
}
