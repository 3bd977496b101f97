//! A transfer on the wire.

use access::MemberId;
use garde::Validate;
use money::Won;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why money moves, among the kinds that another service may order.
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

/// An order to move money into or out of a wallet, whose owner is named by the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransferRequest {
    /// Made by the caller: money moves at most once for it.
    #[garde(skip)]
    pub id: Uuid,
    /// Why, and so from where to where.
    #[garde(skip)]
    pub kind: TransferKind,
    /// How much, in won; above zero.
    #[garde(custom(above_zero))]
    pub amount: Won,
    /// What for, as the member's statement shows it: an order's id, a payout's.
    #[garde(length(min = 1, max = 64), ascii)]
    pub reference: String,
}

/// Money that has moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferReceipt {
    /// The transfer.
    pub id: Uuid,
    /// How much, in won.
    pub amount: Won,
    /// Whose wallet.
    pub member_id: MemberId,
    /// What to call its owner.
    pub member_name: String,
    /// What was in the wallet right after, in won.
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
    fn it_is_written_in_the_names_of_the_contract() {
        let written = serde_json::to_value(request(5_000, "order-7")).expect("it can be written");
        let expected = serde_json::json!({
            "id": Uuid::from_u128(1), "kind": "ORDER_PAYMENT", "amount": 5_000, "reference": "order-7",
        });
        assert_eq!(written, expected);
    }
}
