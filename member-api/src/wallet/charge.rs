//! Bringing money in: the transfer, the Idempotency-Key and the answer are one transaction.

use std::sync::Arc;

use access::MemberId;
use clock::Clock;
use database::Database;
use idempotency::{Answered, Claim, KeepError, Kept};

use crate::wallet::db::transfers::Recorded;
use crate::wallet::ledger::{self, TransferError};
use crate::wallet::{ChargeAmount, Kind, Transfer};

/// A charge that is asked for.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The request's key, whose id becomes the transfer's.
    pub claim: Claim,
    /// Whose wallet.
    pub member_id: MemberId,
    /// How much.
    pub amount: ChargeAmount,
    /// What the member is told.
    pub answer: fn(&Claim, &Recorded) -> Result<Answered, KeepError>,
}

/// Why nothing was charged.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// No money moved.
    #[error("no money moved")]
    Transfer(#[from] TransferError),
    /// One of several charges could not be made, and so none was.
    #[error("the charges can't be made together")]
    NotTogether,
    /// The request was made before, or its answer could not be kept.
    #[error("the answer could not be kept")]
    Keep(#[from] KeepError),
    /// The database failed.
    #[error("the charge could not be written")]
    Database(#[from] sqlx::Error),
    /// It failed all charges that were to be made together.
    #[error("the charges could not be written")]
    Shared(#[source] Arc<ChargeError>),
}

/// Makes charges and keeps their answers: all of them, or none.
pub async fn charge(
    database: &Database,
    clock: &Clock,
    charges: Arc<[Charge]>,
) -> Result<Vec<Kept>, ChargeError> {
    let (now, count) = (clock.now(), charges.len());
    let charged = database.run_tx("charge", move |tx| {
        let charges = Arc::clone(&charges);
        Box::pin(async move {
            let orders: Vec<Transfer> = charges.iter().map(Charge::order).collect();
            let recorded = match &orders[..] {
                [order] => vec![ledger::transfer(tx, order, now).await?],
                orders => ledger::transfer_all(tx, orders, now).await?.ok_or(ChargeError::NotTogether)?,
            };
            let answered = charges
                .iter()
                .zip(&recorded)
                .map(|(charge, recorded)| (charge.answer)(&charge.claim, recorded));
            let answered = answered.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, ChargeError>(idempotency::keep(tx, answered).await?)
        })
    });
    let charged = charged.await;
    let outcome = charged.as_ref().err().map_or(ledger::RECORDED, ChargeError::label);
    for _ in 0..count {
        ledger::count(Kind::Charge, outcome);
    }
    charged
}

impl Charge {
    fn order(&self) -> Transfer {
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
    /// Whether it has nothing to do with what is charged.
    pub(crate) fn is_of_the_database(&self) -> bool {
        database::is_unavailable(self)
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Transfer(error) => error.label(),
            Self::Keep(KeepError::KeyIsKnown) => "repeated",
            Self::NotTogether => "not_together",
            Self::Keep(_) | Self::Database(_) => "failed",
            Self::Shared(error) => error.label(),
        }
    }
}
