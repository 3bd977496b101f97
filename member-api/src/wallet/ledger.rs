//! The ledger: the one function by which money moves.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use clock::Clock;
use database::Connection;
use database::Database;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::wallet::db::transfers::{self, Entry, NewPosting, Recorded};
use crate::wallet::db::wallets::{self, Change, Standing};
use crate::wallet::{Kind, Transfer};

/// Why no money moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Only amounts above zero can be moved.
    #[error("the amount is not above zero")]
    AmountNotPositive,
    /// The wallet holds less than is to be taken from it.
    #[error("the wallet does not hold enough")]
    InsufficientBalance,
    /// The wallet would hold more than it can.
    #[error("the wallet can't hold more")]
    BalanceLimit,
    /// There is no such wallet, or it is closed to this kind of transfer.
    #[error("there is no such open wallet")]
    NoWallet,
    /// The id belongs to a transfer with other content.
    #[error("transfer {0} was recorded with other content")]
    Mismatch(Uuid),
    /// The database failed; nothing of the transfer is left.
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

/// A [`transfer`] in a transaction of its own.
pub async fn execute(database: &Database, clock: &Clock, order: Transfer) -> Result<Recorded, TransferError> {
    let kind = order.kind;
    let (order, now) = (Arc::new(order), clock.now());
    let result = database
        .run_tx("ledger_transfer", move |tx| {
            let order = Arc::clone(&order);
            Box::pin(async move { transfer(tx, &order, now).await })
        })
        .await;
    count(kind, result.as_ref().err().map_or(RECORDED, TransferError::label));
    result
}

/// The outcome of a transfer that is in the books.
pub(crate) const RECORDED: &str = "recorded";

/// Counts what became of a transfer, when its transaction is over.
pub(crate) fn count(kind: Kind, outcome: &'static str) {
    metrics::counter!("ledger_transfers_total", "kind" => kind.as_str(), "outcome" => outcome).increment(1);
}

/// Sees to it that the transfer of this id is never made, or gives it where it was made. For a caller who does not know
/// what became of a request, and does not want it any more: without this, one that is still under way could move money
/// later. A transfer that comes afterwards is refused as [`TransferError::Mismatch`].
pub async fn void(database: &Database, clock: &Clock, id: Uuid) -> sqlx::Result<Option<Recorded>> {
    let now = clock.now();
    database
        .run_tx("ledger_void", move |tx| {
            Box::pin(async move {
                match transfers::insert_void(tx, id, now).await {
                    Err(error) if database::duplicate_key(&error).is_some() => transfers::find(tx, id).await,
                    result => result.map(|()| None),
                }
            })
        })
        .await
}

/// Moves money between a wallet and a system account, at most once for each transfer id, and gives what was recorded.
/// The same transfer again gives what the first one gave.
///
/// Runs inside the caller's transaction, which must end with a rollback where this gives an error.
pub async fn transfer(
    connection: &mut Connection,
    order: &Transfer,
    now: OffsetDateTime,
) -> Result<Recorded, TransferError> {
    match record(connection, slice::from_ref(order), now).await? {
        Outcome::Recorded(recorded) => recorded.into_iter().next().ok_or(TransferError::AmountNotPositive),
        Outcome::NotPositive => Err(TransferError::AmountNotPositive),
        Outcome::KnownId => repeated(connection, order).await,
        Outcome::WalletRefuses => Err(refusal(connection, order).await?),
    }
}

/// Makes several transfers as one, each as [`transfer`] would, in their order. `None`, and the transaction must end with
/// a rollback, where one of them can't be made or was made before: which one, and why, comes out when each is made alone.
pub async fn transfer_all(
    connection: &mut Connection,
    orders: &[Transfer],
    now: OffsetDateTime,
) -> sqlx::Result<Option<Vec<Recorded>>> {
    Ok(match record(connection, orders, now).await? {
        Outcome::Recorded(recorded) => Some(recorded),
        Outcome::NotPositive | Outcome::KnownId | Outcome::WalletRefuses => None,
    })
}

/// What became of transfers that were to be recorded. All but the first ask for a rollback.
enum Outcome {
    Recorded(Vec<Recorded>),
    NotPositive,
    KnownId,
    WalletRefuses,
}

/// The one place where money moves, by so many statements: the transfers first, whose primary key stops a repetition
/// before any wallet is touched; then each wallet, whose balance is checked and changed in one step; then the postings.
/// So the rows that others wait for, the wallets', are locked for the shortest time; and always in the same order, so
/// that no two transactions wait for each other.
async fn record(
    connection: &mut Connection,
    orders: &[Transfer],
    now: OffsetDateTime,
) -> sqlx::Result<Outcome> {
    let Some(sides) = orders.iter().map(Transfer::postings).collect::<Option<Vec<_>>>() else {
        return Ok(Outcome::NotPositive);
    };
    let mut changes = BTreeMap::new();
    for (order, [wallet, _]) in orders.iter().zip(&sides) {
        let change = changes.entry(order.member_id).or_insert(Change::NONE);
        let Some(more) = change.and(wallet.amount, pays_what_is_owed(order.kind)) else {
            return Ok(Outcome::WalletRefuses);
        };
        *change = more;
    }
    if let Err(error) = transfers::insert(connection, orders, now).await {
        return if database::duplicate_key(&error).is_some() { Ok(Outcome::KnownId) } else { Err(error) };
    }
    let mut latest = BTreeMap::new();
    for (member_id, change) in changes {
        let Some(balance_after) = wallets::change(connection, member_id, &change).await? else {
            return Ok(Outcome::WalletRefuses);
        };
        latest.insert(member_id, Entry { balance_after, later: 0 });
    }
    // From the last one back, because it is the balance after it that is known.
    let (mut postings, mut recorded) = (Vec::new(), Vec::new());
    for (order, [wallet, system]) in orders.iter().zip(sides).rev() {
        let entry = latest.get_mut(&order.member_id).expect("the wallet of each order was changed");
        recorded.push(Recorded {
            transfer: order.clone(),
            balance_after: entry.balance_after,
            created_at: now,
        });
        postings.push(NewPosting { transfer_id: order.id, posting: system, entry: None });
        postings.push(NewPosting { transfer_id: order.id, posting: wallet, entry: Some(*entry) });
        let balance_before = entry.balance_after.checked_sub(wallet.amount);
        entry.balance_after = balance_before.expect("a balance, which no step takes out of its range");
        entry.later += 1;
    }
    transfers::insert_postings(connection, &postings).await?;
    recorded.reverse();
    Ok(Outcome::Recorded(recorded))
}

/// What is owed to a member is paid into the wallet, closed or not: it must not be stuck in escrow.
const fn pays_what_is_owed(kind: Kind) -> bool {
    match kind {
        Kind::Refund | Kind::Payout => true,
        Kind::Charge | Kind::OrderPayment => false,
    }
}

async fn repeated(connection: &mut Connection, order: &Transfer) -> Result<Recorded, TransferError> {
    match transfers::find(connection, order.id).await? {
        Some(recorded) if recorded.transfer == *order => Ok(recorded),
        _ => Err(TransferError::Mismatch(order.id)),
    }
}

/// Why the wallet was not changed. Its balance is not looked at again: by now it may be another one.
async fn refusal(connection: &mut Connection, order: &Transfer) -> sqlx::Result<TransferError> {
    Ok(match wallets::find_standing(connection, order.member_id).await? {
        Some(Standing::Open) if order.kind.debits_the_wallet() => TransferError::InsufficientBalance,
        Some(Standing::Closed) if !pays_what_is_owed(order.kind) => TransferError::NoWallet,
        Some(_) => TransferError::BalanceLimit,
        None => TransferError::NoWallet,
    })
}
