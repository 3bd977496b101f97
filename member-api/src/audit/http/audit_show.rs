//! `GET /api/member/audit`: audits the ledger.

use access::Admin;
use axum::extract::State;
use money::Won;
use problem::{Json, Problem};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::audit::db::{AccountOutOfLine, TransferOutOfLine};
use crate::audit::ledger_audit::{AuditReport, audit_ledger};
use crate::security_events::watched::Watched;
use crate::state::AppState;

/// The sums of the ledger at one moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Audit)]
pub(crate) struct Body {
    /// Whether all sums agree and nothing is out of line.
    balanced: bool,
    #[serde(with = "time::serde::rfc3339")]
    checked_at: OffsetDateTime,
    sums: Sums,
    counts: Counts,
    /// Wallets whose balance or version does not agree with their postings.
    accounts_out_of_line: Vec<AccountBody>,
    /// Transfers whose postings do not sum to zero.
    transfers_out_of_line: Vec<TransferBody>,
}

/// Sums in won.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditSums)]
struct Sums {
    /// All postings. Always zero.
    postings: Won,
    /// The postings of `cash`: minus what was charged.
    cash: Won,
    /// The postings of `escrow`: money that is paid and not yet settled.
    escrow: Won,
    /// The postings of all wallets.
    wallet_postings: Won,
    /// The balances of all wallets. Always equal to `walletPostings`.
    wallet_balances: Won,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditCounts)]
struct Counts {
    wallets: i64,
    transfers: i64,
    postings: i64,
}

/// A wallet out of line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccountOutOfLine)]
struct AccountBody {
    account: Uuid,
    /// The balance of the wallet; null if there are postings without a wallet.
    #[schema(required = true)]
    balance: Option<Won>,
    sum_of_postings: Won,
    /// The version of the wallet, which counts its postings; null if there is no wallet.
    #[schema(required = true)]
    version: Option<i64>,
    postings: i64,
    /// The number of postings whose balance is not the sum of the postings up to them.
    broken_entries: i64,
}

/// A transfer out of line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TransferOutOfLine)]
struct TransferBody {
    id: Uuid,
    postings: i64,
    sum_of_postings: Won,
}

impl From<AuditReport> for Body {
    fn from(report: AuditReport) -> Self {
        let totals = report.totals;
        Self {
            balanced: report.is_balanced(),
            checked_at: report.checked_at,
            sums: Sums {
                postings: totals.sum_of_postings,
                cash: totals.cash,
                escrow: totals.escrow,
                wallet_postings: totals.wallet_postings,
                wallet_balances: totals.wallet_balances,
            },
            counts: Counts {
                wallets: totals.wallets,
                transfers: totals.transfers,
                postings: totals.postings,
            },
            accounts_out_of_line: report.accounts.into_iter().map(AccountBody::from).collect(),
            transfers_out_of_line: report.transfers.into_iter().map(TransferBody::from).collect(),
        }
    }
}

impl From<AccountOutOfLine> for AccountBody {
    fn from(account: AccountOutOfLine) -> Self {
        let AccountOutOfLine { account, balance, sum_of_postings, version, postings, broken_entries } =
            account;
        Self { account, balance, sum_of_postings, version, postings, broken_entries }
    }
}

impl From<TransferOutOfLine> for TransferBody {
    fn from(transfer: TransferOutOfLine) -> Self {
        let TransferOutOfLine { id, postings, sum_of_postings } = transfer;
        Self { id, postings, sum_of_postings }
    }
}

problem::refusals!(Refusals: Unauthenticated, WrongRole);

/// Audit the ledger
///
/// Adds up all postings in one snapshot, and lists up to 1,000 accounts and up to 1,000 transfers that are out of line.
#[utoipa::path(
    get,
    path = "/api/member/audit",
    tag = "operations",
    security(("bearer" = [])),
    responses((status = OK, description = "The result of the audit", body = Body), Refusals)
)]
pub(crate) async fn audit_show(
    State(state): State<AppState>,
    _: Watched<Admin>,
) -> Result<Json<Body>, Problem> {
    let report = audit_ledger(&state.database, &state.clock).await?;
    Ok(Json(report.into()))
}
