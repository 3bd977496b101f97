//! Running totals: what a sale and a refund add to their seller's business day, and to which day.

use std::collections::BTreeMap;

use access::MemberId;
use money::Won;
use uuid::Uuid;

use super::day::BusinessDay;
use crate::orders::order::OrderLine;

/// What is to be added to one day of one seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Whose day.
    pub seller_id: MemberId,
    /// Which day.
    pub day: BusinessDay,
    /// Of lines that were paid.
    pub gross: Won,
    /// Of lines whose money goes back.
    pub refunds: Won,
}

/// What the lines of an order add when it is paid on `day`: one addition for each of its sellers, in the order of their
/// ids, so that of two orders each takes the rows in the same order.
pub fn of_sale(lines: &[OrderLine], day: BusinessDay) -> Vec<Addition> {
    summed(lines.iter().map(|line| (line.seller_id, day, line.total)))
        .map(|(seller_id, day, gross)| Addition { seller_id, day, gross, refunds: Won::ZERO })
        .collect()
}

/// What lines of an order add when their money goes back, in the order of sellers and days. Lines without a refund add
/// nothing.
pub fn of_refunds<'a>(lines: impl IntoIterator<Item = &'a OrderLine>) -> Vec<Addition> {
    summed(lines.into_iter().filter_map(|line| Some((line.seller_id, line.refund?.day, line.total))))
        .map(|(seller_id, day, refunds)| Addition { seller_id, day, gross: Won::ZERO, refunds })
        .collect()
}

fn summed(
    amounts: impl Iterator<Item = (MemberId, BusinessDay, Won)>,
) -> impl Iterator<Item = (MemberId, BusinessDay, Won)> {
    let mut sums: BTreeMap<(Uuid, BusinessDay), Won> = BTreeMap::new();
    for (seller_id, day, amount) in amounts {
        let sum = sums.entry((seller_id.0, day)).or_default();
        *sum = sum.checked_add(amount).expect("the total of an order fits, and so do its parts");
    }
    sums.into_iter().map(|((seller_id, day), sum)| (MemberId(seller_id), day, sum))
}

/// The day that a refund lowers: that of the sale while it is open, else the day on which the refund was accepted. Where
/// that is closed too, because this machine's clock is behind another's, it is the first day that is not.
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
    use time::macros::{date, datetime};

    use super::*;
    use crate::orders::line::LineStatus;
    use crate::orders::order::Payment;
    use crate::orders::order::Refund;
    use crate::quantity::Quantity;

    fn day(day: u8) -> BusinessDay {
        BusinessDay::from_date(date!(2026 - 11 - 01).replace_day(day).unwrap())
    }

    fn line(seller: u128, won: i64, refund: Option<BusinessDay>) -> OrderLine {
        OrderLine {
            id: Uuid::nil(),
            option_id: Uuid::nil(),
            option_name: String::new(),
            item_id: Uuid::nil(),
            item_name: String::new(),
            store_id: Uuid::nil(),
            store_name: String::new(),
            seller_id: MemberId(Uuid::from_u128(seller)),
            price: Won::new(won),
            quantity: Quantity::new(1).unwrap(),
            total: Won::new(won),
            wish: Uuid::nil(),
            status: LineStatus::Ordered,
            paid: Some(Payment { at: datetime!(2026-11-22 09:00 UTC), day: day(22) }),
            refund: refund.map(|day| Refund { id: Uuid::nil(), day, paid_back_at: None }),
            refund_reason: None,
        }
    }

    fn addition(seller: u128, day: BusinessDay, gross: i64, refunds: i64) -> Addition {
        let seller_id = MemberId(Uuid::from_u128(seller));
        Addition { seller_id, day, gross: Won::new(gross), refunds: Won::new(refunds) }
    }

    #[test]
    fn an_order_adds_once_to_each_of_its_sellers_in_the_order_of_their_ids() {
        let lines = [line(7, 1_000, None), line(2, 5, None), line(7, 300, None)];
        let added = of_sale(&lines, day(22));
        assert_eq!(added, [addition(2, day(22), 5, 0), addition(7, day(22), 1_300, 0)]);
    }

    #[test]
    fn a_refund_adds_to_the_day_that_it_lowers() {
        let lines = [line(7, 9, Some(day(23))), line(7, 1, Some(day(22))), line(7, 50, None)];
        let added = of_refunds(&lines);
        assert_eq!(added, [addition(7, day(22), 0, 1), addition(7, day(23), 0, 9)]);
    }

    #[test]
    fn a_refund_lowers_the_day_of_the_sale_until_that_is_closed() {
        assert_eq!(refund_day(day(22), day(25), None), day(22));
        assert_eq!(refund_day(day(22), day(25), Some(day(21))), day(22));
        assert_eq!(refund_day(day(22), day(25), Some(day(22))), day(25));
        assert_eq!(refund_day(day(22), day(25), Some(day(25))), day(26));
    }
}
