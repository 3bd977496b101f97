//! Rules: what order lines add to the running totals of their sellers.

use money::Won;

use super::order::OrderLine;
use crate::settlement::day::BusinessDay;
use crate::settlement::totals::{Addition, sum_by_seller_and_day};

/// What the lines of an order add when the order is paid on `day`: one addition for each seller, in the order of the
/// sellers' ids.
pub fn of_sale(lines: &[OrderLine], day: BusinessDay) -> Vec<Addition> {
    sum_by_seller_and_day(lines.iter().map(|line| (line.seller_id, day, line.total)))
        .map(|(seller_id, day, gross)| Addition { seller_id, day, gross, refunds: Won::ZERO })
        .collect()
}

/// What lines add when they are refunded, in the order of sellers and days. Lines without a refund add nothing.
pub fn of_refunds<'a>(lines: impl IntoIterator<Item = &'a OrderLine>) -> Vec<Addition> {
    let amounts = lines.into_iter().filter_map(|line| Some((line.seller_id, line.refund?.day, line.total)));
    sum_by_seller_and_day(amounts)
        .map(|(seller_id, day, refunds)| Addition { seller_id, day, gross: Won::ZERO, refunds })
        .collect()
}

#[cfg(test)]
mod tests {
    use access::MemberId;
    use time::macros::{date, datetime};
    use uuid::Uuid;

    use super::*;
    use crate::orders::line::LineStatus;
    use crate::orders::order::{Payment, Refund};
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
            line_version: Uuid::nil(),
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
}
