//! Proving the ledger, on demand and from time to time.

use std::time::Duration;

use clock::Clock;
use database::Database;
use money::Won;
use time::OffsetDateTime;

use crate::audit::db::{self, AccountOutOfLine, Figures, TransferOutOfLine};

/// What a proof found, all of it at the same moment.
#[derive(Clone, Debug)]
pub struct Report {
    /// When it began.
    pub checked_at: OffsetDateTime,
    /// The sums and counts.
    pub figures: Figures,
    /// Every account out of line.
    pub accounts: Vec<AccountOutOfLine>,
    /// Every transfer out of line.
    pub transfers: Vec<TransferOutOfLine>,
}

impl Report {
    /// Whether every sum is what it must be and nothing is out of line.
    pub fn is_balanced(&self) -> bool {
        self.figures.sum_of_postings == Won::ZERO
            && self.figures.wallet_postings == self.figures.wallet_balances
            && self.accounts.is_empty()
            && self.transfers.is_empty()
    }
}

/// Proves the whole ledger in one consistent read, and publishes the figures as metrics.
pub async fn prove(database: &Database, clock: &Clock) -> sqlx::Result<Report> {
    let checked_at = clock.now();
    let report = database
        .run_snapshot(move |snapshot| {
            Box::pin(async move {
                Ok::<_, sqlx::Error>(Report {
                    checked_at,
                    figures: db::figures(snapshot).await?,
                    accounts: db::accounts_out_of_line(snapshot).await?,
                    transfers: db::transfers_out_of_line(snapshot).await?,
                })
            })
        })
        .await?;
    publish(&report);
    Ok(report)
}

/// Proves the ledger again and again; a worker of the service.
pub async fn keep_proving(database: Database, clock: Clock, interval: Duration) {
    loop {
        if let Err(error) = prove(&database, &clock).await {
            tracing::warn!(%error, "can't prove the ledger");
        }
        tokio::time::sleep(interval).await;
    }
}

fn publish(report: &Report) {
    let Figures {
        wallets,
        transfers,
        postings,
        sum_of_postings,
        cash,
        escrow,
        wallet_postings,
        wallet_balances,
    } = report.figures;
    for (account, sum) in
        [("all", sum_of_postings), ("cash", cash), ("escrow", escrow), ("wallets", wallet_postings)]
    {
        gauge("ledger_postings_won", account, sum.get());
    }
    gauge("ledger_balances_won", "wallets", wallet_balances.get());
    for (table, rows) in [("wallets", wallets), ("transfers", transfers), ("postings", postings)] {
        metrics::gauge!("ledger_rows", "table" => table).set(to_float(rows));
    }
    let (accounts, transfers) = (report.accounts.len(), report.transfers.len());
    for (what, count) in [("account", accounts), ("transfer", transfers)] {
        metrics::gauge!("ledger_out_of_line", "what" => what).set(u32::try_from(count).unwrap_or(u32::MAX));
    }
    if !report.is_balanced() {
        tracing::error!(?report.figures, accounts, transfers, "the ledger is out of line");
    }
}

fn gauge(name: &'static str, account: &'static str, won: i64) {
    metrics::gauge!(name, "account" => account).set(to_float(won));
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a float, and exact up to nine quadrillion")]
fn to_float(figure: i64) -> f64 {
    figure as f64
}
