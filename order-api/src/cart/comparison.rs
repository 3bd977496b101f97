//! Rules: comparing a cart line with its option as the store sells it now.

use money::Won;
use uuid::Uuid;

use super::line::{CartLine, OptionNow, OptionState, Seen};
use crate::quantity::Quantity;

/// A cart line that was compared with its option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedLine {
    /// The line as it is in the cart.
    pub line: CartLine,
    /// The option.
    pub state: OptionState,
    /// What the customer has to know about the line.
    pub messages: Vec<Message>,
}

impl ComparedLine {
    /// The option; `None` if it was deleted.
    pub const fn option(&self) -> Option<&OptionNow> {
        match &self.state {
            OptionState::OnSale(option) => Some(option),
            OptionState::OptionDeleted | OptionState::ItemDeleted => None,
        }
    }

    /// Whether there is a change that the customer has not acknowledged. The line can't be ordered before that.
    pub fn has_changed(&self) -> bool {
        self.messages.iter().any(|message| message.change.needs_acknowledgement())
    }

    /// The line after the customer has acknowledged the changes; `None` if it then leaves the cart.
    pub fn acknowledged(&self) -> Option<CartLine> {
        self.option().map(|option| CartLine { seen: option.as_seen(), ..self.line.clone() })
    }
}

/// What a customer has to know about an option in the cart, or about an option that they want to order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The option.
    pub option_id: Uuid,
    /// The item of the option, and the names; `None` if the option is not in the cart and not on sale.
    pub named: Option<Named>,
    /// What has changed.
    pub change: Change,
}

/// An item and the names of it and of its option, as the customer last acknowledged them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The item of the option.
    pub item_id: Uuid,
    /// The name of the item.
    pub item_name: String,
    /// The name of the option.
    pub option_name: String,
}

impl From<Seen> for Named {
    fn from(Seen { item_id, item_name, option_name, .. }: Seen) -> Self {
        Self { item_id, item_name, option_name }
    }
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
    /// Fewer pieces are available now than the customer wants.
    QuantityReduced {
        /// How many pieces the customer wants.
        wanted: Quantity,
        /// How many pieces can be had.
        available: Quantity,
    },
    /// The option was chosen, but is not in the cart.
    NotInCart,
    /// This version of the line is in an order already.
    InAnotherOrder {
        /// The order, which has not failed.
        order_id: Uuid,
    },
}

impl Change {
    /// Whether the message is shown until the customer acknowledges it. The other messages are about the present state, and are
    /// shown as long as it lasts.
    pub const fn needs_acknowledgement(&self) -> bool {
        match self {
            Self::ItemDeleted
            | Self::OptionDeleted
            | Self::PriceChanged { .. }
            | Self::OptionRenamed { .. }
            | Self::ItemRenamed { .. } => true,
            Self::SoldOut | Self::QuantityReduced { .. } | Self::NotInCart | Self::InAnotherOrder { .. } => {
                false
            }
        }
    }
}

/// Compares a cart line with its option.
pub fn compare(line: CartLine, state: OptionState) -> ComparedLine {
    let changes = match &state {
        OptionState::OnSale(option) => changes(&line, option),
        OptionState::OptionDeleted => vec![Change::OptionDeleted],
        OptionState::ItemDeleted => vec![Change::ItemDeleted],
    };
    let messages = changes.into_iter().map(|change| message(&line, change)).collect();
    ComparedLine { line, state, messages }
}

/// The message that a line of the cart has changed.
pub fn message(line: &CartLine, change: Change) -> Message {
    Message { option_id: line.option_id, named: Some(line.seen.clone().into()), change }
}

/// The message that an option was chosen and is not in the cart.
pub fn not_in_cart(option_id: Uuid, state: Option<OptionState>) -> Message {
    let named = match state {
        Some(OptionState::OnSale(option)) => Some(option.as_seen().into()),
        Some(OptionState::OptionDeleted | OptionState::ItemDeleted) | None => None,
    };
    Message { option_id, named, change: Change::NotInCart }
}

fn changes(line: &CartLine, option: &OptionNow) -> Vec<Change> {
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
    match Quantity::new(option.available) {
        None if option.available == 0 => changes.push(Change::SoldOut),
        Some(available) if available < line.quantity => {
            changes.push(Change::QuantityReduced { wanted: line.quantity, available });
        }
        // There is enough, or more than a line can have.
        _ => {}
    }
    changes
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
            seen: option.as_seen(),
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
        for available in [5, 999, 1_000, 1_000_000] {
            let option = option(32_000, available);
            let compared = compare(line(&option, 5), OptionState::OnSale(option));
            assert_eq!(compared.messages, vec![]);
            assert!(!compared.has_changed());
        }
    }

    #[test]
    fn every_change_has_a_message_with_the_old_and_the_new_value() {
        let then = option(32_000, 5);
        let now =
            OptionNow {
                item_name: "딸기 생크림".into(), option_name: "2호".into(), ..option(35_000, 2)
            };
        let compared = compare(line(&then, 5), OptionState::OnSale(now.clone()));
        let few = Change::QuantityReduced { wanted: quantity(5), available: quantity(2) };
        assert_eq!(
            changes(&compared),
            [
                Change::ItemRenamed { old: "딸기 케이크".into(), new: "딸기 생크림".into() },
                Change::OptionRenamed { old: "1호".into(), new: "2호".into() },
                Change::PriceChanged { old: Won::new(32_000), new: Won::new(35_000) },
                few.clone(),
            ]
        );
        assert!(compared.has_changed());
        let after = compared.acknowledged().unwrap();
        assert_eq!((after.quantity, &after.seen), (quantity(5), &now.as_seen()));
        // An acknowledged change is not shown again. A shortage is shown as long as it lasts.
        let after = compare(after, OptionState::OnSale(now));
        assert_eq!((changes(&after), after.has_changed()), (vec![few], false));
    }

    #[test]
    fn a_line_keeps_what_is_wanted_while_less_can_be_had() {
        let wanted = line(&option(32_000, 5), 3);
        for (available, expected) in [
            (0, vec![Change::SoldOut]),
            (2, vec![Change::QuantityReduced { wanted: quantity(3), available: quantity(2) }]),
            (3, vec![]),
            (0, vec![Change::SoldOut]),
        ] {
            let compared = compare(wanted.clone(), OptionState::OnSale(option(32_000, available)));
            assert_eq!((changes(&compared), compared.has_changed()), (expected, false));
            assert_eq!(compared.acknowledged().as_ref(), Some(&wanted));
        }
    }

    #[test]
    fn a_deleted_option_is_named_as_the_customer_last_saw_it() {
        let then = option(32_000, 5);
        for (state, change) in [
            (OptionState::ItemDeleted, Change::ItemDeleted),
            (OptionState::OptionDeleted, Change::OptionDeleted),
        ] {
            let compared = compare(line(&then, 1), state);
            assert_eq!((changes(&compared), compared.option()), (vec![change], None));
            assert!(compared.has_changed() && compared.acknowledged().is_none());
            let named = compared.messages[0].named.as_ref().unwrap();
            assert_eq!(named.item_name, "딸기 케이크");
        }
    }
}
