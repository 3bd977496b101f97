//! The tables `transfers` and `postings`: append-only, and written by `ledger::transfer` alone.

use access::MemberId;
use money::Won;
use sqlx::{FromRow, MySqlConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::unknown;
use crate::domain::{Kind, Posting, Transfer};

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

/// Records a transfer. Runs into the primary key where its id was used before.
pub async fn insert(
    connection: &mut MySqlConnection,
    transfer: &Transfer,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO transfers (id, kind, reference, created_at) VALUES (?, ?, ?, ?)")
        .bind(transfer.id)
        .bind(transfer.kind.as_str())
        .bind(transfer.reference.as_deref())
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes the id of a transfer that is not to be made. Runs into the primary key where it was used before.
pub async fn insert_void(
    connection: &mut MySqlConnection,
    id: Uuid,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO transfers (id, kind, created_at) VALUES (?, 'VOID', ?)")
        .bind(id)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Records both sides of a transfer. The wallet's, which has just been changed by [`super::wallets::add`], gets the
/// number that this gave it.
pub async fn insert_postings(
    connection: &mut MySqlConnection,
    transfer: &Transfer,
    [wallet, system]: [Posting; 2],
    balance_after: Won,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO postings (transfer_id, account, amount, entry_no, balance_after) VALUES \
         (?, ?, ?, (SELECT version FROM wallets WHERE member_id = ?), ?), (?, ?, ?, NULL, NULL)",
    )
    .bind(transfer.id)
    .bind(wallet.account.id())
    .bind(wallet.amount)
    .bind(wallet.account.id())
    .bind(balance_after)
    .bind(transfer.id)
    .bind(system.account.id())
    .bind(system.amount)
    .execute(connection)
    .await?;
    Ok(())
}

/// A transfer by its id; `None` also where it was voided.
pub async fn find(connection: &mut MySqlConnection, id: Uuid) -> sqlx::Result<Option<Recorded>> {
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
