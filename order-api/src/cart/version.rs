//! Rules: the version of a cart, by which a client says what its customer has seen.

use money::Won;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::comparison::ComparedLine;
use super::line::OptionState;

/// The version of a cart, an opaque text. It changes with the lines, names, prices and messages. It does not change with the
/// number of available pieces: other customers change that at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartVersion(String);

impl CartVersion {
    /// The version of a cart with these lines.
    pub fn of(lines: &[ComparedLine]) -> Self {
        let shown: Vec<ShownLine<'_>> = lines.iter().map(ShownLine::from).collect();
        let json = serde_json::to_vec(&shown).expect("strings, numbers and ids can be written as JSON");
        let digest = Sha256::digest(&json);
        let half = digest.iter().take(16).fold(0, |half: u128, byte| half << 8 | u128::from(*byte));
        Self(format!("{half:032x}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// All that a line shows, except how many pieces are available. The messages follow from it.
#[derive(Serialize)]
struct ShownLine<'cart> {
    option_id: Uuid,
    /// It differs if the line was removed and added again.
    line_version: Uuid,
    quantity: u32,
    seen: Shown<'cart>,
    now: Now<'cart>,
}

#[derive(Serialize)]
struct Shown<'cart> {
    item_id: Uuid,
    item_name: &'cart str,
    option_name: &'cart str,
    price: Won,
}

#[derive(Serialize)]
enum Now<'cart> {
    OnSale { shown: Shown<'cart>, store_id: Uuid, store_name: &'cart str },
    OptionDeleted,
    ItemDeleted,
}

impl<'cart> From<&'cart ComparedLine> for ShownLine<'cart> {
    fn from(ComparedLine { line, state, messages: _ }: &'cart ComparedLine) -> Self {
        let now = match state {
            OptionState::OnSale(option) => Now::OnSale {
                shown: Shown {
                    item_id: option.item_id,
                    item_name: &option.item_name,
                    option_name: &option.option_name,
                    price: option.price,
                },
                store_id: option.store_id,
                store_name: &option.store_name,
            },
            OptionState::OptionDeleted => Now::OptionDeleted,
            OptionState::ItemDeleted => Now::ItemDeleted,
        };
        Self {
            option_id: line.option_id,
            line_version: line.line_version,
            quantity: line.quantity.get(),
            seen: Shown {
                item_id: line.seen.item_id,
                item_name: &line.seen.item_name,
                option_name: &line.seen.option_name,
                price: line.seen.price,
            },
            now,
        }
    }
}

#[cfg(test)]
mod tests {
    use access::MemberId;

    use super::*;
    use crate::cart::comparison::compare;
    use crate::cart::line::{CartLine, OptionNow};
    use crate::quantity::Quantity;

    fn option() -> OptionNow {
        OptionNow {
            item_id: Uuid::from_u128(1),
            item_name: "딸기 케이크".into(),
            option_name: "1호".into(),
            store_id: Uuid::from_u128(2),
            store_name: "달콤".into(),
            seller_id: MemberId(Uuid::from_u128(3)),
            price: Won::new(32_000),
            available: 9,
        }
    }

    fn line() -> CartLine {
        CartLine {
            option_id: Uuid::from_u128(4),
            quantity: Quantity::new(3).unwrap(),
            line_version: Uuid::from_u128(5),
            seen: option().as_seen(),
        }
    }

    fn version(line: CartLine, state: OptionState) -> CartVersion {
        CartVersion::of(&[compare(line, state)])
    }

    #[test]
    fn it_changes_with_everything_that_a_cart_shows_but_the_available_pieces() {
        let on_sale = |option| version(line(), OptionState::OnSale(option));
        let first = on_sale(option());
        for available in [0, 1, 2, 3, 1_000] {
            assert_eq!(on_sale(OptionNow { available, ..option() }), first, "{available}");
        }
        let seen = option().as_seen();
        let same = || OptionState::OnSale(option());
        let others = [
            on_sale(OptionNow { price: Won::new(32_001), ..option() }),
            on_sale(OptionNow { item_name: "딸기".into(), ..option() }),
            on_sale(OptionNow { option_name: "2호".into(), ..option() }),
            on_sale(OptionNow { store_name: "하늘".into(), ..option() }),
            version(line(), OptionState::OptionDeleted),
            version(line(), OptionState::ItemDeleted),
            version(CartLine { quantity: Quantity::new(4).unwrap(), ..line() }, same()),
            version(CartLine { line_version: Uuid::from_u128(6), ..line() }, same()),
            version(CartLine { option_id: Uuid::from_u128(7), ..line() }, same()),
            // The price and the names are the same now, but there is a message.
            version(
                CartLine { seen: crate::cart::line::Seen { price: Won::new(1), ..seen.clone() }, ..line() },
                same(),
            ),
            version(
                CartLine { seen: crate::cart::line::Seen { option_name: "3호".into(), ..seen }, ..line() },
                same(),
            ),
            CartVersion::of(&[]),
            CartVersion::of(&[compare(line(), same()), compare(line(), same())]),
        ];
        for (number, other) in others.iter().enumerate() {
            assert_ne!(*other, first, "{number}");
            assert_eq!(others.iter().filter(|version| *version == other).count(), 1, "{number}");
        }
    }

    #[test]
    fn every_instance_makes_the_same_text() {
        assert_eq!(CartVersion::of(&[]).as_str(), "4f53cda18c2baa0c0354bb5f9a3ecbe5");
        assert_eq!(version(line(), OptionState::ItemDeleted), version(line(), OptionState::ItemDeleted));
    }
}
