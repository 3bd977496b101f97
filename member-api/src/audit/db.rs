//! The proof of the ledger: what it sums to, and what in it does not add up.
//!
//! Meant to be run over one snapshot of the schema, so that a transfer between two statements is not taken for a fault.

use database::Connection;
use money::Won;
use sqlx::FromRow;
use uuid::Uuid;

use crate::wallet::Account;

/// So many accounts and transfers out of line are named; more of them are a disaster, and a list of them no help.
const MOST_NAMED: u32 = 1_000;

/// What the ledger sums to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct Figures {
    /// How many wallets there are.
    pub wallets: i64,
    /// How many transfers were made.
    pub transfers: i64,
    /// How many postings.
    pub postings: i64,
    /// All postings together: zero, or money was made or lost.
    pub sum_of_postings: Won,
    /// The postings of `cash`: below zero by what was brought in.
    pub cash: Won,
    /// The postings of `escrow`.
    pub escrow: Won,
    /// The postings of all wallets.
    pub wallet_postings: Won,
    /// The balances of all wallets: the same, or a balance was changed by another hand.
    pub wallet_balances: Won,
}

/// An account whose balance is not what its postings make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct AccountOutOfLine {
    /// The wallet's member.
    pub account: Uuid,
    /// What its wallet says; none where there are postings without a wallet.
    pub balance: Option<Won>,
    /// What its postings sum to.
    pub sum_of_postings: Won,
    /// How many postings its wallet says there are.
    pub version: Option<i64>,
    /// How many there are.
    pub postings: i64,
    /// How many of them state a balance that is not the sum of those up to them.
    pub broken_entries: i64,
}

/// A transfer whose postings are not equal and opposite, or a voided one that has postings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct TransferOutOfLine {
    /// The transfer.
    pub id: Uuid,
    /// How many postings it has.
    pub postings: i64,
    /// What they sum to.
    pub sum_of_postings: Won,
}

/// The sums and counts.
pub async fn figures(connection: &mut Connection) -> sqlx::Result<Figures> {
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

/// Every account out of line.
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
    .bind(MOST_NAMED)
    .fetch_all(connection)
    .await
}

/// Every transfer out of line.
pub async fn transfers_out_of_line(connection: &mut Connection) -> sqlx::Result<Vec<TransferOutOfLine>> {
    sqlx::query_as(
        "SELECT t.id, COUNT(p.account) AS postings, CAST(COALESCE(SUM(p.amount), 0) AS SIGNED) AS sum_of_postings \
         FROM transfers t LEFT JOIN postings p ON p.transfer_id = t.id \
         GROUP BY t.id, t.kind \
         HAVING CASE WHEN t.kind = 'VOID' THEN COUNT(p.account) > 0 \
                     ELSE COUNT(p.account) < 2 OR COALESCE(SUM(p.amount), 0) <> 0 END \
         LIMIT ?",
    )
    .bind(MOST_NAMED)
    .fetch_all(connection)
    .await
}
