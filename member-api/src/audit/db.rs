//! The statements of the audit: the sums of the ledger, and the accounts and transfers that are wrong.
//!
//! They must run in one snapshot. Otherwise a transfer between two statements looks like an error.

use database::Connection;
use money::Won;
use sqlx::FromRow;
use uuid::Uuid;

use crate::wallet::Account;

/// The largest number of accounts and of transfers that are listed.
const MAX_LISTED: u32 = 1_000;

/// The sums and row counts of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct Totals {
    /// The number of wallets.
    pub wallets: i64,
    /// The number of transfers that moved money.
    pub transfers: i64,
    /// The number of postings.
    pub postings: i64,
    /// The sum of all postings. It must be zero.
    pub sum_of_postings: Won,
    /// The sum of the postings of `cash`: minus what was charged.
    pub cash: Won,
    /// The sum of the postings of `escrow`.
    pub escrow: Won,
    /// The sum of the postings of all wallets.
    pub wallet_postings: Won,
    /// The sum of the balances of all wallets. It must equal `wallet_postings`.
    pub wallet_balances: Won,
}

/// A wallet whose balance or version does not agree with its postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct AccountOutOfLine {
    /// The id of the wallet's member.
    pub account: Uuid,
    /// The balance of the wallet; `None` if there are postings without a wallet.
    pub balance: Option<Won>,
    /// The sum of its postings.
    pub sum_of_postings: Won,
    /// The version of the wallet, which counts its postings.
    pub version: Option<i64>,
    /// The number of its postings.
    pub postings: i64,
    /// The number of postings whose `balance_after` is not the sum of the postings up to them.
    pub broken_entries: i64,
}

/// A transfer whose postings do not sum to zero, or a voided transfer with postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct TransferOutOfLine {
    /// The id of the transfer.
    pub id: Uuid,
    /// The number of its postings.
    pub postings: i64,
    /// The sum of its postings.
    pub sum_of_postings: Won,
}

/// Reads the sums and row counts.
pub async fn totals(connection: &mut Connection) -> sqlx::Result<Totals> {
    sqlx::query_as(
        "SELECT w.wallets, t.transfers, p.postings, p.sum_of_postings, p.cash, p.escrow, \
                CAST(p.sum_of_postings - p.cash - p.escrow AS SIGNED) AS wallet_postings, w.wallet_balances \
         FROM (SELECT COUNT(*) AS postings, \
                      CAST(COALESCE(SUM(amount), 0) AS SIGNED) AS sum_of_postings, \
                      CAST(COALESCE(SUM(CASE WHEN account = ? THEN amount END), 0) AS SIGNED) AS cash, \
                      CAST(COALESCE(SUM(CASE WHEN account = ? THEN amount END), 0) AS SIGNED) AS escrow \
               FROM postings) p \
         CROSS JOIN (SELECT COUNT(*) AS transfers FROM transfers WHERE kind <> 'VOID') t \
         CROSS JOIN (SELECT COUNT(*) AS wallets, CAST(COALESCE(SUM(balance), 0) AS SIGNED) AS wallet_balances \
                     FROM wallets) w",
    )
    .bind(Account::Cash.id())
    .bind(Account::Escrow.id())
    .fetch_one(connection)
    .await
}

/// Lists the accounts out of line.
pub async fn accounts_out_of_line(connection: &mut Connection) -> sqlx::Result<Vec<AccountOutOfLine>> {
    sqlx::query_as(
        "WITH entries AS ( \
             SELECT account, amount, balance_after, \
                    SUM(amount) OVER (PARTITION BY account ORDER BY entry_no) AS running \
             FROM postings WHERE entry_no IS NOT NULL \
         ), sums AS ( \
             SELECT account, COUNT(*) AS postings, CAST(SUM(amount) AS SIGNED) AS total, \
                    CAST(SUM(CASE WHEN running = balance_after THEN 0 ELSE 1 END) AS SIGNED) AS broken \
             FROM entries GROUP BY account \
         ) \
         SELECT w.member_id AS account, w.balance, COALESCE(s.total, 0) AS sum_of_postings, \
                w.version, COALESCE(s.postings, 0) AS postings, COALESCE(s.broken, 0) AS broken_entries \
         FROM wallets w LEFT JOIN sums s ON s.account = w.member_id \
         WHERE w.balance <> COALESCE(s.total, 0) OR w.version <> COALESCE(s.postings, 0) OR s.broken > 0 \
         UNION ALL \
         SELECT s.account, NULL, s.total, NULL, s.postings, s.broken \
         FROM sums s LEFT JOIN wallets w ON w.member_id = s.account WHERE w.member_id IS NULL \
         LIMIT ?",
    )
    .bind(MAX_LISTED)
    .fetch_all(connection)
    .await
}

/// Lists the transfers out of line.
pub async fn transfers_out_of_line(connection: &mut Connection) -> sqlx::Result<Vec<TransferOutOfLine>> {
    sqlx::query_as(
        "SELECT t.id, COUNT(p.account) AS postings, CAST(COALESCE(SUM(p.amount), 0) AS SIGNED) AS sum_of_postings \
         FROM transfers t LEFT JOIN postings p ON p.transfer_id = t.id \
         GROUP BY t.id, t.kind \
         HAVING CASE WHEN t.kind = 'VOID' THEN COUNT(p.account) > 0 \
                     ELSE COUNT(p.account) < 2 OR COALESCE(SUM(p.amount), 0) <> 0 END \
         LIMIT ?",
    )
    .bind(MAX_LISTED)
    .fetch_all(connection)
    .await
}
