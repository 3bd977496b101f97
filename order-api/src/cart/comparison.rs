//! Comparing a cart line with its option as the store sells it now.

use money::Won;
use uuid::Uuid;

use super::line::{CartLine, OptionNow, OptionState, Seen};
use crate::quantity::Quantity;

/// A cart line that was compared with its option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedLine {
    /// The line as it is in the cart.
    pub before: CartLine,
    /// The line when the customer has seen the changes, and its option; `None` if the option was deleted.
    pub now: Option<(CartLine, OptionNow)>,
    /// The messages about the changes.
    pub messages: Vec<Message>,
}

impl ComparedLine {
    /// Whether the line in the cart has to be changed when the customer has seen the changes.
    pub fn differs(&self) -> bool {
        self.now.as_ref().map(|(line, _)| line) != Some(&self.before)
    }
}

/// One change since the customer last saw the cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The option.
    pub option_id: Uuid,
    /// The item of the option.
    pub item_id: Uuid,
    /// The name of the item, as the customer last saw it.
    pub item_name: String,
    /// The name of the option, as the customer last saw it.
    pub option_name: String,
    /// What has changed.
    pub change: Change,
}

/// What can change about an option in a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The item or its store was deleted.
    ItemDeleted,
    /// The option was deleted.
    OptionDeleted,
    /// The price has changed.
    PriceChanged {
        /// The old value.
        old: Won,
        /// The new value.
        new: Won,
    },
    /// The option was renamed.
    OptionRenamed {
        /// The old value.
        old: String,
        /// The new value.
        new: String,
    },
    /// The item was renamed.
    ItemRenamed {
        /// The old value.
        old: String,
        /// The new value.
        new: String,
    },
    /// The option is sold out.
    SoldOut,
    /// Fewer pieces are left than the customer wants.
    QuantityReduced {
        /// How many pieces the customer wants.
        old: Quantity,
        /// How many pieces are left.
        new: Quantity,
    },
}

/// Compares a cart line with its option.
pub fn compare(line: CartLine, state: OptionState) -> ComparedLine {
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
    // A sold-out line keeps its quantity: the option may be restocked.
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
    ComparedLine { before: line, now: Some((now, option)), messages }
}

fn gone(line: CartLine, change: Change) -> ComparedLine {
    let messages = vec![message(&line, change)];
    ComparedLine { before: line, now: None, messages }
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
            line_version: Uuid::from_u128(5),
            seen: option.first_seen(),
        }
    }

    fn changes(compared: &ComparedLine) -> Vec<Change> {
        compared.messages.iter().map(|message| message.change.clone()).collect()
    }

    fn quantity(pieces: u32) -> Quantity {
        Quantity::new(pieces).unwrap()
    }

    #[test]
    fn an_unchanged_option_has_no_messages() {
        let option = option(32_000, 5);
        let compared = compare(line(&option, 5), OptionState::OnSale(option));
        assert_eq!(compared.messages, vec![]);
        assert!(!compared.differs());
    }

    #[test]
    fn every_change_has_a_message_with_the_old_and_the_new_value() {
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
        // The messages are shown once.
        assert_eq!(compare(after, OptionState::OnSale(now)).messages, vec![]);
    }

    #[test]
    fn a_sold_out_line_keeps_its_quantity_and_has_one_message() {
        let now = option(32_000, 0);
        let compared = compare(line(&now, 3), OptionState::OnSale(now.clone()));
        assert_eq!(changes(&compared), [Change::SoldOut]);
        let (after, _) = compared.now.unwrap();
        assert_eq!(after.quantity, quantity(3));
        assert!(compare(after.clone(), OptionState::OnSale(now)).messages.is_empty());
        // When it is restocked and sold out again, there is a new message.
        let back = compare(after, OptionState::OnSale(option(32_000, 9)));
        assert!(back.messages.is_empty() && back.differs());
        let (after, _) = back.now.unwrap();
        assert_eq!(changes(&compare(after, OptionState::OnSale(option(32_000, 0)))), [Change::SoldOut]);
    }

    #[test]
    fn a_deleted_option_is_named_as_the_customer_last_saw_it() {
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
