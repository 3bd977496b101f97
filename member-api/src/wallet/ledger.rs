//! The ledger: the only code that moves money.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::wallet::db::transfers::{self, NewEntry, NewPosting, RecordedTransfer};
use crate::wallet::db::wallets::{self, WalletChange, WalletStatus};
use crate::wallet::{Kind, Transfer};

/// Why no money moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The amount is not above zero.
    #[error("the amount is not above zero")]
    AmountNotPositive,
    /// The balance of the wallet is too low.
    #[error("the balance of the wallet is too low")]
    InsufficientBalance,
    /// The balance of the wallet would be too high.
    #[error("the balance of the wallet would be too high")]
    BalanceLimit,
    /// There is no such wallet, or it is closed and does not accept this kind of transfer.
    #[error("there is no such open wallet")]
    NoWallet,
    /// The id belongs to a transfer with other content.
    #[error("transfer {0} was recorded with other content")]
    Mismatch(Uuid),
    /// The database failed, and the transfer was rolled back.
    #[error("the ledger could not be written")]
    Database(#[from] sqlx::Error),
}

impl TransferError {
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::AmountNotPositive => "amount_not_positive",
            Self::InsufficientBalance => "insufficient_balance",
            Self::BalanceLimit => "balance_limit",
            Self::NoWallet => "no_wallet",
            Self::Mismatch(_) => "mismatch",
            Self::Database(_) => "failed",
        }
    }
}

/// Records a transfer in a transaction of its own, as [`record_transfer`] does.
pub async fn execute(
    database: &Database,
    clock: &Clock,
    transfer: Transfer,
) -> Result<RecordedTransfer, TransferError> {
    let kind = transfer.kind;
    let (transfer, now) = (Arc::new(transfer), clock.now());
    let result = database
        .run_tx("ledger_transfer", move |connection| {
            let transfer = Arc::clone(&transfer);
            Box::pin(async move { record_transfer(connection, &transfer, now).await })
        })
        .await;
    count_outcome(kind, result.as_ref().err().map_or(RECORDED, TransferError::label));
    result
}

/// The outcome of a transfer that was recorded, in metrics.
pub(crate) const RECORDED: &str = "recorded";

/// Counts the outcome of a transfer. Must be called after its transaction has ended.
pub(crate) fn count_outcome(kind: Kind, outcome: &'static str) {
    metrics::counter!("ledger_transfers_total", "kind" => kind.as_str(), "outcome" => outcome).increment(1);
}

/// Voids a transfer id, so that a transfer with it can never be recorded. If it was recorded already, returns that
/// transfer and changes nothing.
///
/// A caller uses it to give up a transfer whose result it does not know. Without it, a request that is still on its way
/// could move the money later. After it, such a request gets [`TransferError::Mismatch`].
pub async fn void(database: &Database, clock: &Clock, id: Uuid) -> sqlx::Result<Option<RecordedTransfer>> {
    let now = clock.now();
    database
        .run_tx("ledger_void", move |connection| {
            Box::pin(async move {
                match transfers::insert_void(connection, id, now).await {
                    Err(error) if database::duplicate_key(&error).is_some() => {
                        transfers::find(connection, id).await
                    }
                    result => result.map(|()| None),
                }
            })
        })
        .await
}

/// Records a transfer between a wallet and a system account, at most once for each transfer id. If the same transfer was
/// recorded before, returns what was recorded then.
///
/// Runs in the caller's transaction. After an error the caller must roll it back.
pub async fn record_transfer(
    connection: &mut Connection,
    transfer: &Transfer,
    now: OffsetDateTime,
) -> Result<RecordedTransfer, TransferError> {
    match try_record(connection, slice::from_ref(transfer), now).await? {
        Outcome::Recorded(recorded) => recorded.into_iter().next().ok_or(TransferError::AmountNotPositive),
        Outcome::NotPositive => Err(TransferError::AmountNotPositive),
        Outcome::KnownId => find_repeated(connection, transfer).await,
        Outcome::WalletRefuses => Err(find_refusal(connection, transfer).await?),
    }
}

/// Records several transfers in the given order, each as [`record_transfer`] does. If one of them is refused or was recorded
/// before, returns `None`, and the caller must roll the transaction back. The caller then records each of them in a
/// transaction of its own to find out which one it was, and why.
pub async fn record_transfers(
    connection: &mut Connection,
    transfers: &[Transfer],
    now: OffsetDateTime,
) -> sqlx::Result<Option<Vec<RecordedTransfer>>> {
    Ok(match try_record(connection, transfers, now).await? {
        Outcome::Recorded(recorded) => Some(recorded),
        Outcome::NotPositive | Outcome::KnownId | Outcome::WalletRefuses => None,
    })
}

/// The result of [`try_record`]. After every result but `Recorded`, the transaction must be rolled back.
enum Outcome {
    Recorded(Vec<RecordedTransfer>),
    NotPositive,
    KnownId,
    WalletRefuses,
}

/// Writes transfers. This is the only place where money moves.
///
/// First it inserts the transfers: their primary key stops a repetition before a wallet is changed. Then it changes the
/// wallets: one statement for each checks and changes the balance. Last it inserts the postings. So the rows of wallets,
/// which other transactions wait for, are locked for a short time. They are locked in the order of their ids, so that two
/// transactions can't wait for each other.
async fn try_record(
    connection: &mut Connection,
    transfers: &[Transfer],
    now: OffsetDateTime,
) -> sqlx::Result<Outcome> {
    let Some(postings) = transfers.iter().map(Transfer::postings).collect::<Option<Vec<_>>>() else {
        return Ok(Outcome::NotPositive);
    };
    let mut changes = BTreeMap::new();
    for (transfer, [wallet, _]) in transfers.iter().zip(&postings) {
        let change = changes.entry(transfer.member_id).or_insert(WalletChange::NONE);
        let Some(sum) = change.with_entry(wallet.amount, is_allowed_when_closed(transfer.kind)) else {
            return Ok(Outcome::WalletRefuses);
        };
        *change = sum;
    }
    if let Err(error) = transfers::insert(connection, transfers, now).await {
        return if database::duplicate_key(&error).is_some() { Ok(Outcome::KnownId) } else { Err(error) };
    }
    let mut entries = BTreeMap::new();
    for (member_id, change) in changes {
        let Some(balance_after) = wallets::change(connection, member_id, &change).await? else {
            return Ok(Outcome::WalletRefuses);
        };
        entries.insert(member_id, NewEntry { balance_after, later_entries: 0 });
    }
    // From the last transfer to the first, because the balance after the last one is known.
    let (mut new_postings, mut recorded) = (Vec::new(), Vec::new());
    for (transfer, [wallet, system]) in transfers.iter().zip(postings).rev() {
        let entry = entries.get_mut(&transfer.member_id).expect("the wallet of each transfer was changed");
        recorded.push(RecordedTransfer {
            transfer: transfer.clone(),
            balance_after: entry.balance_after,
            created_at: now,
        });
        new_postings.push(NewPosting { transfer_id: transfer.id, posting: system, entry: None });
        new_postings.push(NewPosting { transfer_id: transfer.id, posting: wallet, entry: Some(*entry) });
        let balance_before = entry.balance_after.checked_sub(wallet.amount);
        entry.balance_after = balance_before.expect("every balance on the way is in range");
        entry.later_entries += 1;
    }
    transfers::insert_postings(connection, &new_postings).await?;
    recorded.reverse();
    Ok(Outcome::Recorded(recorded))
}

/// Returns whether a closed wallet accepts a transfer. Refunds and payouts must not stay in escrow.
const fn is_allowed_when_closed(kind: Kind) -> bool {
    match kind {
        Kind::Refund | Kind::Payout => true,
        Kind::Charge | Kind::OrderPayment => false,
    }
}

async fn find_repeated(
    connection: &mut Connection,
    transfer: &Transfer,
) -> Result<RecordedTransfer, TransferError> {
    match transfers::find(connection, transfer.id).await? {
        Some(recorded) if recorded.transfer == *transfer => Ok(recorded),
        _ => Err(TransferError::Mismatch(transfer.id)),
    }
}

/// Finds out why a wallet was not changed. It does not read the balance again, which may have changed since.
async fn find_refusal(connection: &mut Connection, transfer: &Transfer) -> sqlx::Result<TransferError> {
    Ok(match wallets::find_status(connection, transfer.member_id).await? {
        Some(WalletStatus::Open) if transfer.kind.debits_wallet() => TransferError::InsufficientBalance,
        Some(WalletStatus::Closed) if !is_allowed_when_closed(transfer.kind) => TransferError::NoWallet,
        Some(_) => TransferError::BalanceLimit,
        None => TransferError::NoWallet,
    })
}
