//! Rules: the price and the sold count of an item. They are computed from its options, and stored in its row because lists are
//! sorted by them.

use money::Won;

use super::lowest_price;

/// The figures of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The lowest price at which it can be bought.
    pub min_price: Won,
    /// How many pieces were sold and not returned.
    pub sold: i64,
}

/// What an option contributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionFigures {
    /// Whether it is on sale. The sold pieces of a deleted option count too.
    pub is_live: bool,
    /// The price of a piece.
    pub price: Won,
    /// How many pieces can be bought now.
    pub on_hand: i64,
    /// How many pieces were sold and not returned.
    pub net_sold: i64,
}

/// The stored figures of an item, and the options that they are computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFigures {
    /// Whether the item is on sale. A deleted item keeps its last price.
    pub is_live: bool,
    /// The stored figures.
    pub stored: Figures,
    /// All of its options.
    pub options: Vec<OptionFigures>,
}

impl ItemFigures {
    /// The correct figures, if the stored ones are wrong.
    pub fn correction(&self) -> Option<Figures> {
        let on_sale = self.options.iter().filter(|option| self.is_live && option.is_live);
        let price = lowest_price(on_sale.map(|option| (option.price, option.on_hand)));
        let right = Figures {
            min_price: price.unwrap_or(self.stored.min_price),
            sold: self.options.iter().map(|option| option.net_sold).sum(),
        };
        (right != self.stored).then_some(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleted_options_count_for_what_was_sold_and_not_for_the_price() {
        let option = |is_live, price, on_hand, net_sold| OptionFigures {
            is_live,
            price: Won::new(price),
            on_hand,
            net_sold,
        };
        let figures = |min_price, sold| Figures { min_price: Won::new(min_price), sold };
        let options = vec![option(true, 9_000, 1, 2), option(true, 1_000, 0, 3), option(false, 500, 4, 5)];
        let item = |is_live, stored| ItemFigures { is_live, stored, options: options.clone() };
        assert_eq!(item(true, figures(9_000, 10)).correction(), None);
        assert_eq!(item(true, figures(1_000, 12)).correction(), Some(figures(9_000, 10)));
        assert_eq!(item(false, figures(1_000, 10)).correction(), None);
        assert_eq!(item(false, figures(1_000, 9)).correction(), Some(figures(1_000, 10)));
    }
}
