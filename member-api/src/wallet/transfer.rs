//! Rules: a transfer and its postings.

use access::MemberId;
use money::Won;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;
use uuid::Uuid;

/// The largest balance of a wallet, which is the largest value of its column.
pub const MAX_BALANCE: Won = Won::new(i64::MAX);

/// The reason of a transfer. It decides the two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// A customer charges the wallet: cash → wallet.
    Charge,
    /// A customer pays an order: wallet → escrow.
    OrderPayment,
    /// A customer is paid back: escrow → wallet.
    Refund,
    /// A seller is paid: escrow → wallet.
    Payout,
}

impl Kind {
    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The account on the other side of the wallet.
    const fn counterpart(self) -> Account {
        match self {
            Self::Charge => Account::Cash,
            Self::OrderPayment | Self::Refund | Self::Payout => Account::Escrow,
        }
    }

    /// Returns whether money leaves the wallet.
    pub const fn debits_wallet(self) -> bool {
        match self {
            Self::OrderPayment => true,
            Self::Charge | Self::Refund | Self::Payout => false,
        }
    }
}

/// An account of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Money outside of Dalkom. Its sum is minus what was charged.
    Cash,
    /// Money that is paid and not yet settled.
    Escrow,
    /// A member's wallet.
    Wallet(MemberId),
}

impl Account {
    /// The id of the account in its postings. The ids of the system accounts can't be ids of members, because every
    /// `UUIDv7` is larger.
    pub const fn id(self) -> Uuid {
        match self {
            Self::Cash => Uuid::from_u128(1),
            Self::Escrow => Uuid::from_u128(2),
            Self::Wallet(MemberId(id)) => id,
        }
    }
}

/// A transfer between a wallet and a system account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The id, made by the caller. One id moves money at most once.
    pub id: Uuid,
    /// The reason, which decides the accounts.
    pub kind: Kind,
    /// The member who has the wallet.
    pub member_id: MemberId,
    /// The amount, above zero.
    pub amount: Won,
    /// What it is for, for instance an order's id.
    pub reference: Option<String>,
}

/// One side of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// The change of the account, negative if money leaves it.
    pub amount: Won,
}

impl Transfer {
    /// Returns the two postings, the wallet's first. They sum to zero. `None` if the amount is not above zero.
    pub fn postings(&self) -> Option<[Posting; 2]> {
        if self.amount <= Won::ZERO {
            return None;
        }
        let opposite = self.amount.checked_neg()?;
        let (wallet, counterpart) =
            if self.kind.debits_wallet() { (opposite, self.amount) } else { (self.amount, opposite) };
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
    fn names_can_be_parsed_and_are_the_same_in_json() {
        for kind in Kind::VARIANTS {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert!("charge".parse::<Kind>().is_err());
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
            match transfer(Kind::VARIANTS[kind], won).postings() {
                Some(postings) => {
                    prop_assert!(won > 0);
                    prop_assert_eq!(Won::checked_sum(postings.map(|posting| posting.amount)), Some(Won::ZERO));
                }
                None => prop_assert!(won <= 0),
            }
        }
    }
}
