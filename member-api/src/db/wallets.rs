//! The table `wallets`. Its balances are changed by [`add`] alone, and that is called by `ledger::transfer` alone.

use access::MemberId;
use money::Won;
use sqlx::MySqlConnection;
use time::OffsetDateTime;

use crate::domain::MAX_BALANCE;

/// Whether a wallet takes charges and pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Open,
    /// It only takes what is owed to its member.
    Closed,
}

/// Opens a member's wallet, empty.
pub async fn open(connection: &mut MySqlConnection, member_id: MemberId) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO wallets (member_id, balance, version) VALUES (?, 0, 0)")
        .bind(member_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// What is in a wallet.
pub async fn find_balance(
    connection: &mut MySqlConnection,
    member_id: MemberId,
) -> sqlx::Result<Option<Won>> {
    sqlx::query_scalar("SELECT balance FROM wallets WHERE member_id = ?")
        .bind(member_id.0)
        .fetch_optional(connection)
        .await
}

/// How a wallet stands.
pub async fn find_standing(
    connection: &mut MySqlConnection,
    member_id: MemberId,
) -> sqlx::Result<Option<Standing>> {
    let row: Option<(Option<OffsetDateTime>,)> =
        sqlx::query_as("SELECT closed_at FROM wallets WHERE member_id = ?")
            .bind(member_id.0)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(closed_at,)| if closed_at.is_some() { Standing::Closed } else { Standing::Open }))
}

/// Adds an amount (below zero: takes it away) and gives the new balance. `None`, with nothing changed, where the
/// balance would leave its range, the wallet is closed and `also_closed` is false, or there is none.
///
/// One statement checks and changes, so that no two of them can act on the same balance. `LAST_INSERT_ID(expression)`
/// hands the new value back with the statement's own answer: a read of it would be a round trip more.
/// (<https://dev.mysql.com/doc/refman/8.4/en/information-functions.html#function_last-insert-id>)
pub async fn add(
    connection: &mut MySqlConnection,
    member_id: MemberId,
    amount: Won,
    also_closed: bool,
) -> sqlx::Result<Option<Won>> {
    // The range of balances from which the amount leads to one of 0 to MAX_BALANCE.
    let lowest = Won::ZERO.checked_sub(amount).unwrap_or(MAX_BALANCE).max(Won::ZERO);
    let highest = MAX_BALANCE.checked_sub(amount).unwrap_or(MAX_BALANCE);
    let done = sqlx::query(
        "UPDATE wallets SET balance = LAST_INSERT_ID(balance + ?), version = version + 1 \
         WHERE member_id = ? AND balance BETWEEN ? AND ? AND (closed_at IS NULL OR ?)",
    )
    .bind(amount)
    .bind(member_id.0)
    .bind(lowest)
    .bind(highest)
    .bind(also_closed)
    .execute(connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    let balance = i64::try_from(done.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Some(Won::new(balance)))
}

/// What is in a wallet, locked until the transaction ends.
pub async fn lock(connection: &mut MySqlConnection, member_id: MemberId) -> sqlx::Result<Option<Won>> {
    sqlx::query_scalar("SELECT balance FROM wallets WHERE member_id = ? FOR UPDATE")
        .bind(member_id.0)
        .fetch_optional(connection)
        .await
}

/// Closes a wallet to charges. What is owed to its member still finds its way in.
pub async fn close(
    connection: &mut MySqlConnection,
    member_id: MemberId,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE wallets SET closed_at = ? WHERE member_id = ? AND closed_at IS NULL")
        .bind(now)
        .bind(member_id.0)
        .execute(connection)
        .await?;
    Ok(())
}
