//! What is open, and so keeps an account from being closed.

use money::Won;
use serde::{Deserialize, Serialize};

/// A kind of thing that must end before its member's account can be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::VariantArray)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OpenKind {
    /// There is money in the wallet.
    Wallet,
    /// A store of the member is open.
    LiveStore,
    /// An order of the member, or for the member, is not finished.
    OpenOrder,
    /// A refund of the member, or from the member, is not answered or not paid.
    OpenRefund,
    /// The member's sales are not settled, or not paid out.
    PendingSettlement,
}

/// Open things of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The kind.
    pub kind: OpenKind,
    /// How many there are.
    pub count: i64,
    /// The money in them, if it is about money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Won>,
}

impl Open {
    /// Open things with money in them. `None` if there are none.
    pub fn with_amount(kind: OpenKind, count: i64, amount: Won) -> Option<Self> {
        (count > 0).then_some(Self { kind, count, amount: Some(amount) })
    }

    /// Open things that are not about money. `None` if there are none.
    pub fn counted(kind: OpenKind, count: i64) -> Option<Self> {
        (count > 0).then_some(Self { kind, count, amount: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use strum::VariantArray;

    #[test]
    fn its_json_has_the_names_of_the_contract() {
        let names = OpenKind::VARIANTS.iter().map(|kind| serde_json::to_value(kind).expect("a name"));
        let expected = ["WALLET", "LIVE_STORE", "OPEN_ORDER", "OPEN_REFUND", "PENDING_SETTLEMENT"];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        let wallet = Open::with_amount(OpenKind::Wallet, 1, Won::new(50_000)).expect("it is open");
        let expected = json!({ "kind": "WALLET", "count": 1, "amount": 50_000 });
        assert_eq!(serde_json::to_value(wallet).expect("JSON"), expected);
        let stores = Open::counted(OpenKind::LiveStore, 2).expect("it is open");
        assert_eq!(serde_json::to_value(stores).expect("JSON"), json!({ "kind": "LIVE_STORE", "count": 2 }));
    }
}
