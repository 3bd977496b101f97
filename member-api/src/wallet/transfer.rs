//! Money that moves: what a transfer is, and the postings that it is made of.

use access::MemberId;
use money::Won;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The largest amount that a wallet can hold: what its column holds.
pub const MAX_BALANCE: Won = Won::new(i64::MAX);

/// Why money moves. Fixes the two accounts between which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// A customer brings money in: cash → wallet.
    Charge,
    /// A customer pays an order: wallet → escrow.
    OrderPayment,
    /// A customer is paid back: escrow → wallet.
    Refund,
    /// A seller is paid: escrow → wallet.
    Payout,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Charge, Self::OrderPayment, Self::Refund, Self::Payout];

    /// The name, as it is stored and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "CHARGE",
            Self::OrderPayment => "ORDER_PAYMENT",
            Self::Refund => "REFUND",
            Self::Payout => "PAYOUT",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The other side of the transfer, seen from the wallet.
    const fn counterpart(self) -> Account {
        match self {
            Self::Charge => Account::Cash,
            Self::OrderPayment | Self::Refund | Self::Payout => Account::Escrow,
        }
    }

    /// Whether money leaves the wallet.
    pub const fn debits_the_wallet(self) -> bool {
        match self {
            Self::OrderPayment => true,
            Self::Charge | Self::Refund | Self::Payout => false,
        }
    }
}

/// A place where money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The world outside; its sum is below zero by all that was brought in.
    Cash,
    /// Paid, and not yet with the seller.
    Escrow,
    /// A member's wallet.
    Wallet(MemberId),
}

impl Account {
    /// The id that the account's postings carry. Those of the system accounts can't be a member's: a `UUIDv7` is larger.
    pub const fn id(self) -> Uuid {
        match self {
            Self::Cash => Uuid::from_u128(1),
            Self::Escrow => Uuid::from_u128(2),
            Self::Wallet(MemberId(id)) => id,
        }
    }
}

/// An order to move money between a wallet and a system account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Made by the caller; moves money at most once.
    pub id: Uuid,
    /// Why, and so from where to where.
    pub kind: Kind,
    /// Whose wallet.
    pub member_id: MemberId,
    /// How much; above zero.
    pub amount: Won,
    /// What for, in the caller's words.
    pub reference: Option<String>,
}

/// One side of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Whose side.
    pub account: Account,
    /// What changes there: below zero where money leaves.
    pub amount: Won,
}

impl Transfer {
    /// Its two sides, the wallet's first: equal and opposite. `None` where the amount is not above zero.
    pub fn postings(&self) -> Option<[Posting; 2]> {
        if self.amount <= Won::ZERO {
            return None;
        }
        let opposite = self.amount.checked_neg()?;
        let (wallet, counterpart) =
            if self.kind.debits_the_wallet() { (opposite, self.amount) } else { (self.amount, opposite) };
        Some([
            Posting { account: Account::Wallet(self.member_id), amount: wallet },
            Posting { account: self.kind.counterpart(), amount: counterpart },
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn transfer(kind: Kind, won: i64) -> Transfer {
        let member_id = MemberId(Uuid::from_u128(77));
        Transfer { id: Uuid::from_u128(5), kind, member_id, amount: Won::new(won), reference: None }
    }

    #[test]
    fn names_are_read_back_and_are_those_of_the_wire() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(Kind::from_name("charge"), None);
    }

    #[test]
    fn each_kind_moves_money_between_its_accounts() {
        let moved = |kind| {
            transfer(kind, 500).postings().unwrap().map(|posting| (posting.account, posting.amount.get()))
        };
        let wallet = Account::Wallet(MemberId(Uuid::from_u128(77)));
        assert_eq!(moved(Kind::Charge), [(wallet, 500), (Account::Cash, -500)]);
        assert_eq!(moved(Kind::OrderPayment), [(wallet, -500), (Account::Escrow, 500)]);
        assert_eq!(moved(Kind::Refund), [(wallet, 500), (Account::Escrow, -500)]);
        assert_eq!(moved(Kind::Payout), [(wallet, 500), (Account::Escrow, -500)]);
    }

    proptest! {
        #[test]
        fn postings_sum_to_zero_and_an_amount_that_is_not_above_zero_has_none(won: i64, kind in 0..4_usize) {
            match transfer(Kind::ALL[kind], won).postings() {
                Some(sides) => {
                    prop_assert!(won > 0);
                    prop_assert_eq!(Won::checked_sum(sides.map(|side| side.amount)), Some(Won::ZERO));
                }
                None => prop_assert!(won <= 0),
            }
        }
    }
}
