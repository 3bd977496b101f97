//! What of a member is open: as a customer and as a seller. A member is one of the two, so the other part finds nothing.
//!
//! Each is looked for in the direction in which money flows: orders, refunds, days that are not settled, settlements, payouts.
//! What moves on meanwhile is then seen at its next place. At the end of the way is the wallet, where member-api looks last.
//!
//! What nobody can begin any more, after the member is marked:
//!
//! * An order of the customer. Placing one writes its row and then looks for the mark (`checkout/db.rs`). The look for orders
//!   locks, and so waits for a row that is not committed.
//! * An order for the seller. It needs stock, and store-api has no open store of the seller, and lets none be opened.
//! * A cancel or a request for a refund, of the customer or from the seller: they lock the row of both members
//!   (`refunds/change_line.rs`).
//! * A payout. There is no pending settlement, or they come to zero, and a payout needs a sum above zero.

use access::MemberId;
use account_closing::{Open, OpenKind};

use super::db::{self, Sum};
use crate::settlement::day::BusinessDay;
use crate::settlement::db::{seller_day_totals, settlement_days};
use crate::state::AppState;

/// What of a member is open.
pub(super) async fn find_open(app: &AppState, member: MemberId) -> sqlx::Result<Vec<Open>> {
    let today = BusinessDay::of(app.clock.now());
    let find = app.database.read("account_find_open", move |connection| {
        Box::pin(async move {
            let mut orders = db::orders_of_customer(connection, member).await?;
            orders += db::unpaid_orders_of_seller(connection, member).await?;
            orders += db::unconfirmed_orders_of_seller(connection, member).await?;
            let mut refunds = db::refunds_of_customer(connection, member).await?;
            refunds += db::refunds_of_seller(connection, member).await?;

            let first_open = match settlement_days::closed_through(connection).await? {
                // The last closed day may be in the middle of being settled.
                Some(closed) => Some(closed),
                None => seller_day_totals::first_day(connection).await?,
            };
            let last = seller_day_totals::last_day(connection).await?.map_or(today, |last| last.max(today));
            let days = first_open.map(|first| days_of(first, last)).unwrap_or_default();
            let mut settlements = db::unsettled_days(connection, member, &days).await?;
            settlements += db::pending_settlements(connection, member).await?;

            let open = [
                (OpenKind::OpenOrder, orders),
                (OpenKind::OpenRefund, refunds),
                (OpenKind::PendingSettlement, settlements),
            ];
            let open = open
                .into_iter()
                .filter_map(|(kind, Sum { count, amount })| Open::with_amount(kind, count, amount));
            Ok::<_, sqlx::Error>(open.collect())
        })
    });
    find.await
}

/// The days from `first` to `last`.
fn days_of(first: BusinessDay, last: BusinessDay) -> Vec<BusinessDay> {
    let next = |day: &BusinessDay| Some(day.next()).filter(|day| *day <= last);
    std::iter::successors(Some(first).filter(|first| *first <= last), next).collect()
}

#[cfg(test)]
mod tests {
    use money::Won;
    use time::macros::date;

    use super::*;

    #[test]
    fn days_are_counted_with_the_first_and_the_last() {
        let [first, last] = [date!(2026 - 11 - 29), date!(2026 - 12 - 01)].map(BusinessDay::from_date);
        assert_eq!(days_of(first, last), [first, first.next(), last]);
        assert_eq!(days_of(last, last), [last]);
        assert_eq!(days_of(last, first), []);
    }

    #[test]
    fn sums_are_added() {
        let mut sum = Sum { count: 1, amount: Won::new(5) };
        sum += Sum { count: 2, amount: Won::new(-7) };
        assert_eq!(sum, Sum { count: 3, amount: Won::new(-2) });
    }
}
