//! Charges: one transaction contains the transfer, the Idempotency-Key and the answer.

use std::sync::Arc;

use access::MemberId;
use axum::response::Response;
use clock::Clock;
use database::Database;
use idempotency::{Claim, KeepError, KeptAnswer};

use crate::wallet::db::transfers::RecordedTransfer;
use crate::wallet::ledger::{self, TransferError};
use crate::wallet::{ChargeAmount, Kind, Transfer};

/// A charge to make.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The Idempotency-Key of the request. Its id becomes the id of the transfer.
    pub claim: Claim,
    /// The member who has the wallet.
    pub member_id: MemberId,
    /// The amount.
    pub amount: ChargeAmount,
    /// Makes the answer to the member.
    pub answer: fn(&RecordedTransfer) -> Response,
}

/// Why a charge was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// The ledger refused the transfer.
    #[error("the transfer was not recorded")]
    Transfer(#[from] TransferError),
    /// One charge of a batch was refused, so none of the batch was made.
    #[error("a charge of the batch was refused")]
    BatchRefused,
    /// The request was answered before, or its answer could not be stored.
    #[error("the answer could not be stored")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("the charge could not be stored")]
    Database(#[from] sqlx::Error),
    /// The database was not available for the whole batch.
    #[error("the batch of charges could not be stored")]
    Shared(#[source] Arc<ChargeError>),
}

/// Makes all of the charges and stores their answers, or none.
pub async fn charge(
    database: &Database,
    clock: &Clock,
    charges: Arc<[Charge]>,
) -> Result<Vec<KeptAnswer>, ChargeError> {
    let (now, count) = (clock.now(), charges.len());
    let charged = database.run_tx("charge", move |connection| {
        let charges = Arc::clone(&charges);
        Box::pin(async move {
            let transfers: Vec<Transfer> = charges.iter().map(Charge::transfer).collect();
            let recorded = match &transfers[..] {
                [transfer] => vec![ledger::record_transfer(connection, transfer, now).await?],
                transfers => ledger::record_transfers(connection, transfers, now)
                    .await?
                    .ok_or(ChargeError::BatchRefused)?,
            };
            let mut answered = Vec::with_capacity(count);
            for (charge, recorded) in charges.iter().zip(&recorded) {
                answered.push(charge.claim.answer((charge.answer)(recorded)).await?);
            }
            Ok::<_, ChargeError>(idempotency::keep(connection, answered).await?)
        })
    });
    let charged = charged.await;
    let outcome = charged.as_ref().err().map_or(ledger::RECORDED, ChargeError::label);
    for _ in 0..count {
        ledger::count_outcome(Kind::Charge, outcome);
    }
    charged
}

impl Charge {
    fn transfer(&self) -> Transfer {
        let Self { claim, member_id, amount, .. } = self;
        Transfer {
            id: claim.id(),
            kind: Kind::Charge,
            member_id: *member_id,
            amount: amount.won(),
            reference: None,
        }
    }
}

impl ChargeError {
    /// Returns whether the database was not available, which says nothing about the charges.
    pub(crate) fn is_database_unavailable(&self) -> bool {
        database::is_unavailable(self)
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Transfer(error) => error.label(),
            Self::Keep(KeepError::KeyIsKnown) => "repeated",
            Self::BatchRefused => "batch_refused",
            Self::Keep(_) | Self::Database(_) => "failed",
            Self::Shared(error) => error.label(),
        }
    }
}
