//! Rules: what an item costs whose options have different prices.

use money::Won;

/// The lowest price among the options that can be bought now, or among all where none can. Each option is its price and the
/// pieces on hand. `None` without options.
pub fn lowest_price(options: impl IntoIterator<Item = (Won, i64)>) -> Option<Won> {
    let can_be_bought_first = |(price, on_hand): &(Won, i64)| (*on_hand == 0, *price);
    options.into_iter().min_by_key(can_be_bought_first).map(|(price, _)| price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sold_out_options_count_only_where_all_are_sold_out() {
        let lowest = |options: &[(i64, i64)]| {
            lowest_price(options.iter().map(|(price, on_hand)| (Won::new(*price), *on_hand))).map(Won::get)
        };
        assert_eq!(lowest(&[(1_000, 0), (9_000, 1), (5_000, 7)]), Some(5_000));
        assert_eq!(lowest(&[(1_000, 1), (9_000, 1)]), Some(1_000));
        assert_eq!(lowest(&[(9_000, 0), (1_000, 0)]), Some(1_000));
        assert_eq!(lowest(&[]), None);
    }
}
