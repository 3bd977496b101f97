//! The table `member_closings`: the members whose accounts are being closed, or have been.

use access::MemberId;
use database::Connection;
use sqlx::{MySql, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

/// An SQL condition with a member as its parameter: the member's account is neither closed nor being closed. Use it after the
/// statements that write the new rows, in the same transaction ("Write, then look" in the documentation of the crate).
pub const NOT_MARKED: &str = "NOT EXISTS (SELECT 1 FROM member_closings AS closing \
     WHERE closing.member_id = ? AND closing.state <> 'OPEN')";

/// The state of a member, as it is stored.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    number: u64,
    state: String,
}

/// Whether a member's account is closed or being closed. Call it after the new rows were written, in the same transaction.
pub async fn is_marked(connection: &mut Connection, member: MemberId) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM member_closings WHERE member_id = ? AND state <> 'OPEN')",
    )
    .bind(member.0)
    .fetch_one(connection)
    .await
}

/// Locks the rows of these members until the transaction ends, so that none of them is marked meanwhile. False if one of
/// them is marked already.
pub async fn lock_unmarked(
    connection: &mut Connection,
    members: impl IntoIterator<Item = MemberId>,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    let rows = lock(connection, members.into_iter().map(|member| member.0).collect(), now).await?;
    Ok(rows.iter().all(|row| row.state == "OPEN"))
}

/// Marks a member as closing. False if the account is closed, or if this attempt was given up or overtaken.
pub(crate) async fn mark(
    connection: &mut Connection,
    member: MemberId,
    number: u64,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    for row in lock(connection, vec![member.0], now).await? {
        let is_repeated = row.state == "CLOSING" && row.number == number;
        if !is_repeated && (row.state == "CLOSED" || row.number >= number) {
            return Ok(false);
        }
    }
    set(connection, member, number, "CLOSING", now).await?;
    Ok(true)
}

/// Takes a mark away, unless the account is closed or a later attempt has begun.
pub(crate) async fn undo(
    connection: &mut Connection,
    member: MemberId,
    number: u64,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    for row in lock(connection, vec![member.0], now).await? {
        if row.state == "CLOSED" || row.number > number {
            return Ok(());
        }
    }
    set(connection, member, number, "OPEN", now).await
}

/// Marks a member as closed for ever.
pub(crate) async fn close(
    connection: &mut Connection,
    member: MemberId,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO member_closings (member_id, number, state, changed_at) VALUES (?, 0, 'CLOSED', ?) \
         ON DUPLICATE KEY UPDATE state = 'CLOSED', changed_at = VALUES(changed_at)",
    )
    .bind(member.0)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks the rows of members, in the order of their ids, and makes those that are missing.
async fn lock(
    connection: &mut Connection,
    mut members: Vec<Uuid>,
    now: OffsetDateTime,
) -> sqlx::Result<Vec<Row>> {
    members.sort_unstable();
    members.dedup();
    let mut insert: QueryBuilder<MySql> =
        QueryBuilder::new("INSERT INTO member_closings (member_id, number, state, changed_at) ");
    insert.push_values(&members, |mut row, member| {
        row.push_bind(*member).push_bind(0_u64).push_bind("OPEN").push_bind(now);
    });
    // It changes nothing in a row that is there, and locks it.
    insert.push(" ON DUPLICATE KEY UPDATE number = number");
    insert.build().execute(&mut *connection).await?;
    let mut select: QueryBuilder<MySql> =
        QueryBuilder::new("SELECT number, state FROM member_closings WHERE member_id IN (");
    let mut ids = select.separated(", ");
    for member in &members {
        ids.push_bind(*member);
    }
    select.push(")");
    select.build_query_as().fetch_all(connection).await
}

async fn set(
    connection: &mut Connection,
    member: MemberId,
    number: u64,
    state: &'static str,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE member_closings SET number = ?, state = ?, changed_at = ? WHERE member_id = ?")
        .bind(number)
        .bind(state)
        .bind(now)
        .bind(member.0)
        .execute(connection)
        .await?;
    Ok(())
}
