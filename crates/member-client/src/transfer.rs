//! The request for a transfer, and its receipt.

use access::MemberId;
use garde::Validate;
use money::Won;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kinds of transfers that another service may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransferKind {
    /// A customer pays an order: wallet → escrow.
    OrderPayment,
    /// A customer is paid back: escrow → wallet.
    Refund,
    /// A seller is paid: escrow → wallet.
    Payout,
}

/// A request to move money into or out of a wallet. The path names the owner of the wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransferRequest {
    /// The id, which the caller makes. Money moves at most once for each id.
    #[garde(skip)]
    pub id: Uuid,
    /// The kind, which decides from which account to which the money moves.
    #[garde(skip)]
    pub kind: TransferKind,
    /// The amount in won, above zero.
    #[garde(custom(above_zero))]
    pub amount: Won,
    /// The reference in the member's statement: the id of an order or a payout.
    #[garde(length(min = 1, max = 64), ascii)]
    pub reference: String,
}

/// A transfer that has been made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferReceipt {
    /// The id of the transfer.
    pub id: Uuid,
    /// The amount in won.
    pub amount: Won,
    /// The owner of the wallet.
    pub member_id: MemberId,
    /// The name of the owner.
    pub member_name: String,
    /// The balance right after the transfer, in won.
    pub balance_after: Won,
}

fn above_zero(amount: &Won, (): &()) -> garde::Result {
    if *amount > Won::ZERO { Ok(()) } else { Err(garde::Error::new("must be above zero")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(amount: i64, reference: &str) -> TransferRequest {
        let (id, kind) = (Uuid::from_u128(1), TransferKind::OrderPayment);
        TransferRequest { id, kind, amount: Won::new(amount), reference: reference.to_owned() }
    }

    #[test]
    fn an_amount_is_above_zero_and_a_reference_is_short() {
        assert!(request(1, "x").validate().is_ok());
        assert!(request(0, "x").validate().is_err());
        assert!(request(-1, "x").validate().is_err());
        assert!(request(1, "").validate().is_err());
        assert!(request(1, &"x".repeat(65)).validate().is_err());
    }

    #[test]
    fn its_json_has_the_names_of_the_contract() {
        let written = serde_json::to_value(request(5_000, "order-7")).expect("it can be written");
        let expected = serde_json::json!({
            "id": Uuid::from_u128(1), "kind": "ORDER_PAYMENT", "amount": 5_000, "reference": "order-7",
        });
        assert_eq!(written, expected);
    }
}
