//! The tables `transfers` and `postings`: append-only, and written by `ledger::transfer` alone.

use access::MemberId;
use database::Connection;
use money::Won;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::unknown;
use crate::wallet::{Kind, Posting, Transfer};

/// A transfer that was recorded, with its wallet's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What was ordered.
    pub transfer: Transfer,
    /// What was in the wallet then.
    pub balance_after: Won,
    /// When.
    pub created_at: OffsetDateTime,
}

/// Records transfers. Runs into the primary key where an id was used before.
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

/// Takes the id of a transfer that is not to be made. Runs into the primary key where it was used before.
pub async fn insert_void(connection: &mut Connection, id: Uuid, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO transfers (id, kind, created_at) VALUES (?, 'VOID', ?)")
        .bind(id)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// One side of a transfer, as it is recorded.
#[derive(Clone, Copy, Debug)]
pub struct NewPosting {
    /// The transfer.
    pub transfer_id: Uuid,
    /// Its side.
    pub posting: Posting,
    /// A wallet's side is an entry of its statement.
    pub entry: Option<Entry>,
}

/// A line of a wallet's statement.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What was in the wallet after it.
    pub balance_after: Won,
    /// How many entries of the wallet come after it, of those that were counted by [`super::wallets::change`] at once.
    pub later: i64,
}

/// Records both sides of transfers, in the transaction that has changed the wallets: their versions count the entries.
pub async fn insert_postings(connection: &mut Connection, postings: &[NewPosting]) -> sqlx::Result<()> {
    let mut insert =
        QueryBuilder::new("INSERT INTO postings (transfer_id, account, amount, entry_no, balance_after) ");
    insert.push_values(postings, |mut row, NewPosting { transfer_id, posting, entry }| {
        let account = posting.account.id();
        row.push_bind(transfer_id).push_bind(account).push_bind(posting.amount);
        match entry {
            Some(Entry { balance_after, later }) => row
                .push("(SELECT version FROM wallets WHERE member_id = ")
                .push_bind_unseparated(account)
                .push_unseparated(") - ")
                .push_bind_unseparated(later)
                .push_bind(balance_after),
            None => row.push("NULL").push("NULL"),
        };
    });
    insert.build().execute(connection).await?;
    Ok(())
}

/// A transfer by its id; `None` also where it was voided.
pub async fn find(connection: &mut Connection, id: Uuid) -> sqlx::Result<Option<Recorded>> {
    let row: Option<RecordedRow> = sqlx::query_as(
        "SELECT t.id, t.kind, t.reference, t.created_at, p.account, ABS(p.amount) AS amount, p.balance_after \
         FROM transfers t JOIN postings p ON p.transfer_id = t.id AND p.entry_no IS NOT NULL WHERE t.id = ?",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(Recorded::try_from).transpose()
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

impl TryFrom<RecordedRow> for Recorded {
    type Error = sqlx::Error;

    fn try_from(row: RecordedRow) -> sqlx::Result<Self> {
        let transfer = Transfer {
            id: row.id,
            kind: Kind::from_name(&row.kind).ok_or_else(|| unknown("kind", &row.kind))?,
            member_id: MemberId(row.account),
            amount: row.amount,
            reference: row.reference,
        };
        Ok(Self { transfer, balance_after: row.balance_after, created_at: row.created_at })
    }
}
