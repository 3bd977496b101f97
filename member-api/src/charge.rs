//! Bringing money in: the transfer, the Idempotency-Key and the answer are one transaction.

use std::sync::Arc;

use access::MemberId;
use idempotency::{Claim, KeepError, Kept};
use problem::Created;
use serde::Serialize;

use crate::db::transfers::Recorded;
use crate::domain::{ChargeAmount, Kind, Transfer};
use crate::ledger::{self, TransferError};
use crate::state::AppState;

/// Why nothing was charged.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// No money moved.
    #[error("no money moved")]
    Transfer(#[from] TransferError),
    /// The request was made before, or its answer could not be kept.
    #[error("the answer could not be kept")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("the charge could not be written")]
    Database(#[from] sqlx::Error),
}

/// Charges a member's wallet, and keeps the answer that `answer` makes of it.
pub async fn charge<A: Serialize + Send + Sync + 'static>(
    state: &AppState,
    claim: Claim,
    member_id: MemberId,
    amount: ChargeAmount,
    answer: fn(&Recorded) -> Created<A>,
) -> Result<Kept, ChargeError> {
    let order =
        Transfer { id: claim.id(), kind: Kind::Charge, member_id, amount: amount.won(), reference: None };
    let (order, now) = (Arc::new(order), state.clock.now());
    let charged = state.database.run_tx("charge", move |tx| {
        let (order, claim) = (Arc::clone(&order), claim.clone());
        Box::pin(async move {
            let recorded = ledger::transfer(tx, &order, now).await?;
            Ok::<_, ChargeError>(claim.keep(tx, &answer(&recorded)).await?)
        })
    });
    let charged = charged.await;
    ledger::count(Kind::Charge, charged.as_ref().err().map_or(ledger::RECORDED, ChargeError::label));
    charged
}

impl ChargeError {
    const fn label(&self) -> &'static str {
        match self {
            Self::Transfer(error) => error.label(),
            Self::Keep(KeepError::KeyIsKnown) => "repeated",
            Self::Keep(_) | Self::Database(_) => "failed",
        }
    }
}
