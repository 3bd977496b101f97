//! A wallet's statement: its postings with the transfers that they belong to, newest first.

use access::MemberId;
use database::Connection;
use money::Won;
use sqlx::{FromRow, MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::db::unknown;
use crate::wallet::Kind;

/// One line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3 … in the order in which the balance changed.
    pub entry_no: i64,
    /// The transfer's id.
    pub transfer_id: Uuid,
    /// Why.
    pub kind: Kind,
    /// How much; below zero where money left.
    pub amount: Won,
    /// What was in the wallet then.
    pub balance_after: Won,
    /// What for.
    pub reference: Option<String>,
    /// When.
    pub created_at: OffsetDateTime,
}

/// Which lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Of this kind only.
    pub kind: Option<Kind>,
    /// At this time or later.
    pub from: Option<OffsetDateTime>,
    /// Before this time.
    pub to: Option<OffsetDateTime>,
    /// Older than this line.
    pub before: Option<i64>,
}

/// So many lines of a member's statement, newest first.
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
            kind: Kind::from_name(&row.kind).ok_or_else(|| unknown("kind", &row.kind))?,
            amount: row.amount,
            balance_after: row.balance_after,
            reference: row.reference,
            created_at: row.created_at,
        })
    }
}
