//! The table `wallets`. Only [`change`] changes a balance, and only `ledger.rs` calls it.

use access::MemberId;
use database::Connection;
use money::Won;
use time::OffsetDateTime;

use crate::wallet::MAX_BALANCE;

/// Whether a wallet is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletStatus {
    /// It can be charged and can pay.
    Open,
    /// It only receives refunds and payouts.
    Closed,
}

/// Creates the empty wallet of a member.
pub async fn open(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO wallets (member_id, balance, version) VALUES (?, 0, 0)")
        .bind(member_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Finds the balance of a wallet.
pub async fn find_balance(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<Option<Won>> {
    sqlx::query_scalar("SELECT balance FROM wallets WHERE member_id = ?")
        .bind(member_id.0)
        .fetch_optional(connection)
        .await
}

/// Finds the status of a wallet.
pub async fn find_status(
    connection: &mut Connection,
    member_id: MemberId,
) -> sqlx::Result<Option<WalletStatus>> {
    let row: Option<(Option<OffsetDateTime>,)> =
        sqlx::query_as("SELECT closed_at FROM wallets WHERE member_id = ?")
            .bind(member_id.0)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(closed_at,)| if closed_at.is_some() { WalletStatus::Closed } else { WalletStatus::Open }))
}

/// The change of a wallet by one or more entries.
#[derive(Clone, Copy, Debug)]
pub struct WalletChange {
    /// The number of entries.
    pub entries: i64,
    /// The sum of the entries, negative if more money leaves than comes in.
    pub sum: Won,
    /// The lowest sum after any of the entries, at most zero.
    pub lowest: Won,
    /// The highest sum after any of the entries, at least zero.
    pub highest: Won,
    /// Whether a closed wallet accepts all of the entries.
    pub allowed_when_closed: bool,
}

impl WalletChange {
    /// No change.
    pub const NONE: Self =
        Self { entries: 0, sum: Won::ZERO, lowest: Won::ZERO, highest: Won::ZERO, allowed_when_closed: true };

    /// Adds an entry. `None` if the sum is out of range.
    pub fn with_entry(self, amount: Won, allowed_when_closed: bool) -> Option<Self> {
        let sum = self.sum.checked_add(amount)?;
        Some(Self {
            entries: self.entries + 1,
            sum,
            lowest: self.lowest.min(sum),
            highest: self.highest.max(sum),
            allowed_when_closed: self.allowed_when_closed && allowed_when_closed,
        })
    }
}

/// Changes a wallet and returns the new balance. Changes nothing and returns `None` if the balance would leave its range
/// after any of the entries, if the closed wallet does not accept one of them, or if there is no such wallet.
///
/// One statement checks and changes the balance, so that two changes can't start from the same balance.
/// `LAST_INSERT_ID(expression)` returns the new balance with the result of the statement and saves a round trip
/// (<https://dev.mysql.com/doc/refman/8.4/en/information-functions.html#function_last-insert-id>).
pub async fn change(
    connection: &mut Connection,
    member_id: MemberId,
    change: &WalletChange,
) -> sqlx::Result<Option<Won>> {
    // From a balance in this range, no entry leaves the range of 0 to MAX_BALANCE.
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
    .bind(change.allowed_when_closed)
    .execute(connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    let balance = i64::try_from(done.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Some(Won::new(balance)))
}

/// Finds the balance of a wallet and locks the wallet until the transaction ends.
pub async fn lock(connection: &mut Connection, member_id: MemberId) -> sqlx::Result<Option<Won>> {
    sqlx::query_scalar("SELECT balance FROM wallets WHERE member_id = ? FOR UPDATE")
        .bind(member_id.0)
        .fetch_optional(connection)
        .await
}

/// Closes a wallet. It still receives refunds and payouts.
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
