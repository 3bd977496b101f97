//! The statement of a wallet: its postings and their transfers, newest first.

use access::MemberId;
use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::parse;
use crate::wallet::Kind;

/// An entry of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of the entry: 1, 2, 3 … in the order in which the balance changed.
    pub entry_no: i64,
    /// The id of the transfer.
    pub transfer_id: Uuid,
    /// The kind of the transfer.
    pub kind: Kind,
    /// The amount, negative if money left the wallet.
    pub amount: Won,
    /// The balance after the entry.
    pub balance_after: Won,
    /// What the transfer was for.
    pub reference: Option<String>,
    /// When the transfer was recorded.
    pub created_at: OffsetDateTime,
}

/// Selects entries of a statement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only entries of this kind.
    pub kind: Option<Kind>,
    /// Only entries of this time or later.
    pub from: Option<OffsetDateTime>,
    /// Only entries before this time.
    pub to: Option<OffsetDateTime>,
    /// Only entries with a lower number.
    pub before: Option<i64>,
}

/// Lists up to `rows` entries of a member's statement, newest first.
pub async fn list(
    connection: &mut Connection,
    member_id: MemberId,
    filter: Filter,
    rows: u32,
) -> sqlx::Result<Vec<Entry>> {
    let mut query = QueryBuilder::<MySql>::new(
        "SELECT p.entry_no, p.transfer_id, t.kind, p.amount, p.balance_after, t.reference, t.created_at \
         FROM postings p JOIN transfers t ON t.id = p.transfer_id WHERE p.account = ",
    );
    query.push_bind(member_id.0);
    if let Some(entry_no) = filter.before {
        query.push(" AND p.entry_no < ").push_bind(entry_no);
    }
    if let Some(kind) = filter.kind {
        query.push(" AND t.kind = ").push_bind(kind.as_str());
    }
    if let Some(from) = filter.from {
        query.push(" AND t.created_at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND t.created_at < ").push_bind(to);
    }
    query.push(" ORDER BY p.entry_no DESC LIMIT ").push_bind(rows);
    let rows: Vec<EntryRow> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(Entry::try_from).collect()
}

#[derive(FromRow)]
struct EntryRow {
    entry_no: i64,
    transfer_id: Uuid,
    kind: String,
    amount: Won,
    balance_after: Won,
    reference: Option<String>,
    created_at: OffsetDateTime,
}

impl TryFrom<EntryRow> for Entry {
    type Error = sqlx::Error;

    fn try_from(row: EntryRow) -> sqlx::Result<Self> {
        Ok(Self {
            entry_no: row.entry_no,
            transfer_id: row.transfer_id,
            kind: parse("kind", &row.kind)?,
            amount: row.amount,
            balance_after: row.balance_after,
            reference: row.reference,
            created_at: row.created_at,
        })
    }
}
