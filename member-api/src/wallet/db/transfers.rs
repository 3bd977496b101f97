//! The tables `transfers` and `postings`. They are append-only, and only `ledger.rs` writes to them.

use access::MemberId;
use database::Connection;
use money::Won;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::parse;
use crate::wallet::{Posting, Transfer};

/// A transfer in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedTransfer {
    /// The transfer.
    pub transfer: Transfer,
    /// The balance of the wallet after the transfer.
    pub balance_after: Won,
    /// When it was recorded.
    pub created_at: OffsetDateTime,
}

/// Inserts transfers. Violates the primary key if an id was used before.
pub async fn insert(
    connection: &mut Connection,
    transfers: &[Transfer],
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::new("INSERT INTO transfers (id, kind, reference, created_at) ");
    insert.push_values(transfers, |mut row, transfer| {
        row.push_bind(transfer.id)
            .push_bind(transfer.kind.as_str())
            .push_bind(transfer.reference.as_deref())
            .push_bind(now);
    });
    insert.build().execute(connection).await?;
    Ok(())
}

/// Inserts a voided transfer, so that its id can't be used any more. Violates the primary key if the id was used before.
pub async fn insert_void(connection: &mut Connection, id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO transfers (id, kind, created_at) VALUES (?, 'VOID', ?)")
        .bind(id)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// A posting to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewPosting {
    /// The id of the transfer.
    pub transfer_id: Uuid,
    /// The posting.
    pub posting: Posting,
    /// The entry in the statement of the wallet; `None` for a system account.
    pub entry: Option<NewEntry>,
}

/// An entry in the statement of a wallet.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry {
    /// The balance of the wallet after the entry.
    pub balance_after: Won,
    /// The number of entries of the same [`WalletChange`](super::wallets::WalletChange) that come after this one.
    pub later_entries: i64,
}

/// Inserts postings. The transaction must have changed the wallets before: the version of a wallet is the number of its
/// last entry.
pub async fn insert_postings(connection: &mut Connection, postings: &[NewPosting]) -> sqlx::Result<()> {
    let mut insert =
        QueryBuilder::new("INSERT INTO postings (transfer_id, account, amount, entry_no, balance_after) ");
    insert.push_values(postings, |mut row, NewPosting { transfer_id, posting, entry }| {
        let account = posting.account.id();
        row.push_bind(transfer_id).push_bind(account).push_bind(posting.amount);
        match entry {
            Some(NewEntry { balance_after, later_entries }) => row
                .push("(SELECT version FROM wallets WHERE member_id = ")
                .push_bind_unseparated(account)
                .push_unseparated(") - ")
                .push_bind_unseparated(later_entries)
                .push_bind(balance_after),
            None => row.push("NULL").push("NULL"),
        };
    });
    insert.build().execute(connection).await?;
    Ok(())
}

/// Finds a transfer. `None` also for a voided transfer.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<RecordedTransfer>> {
    let row: Option<RecordedRow> = sqlx::query_as(
        "SELECT t.id, t.kind, t.reference, t.created_at, p.account, ABS(p.amount) AS amount, p.balance_after \
         FROM transfers t JOIN postings p ON p.transfer_id = t.id AND p.entry_no IS NOT NULL WHERE t.id = ?",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(RecordedTransfer::try_from).transpose()
}

#[derive(FromRow)]
struct RecordedRow {
    id: Uuid,
    kind: String,
    reference: Option<String>,
    created_at: OffsetDateTime,
    account: Uuid,
    amount: Won,
    balance_after: Won,
}

impl TryFrom<RecordedRow> for RecordedTransfer {
    type Error = sqlx::Error;

    fn try_from(row: RecordedRow) -> sqlx::Result<Self> {
        let transfer = Transfer {
            id: row.id,
            kind: parse("kind", &row.kind)?,
            member_id: MemberId(row.account),
            amount: row.amount,
            reference: row.reference,
        };
        Ok(Self { transfer, balance_after: row.balance_after, created_at: row.created_at })
    }
}
