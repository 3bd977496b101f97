//! The table `wallets`. Its balances are changed by [`change`] alone, and that is called by `ledger::transfer_all` alone.

use access::MemberId;
use database::Connection;
use money::Won;
use time::OffsetDateTime;

use crate::wallet::MAX_BALANCE;

/// Whether a wallet takes charges and pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Open,
    /// It only takes what is owed to its member.
    Closed,
}

/// Opens a member's wallet, empty.
pub async fn open(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO wallets (member_id, balance, version) VALUES (?, 0, 0)")
        .bind(member_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// What is in a wallet.
pub async fn find_balance(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<Option<Won>> {
    sqlx::query_scalar("SELECT balance FROM wallets WHERE member_id = ?")
        .bind(member_id.0)
        .fetch_optional(connection)
        .await
}

/// How a wallet stands.
pub async fn find_standing(
    connection: &mut Connection,
    member_id: MemberId,
) -> sqlx::Result<Option<Standing>> {
    let row: Option<(Option<OffsetDateTime>,)> =
        sqlx::query_as("SELECT closed_at FROM wallets WHERE member_id = ?")
            .bind(member_id.0)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(closed_at,)| if closed_at.is_some() { Standing::Closed } else { Standing::Open }))
}

/// What one or more entries do to a wallet.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// How many there are.
    pub entries: i64,
    /// What they add up to; below zero where they take more than they bring.
    pub sum: Won,
    /// The lowest of the sums on the way there, and not above zero.
    pub lowest: Won,
    /// The highest of them, and not below zero.
    pub highest: Won,
    /// Whether they are for closed wallets too, all of them.
    pub also_closed: bool,
}

impl Change {
    /// The change that nothing makes.
    pub const NONE: Self =
        Self { entries: 0, sum: Won::ZERO, lowest: Won::ZERO, highest: Won::ZERO, also_closed: true };

    /// With one entry more; `None` where the sum is too large to be a wallet's.
    pub fn and(self, amount: Won, also_closed: bool) -> Option<Self> {
        let sum = self.sum.checked_add(amount)?;
        Some(Self {
            entries: self.entries + 1,
            sum,
            lowest: self.lowest.min(sum),
            highest: self.highest.max(sum),
            also_closed: self.also_closed && also_closed,
        })
    }
}

/// Changes a wallet and gives the new balance. `None`, with nothing changed, where the balance would leave its range on
/// the way, the wallet is closed to one of the entries, or there is none.
///
/// One statement checks and changes, so that no two of them can act on the same balance. `LAST_INSERT_ID(expression)`
/// hands the new value back with the statement's own answer: a read of it would be a round trip more.
/// (<https://dev.mysql.com/doc/refman/8.4/en/information-functions.html#function_last-insert-id>)
pub async fn change(
    connection: &mut Connection,
    member_id: MemberId,
    change: &Change,
) -> sqlx::Result<Option<Won>> {
    // The range of balances from which no step leads out of 0 to MAX_BALANCE.
    let lowest = Won::ZERO.checked_sub(change.lowest).unwrap_or(MAX_BALANCE);
    let highest = MAX_BALANCE.checked_sub(change.highest).unwrap_or(MAX_BALANCE);
    let done = sqlx::query(
        "UPDATE wallets SET balance = LAST_INSERT_ID(balance + ?), version = version + ? \
         WHERE member_id = ? AND balance BETWEEN ? AND ? AND (closed_at IS NULL OR ?)",
    )
    .bind(change.sum)
    .bind(change.entries)
    .bind(member_id.0)
    .bind(lowest)
    .bind(highest)
    .bind(change.also_closed)
    .execute(connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    let balance = i64::try_from(done.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Some(Won::new(balance)))
}

/// What is in a wallet, locked until the transaction ends.
pub async fn lock(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<Option<Won>> {
    sqlx::query_scalar("SELECT balance FROM wallets WHERE member_id = ? FOR UPDATE")
        .bind(member_id.0)
        .fetch_optional(connection)
        .await
}

/// Closes a wallet to charges. What is owed to its member still finds its way in.
pub async fn close(
    connection: &mut Connection,
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
