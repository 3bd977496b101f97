//! A cart against the store as it is now.

use money::Won;
use uuid::Uuid;

use super::line::{CartLine, OptionNow, OptionState, Seen};
use crate::quantity::Quantity;

/// A line after it was compared with the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The line as the customer last saw it.
    pub before: CartLine,
    /// The line as it is from now on, and its option; `None` where the option is gone.
    pub now: Option<(CartLine, OptionNow)>,
    /// What the customer is told of the difference.
    pub messages: Vec<Message>,
}

impl Compared {
    /// Whether the cart has something else to remember of it.
    pub fn differs(&self) -> bool {
        self.now.as_ref().map(|(line, _)| line) != Some(&self.before)
    }
}

/// One thing that has changed since the customer last looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The option it is about.
    pub option_id: Uuid,
    /// The option's item.
    pub item_id: Uuid,
    /// The item's name as the customer knows it.
    pub item_name: String,
    /// The option's name as the customer knows it.
    pub option_name: String,
    /// What happened.
    pub change: Change,
}

/// What can happen to an option in a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The item, or its store, is gone.
    ItemDeleted,
    /// The option is gone.
    OptionDeleted,
    /// A piece costs more or less.
    PriceChanged {
        /// Before.
        old: Won,
        /// Now.
        new: Won,
    },
    /// The option has another name.
    OptionRenamed {
        /// Before.
        old: String,
        /// Now.
        new: String,
    },
    /// The item has another name.
    ItemRenamed {
        /// Before.
        old: String,
        /// Now.
        new: String,
    },
    /// Nothing is left.
    SoldOut,
    /// Fewer are left than were wanted.
    QuantityReduced {
        /// As many were wanted.
        old: Quantity,
        /// As many are left.
        new: Quantity,
    },
}

/// Compares a line of a cart with its option as it is now.
pub fn compare(line: CartLine, state: OptionState) -> Compared {
    let option = match state {
        OptionState::OnSale(option) => option,
        OptionState::OptionDeleted => return gone(line, Change::OptionDeleted),
        OptionState::ItemDeleted => return gone(line, Change::ItemDeleted),
    };
    let seen = &line.seen;
    let mut changes = Vec::new();
    if seen.item_name != option.item_name {
        changes.push(Change::ItemRenamed { old: seen.item_name.clone(), new: option.item_name.clone() });
    }
    if seen.option_name != option.option_name {
        changes
            .push(Change::OptionRenamed { old: seen.option_name.clone(), new: option.option_name.clone() });
    }
    if seen.price != option.price {
        changes.push(Change::PriceChanged { old: seen.price, new: option.price });
    }
    let sold_out = option.available == 0;
    if sold_out && !seen.sold_out {
        changes.push(Change::SoldOut);
    }
    // A line that is sold out keeps its quantity, for the day when there is more.
    let left = Quantity::new(option.available).filter(|left| *left < line.quantity);
    if let Some(left) = left {
        changes.push(Change::QuantityReduced { old: line.quantity, new: left });
    }

    let messages = changes.into_iter().map(|change| message(&line, change)).collect();
    let now = CartLine {
        quantity: left.unwrap_or(line.quantity),
        seen: Seen { sold_out, ..option.first_seen() },
        ..line.clone()
    };
    Compared { before: line, now: Some((now, option)), messages }
}

fn gone(line: CartLine, change: Change) -> Compared {
    let messages = vec![message(&line, change)];
    Compared { before: line, now: None, messages }
}

fn message(line: &CartLine, change: Change) -> Message {
    Message {
        option_id: line.option_id,
        item_id: line.seen.item_id,
        item_name: line.seen.item_name.clone(),
        option_name: line.seen.option_name.clone(),
        change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::MemberId;

    fn option(price: i64, available: u32) -> OptionNow {
        OptionNow {
            item_id: Uuid::from_u128(1),
            item_name: "딸기 케이크".into(),
            option_name: "1호".into(),
            store_id: Uuid::from_u128(2),
            store_name: "달콤".into(),
            seller_id: MemberId(Uuid::from_u128(3)),
            price: Won::new(price),
            available,
        }
    }

    fn line(option: &OptionNow, pieces: u32) -> CartLine {
        CartLine {
            option_id: Uuid::from_u128(4),
            quantity: Quantity::new(pieces).unwrap(),
            wish: Uuid::from_u128(5),
            seen: option.first_seen(),
        }
    }

    fn changes(compared: &Compared) -> Vec<Change> {
        compared.messages.iter().map(|message| message.change.clone()).collect()
    }

    fn quantity(pieces: u32) -> Quantity {
        Quantity::new(pieces).unwrap()
    }

    #[test]
    fn an_unchanged_option_says_nothing() {
        let option = option(32_000, 5);
        let compared = compare(line(&option, 5), OptionState::OnSale(option));
        assert_eq!(compared.messages, vec![]);
        assert!(!compared.differs());
    }

    #[test]
    fn every_change_is_told_with_the_old_and_the_new() {
        let then = option(32_000, 5);
        let now =
            OptionNow {
                item_name: "딸기 생크림".into(), option_name: "2호".into(), ..option(35_000, 2)
            };
        let compared = compare(line(&then, 5), OptionState::OnSale(now.clone()));
        assert_eq!(
            changes(&compared),
            [
                Change::ItemRenamed { old: "딸기 케이크".into(), new: "딸기 생크림".into() },
                Change::OptionRenamed { old: "1호".into(), new: "2호".into() },
                Change::PriceChanged { old: Won::new(32_000), new: Won::new(35_000) },
                Change::QuantityReduced { old: quantity(5), new: quantity(2) },
            ]
        );
        let (after, _) = compared.now.unwrap();
        assert_eq!((after.quantity, &after.seen), (quantity(2), &now.first_seen()));
        // What was told is not told again.
        assert_eq!(compare(after, OptionState::OnSale(now)).messages, vec![]);
    }

    #[test]
    fn a_sold_out_line_keeps_its_quantity_and_says_so_once() {
        let now = option(32_000, 0);
        let compared = compare(line(&now, 3), OptionState::OnSale(now.clone()));
        assert_eq!(changes(&compared), [Change::SoldOut]);
        let (after, _) = compared.now.unwrap();
        assert_eq!(after.quantity, quantity(3));
        assert!(compare(after.clone(), OptionState::OnSale(now)).messages.is_empty());
        // Back in stock, and sold out again: that is news.
        let back = compare(after, OptionState::OnSale(option(32_000, 9)));
        assert!(back.messages.is_empty() && back.differs());
        let (after, _) = back.now.unwrap();
        assert_eq!(changes(&compare(after, OptionState::OnSale(option(32_000, 0)))), [Change::SoldOut]);
    }

    #[test]
    fn what_was_deleted_leaves_the_cart_under_the_name_the_customer_knew() {
        let then = option(32_000, 5);
        for (state, change) in [
            (OptionState::ItemDeleted, Change::ItemDeleted),
            (OptionState::OptionDeleted, Change::OptionDeleted),
        ] {
            let compared = compare(line(&then, 1), state);
            assert_eq!((changes(&compared), &compared.now), (vec![change], &None));
            assert!(compared.differs());
            assert_eq!(compared.messages[0].item_name, "딸기 케이크");
        }
    }
}
