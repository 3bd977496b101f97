//! The audit of the ledger, on request and periodically.

use clock::Clock;
use database::Database;
use money::Won;
use service_host::Live;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::audit::db::{self, AccountOutOfLine, Totals, TransferOutOfLine};
use crate::settings::Audit;

/// The result of an audit, read in one snapshot.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// When the audit started.
    pub checked_at: OffsetDateTime,
    /// The sums and row counts.
    pub totals: Totals,
    /// The accounts out of line.
    pub accounts: Vec<AccountOutOfLine>,
    /// The transfers out of line.
    pub transfers: Vec<TransferOutOfLine>,
}

impl AuditReport {
    /// Returns whether all sums agree and nothing is out of line.
    pub fn is_balanced(&self) -> bool {
        self.totals.sum_of_postings == Won::ZERO
            && self.totals.wallet_postings == self.totals.wallet_balances
            && self.accounts.is_empty()
            && self.transfers.is_empty()
    }
}

/// Audits the whole ledger in one snapshot, and publishes the totals as metrics.
pub async fn audit_ledger(database: &Database, clock: &Clock) -> sqlx::Result<AuditReport> {
    let checked_at = clock.now();
    let report = database
        .run_snapshot(move |snapshot| {
            Box::pin(async move {
                Ok::<_, sqlx::Error>(AuditReport {
                    checked_at,
                    totals: db::totals(snapshot).await?,
                    accounts: db::accounts_out_of_line(snapshot).await?,
                    transfers: db::transfers_out_of_line(snapshot).await?,
                })
            })
        })
        .await?;
    publish(&report);
    Ok(report)
}

/// Audits the ledger again and again. This is a background task of the service.
pub async fn audit_periodically(database: Database, clock: Clock, settings: Live<Audit>) {
    let mut changes = settings.subscribe();
    loop {
        let began = Instant::now();
        if let Err(error) = audit_ledger(&database, &clock).await {
            tracing::warn!(%error, "can't audit the ledger");
        }
        loop {
            let interval = changes.borrow_and_update().interval();
            tokio::select! {
                () = tokio::time::sleep_until(began + interval) => break,
                // The settings are kept by this function, so there is always something to wait for.
                _ = changes.changed() => {}
            }
        }
    }
}

fn publish(report: &AuditReport) {
    let Totals {
        wallets,
        transfers,
        postings,
        sum_of_postings,
        cash,
        escrow,
        wallet_postings,
        wallet_balances,
    } = report.totals;
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
        tracing::error!(?report.totals, accounts, transfers, "the ledger is out of line");
    }
}

fn gauge(name: &'static str, account: &'static str, won: i64) {
    metrics::gauge!(name, "account" => account).set(to_float(won));
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a float, and exact up to nine quadrillion")]
fn to_float(value: i64) -> f64 {
    value as f64
}
