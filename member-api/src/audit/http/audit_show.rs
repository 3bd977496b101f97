//! `GET /api/member/audit`: the proof that money is conserved.

use access::Admin;
use axum::extract::State;
use money::Won;
use problem::{Json, Problem};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::audit::db::{AccountOutOfLine, TransferOutOfLine};
use crate::audit::ledger_audit::{Report, prove};
use crate::state::AppState;

/// What the ledger sums to at one moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Audit)]
pub(crate) struct Body {
    /// Whether all of it adds up.
    balanced: bool,
    #[serde(with = "time::serde::rfc3339")]
    checked_at: OffsetDateTime,
    sums: Sums,
    counts: Counts,
    /// Wallets whose balance is not what their postings make it.
    accounts_out_of_line: Vec<AccountFault>,
    /// Transfers whose postings are not equal and opposite.
    transfers_out_of_line: Vec<TransferFault>,
}

/// Sums in won.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditSums)]
struct Sums {
    /// All postings together: zero.
    postings: Won,
    /// The postings of `cash`: below zero by what was brought in.
    cash: Won,
    /// The postings of `escrow`: paid, and not yet with a seller.
    escrow: Won,
    /// The postings of all wallets.
    wallet_postings: Won,
    /// The balances of all wallets: the same.
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
struct AccountFault {
    account: Uuid,
    /// What the wallet says; null where there are postings and no wallet.
    #[schema(required = true)]
    balance: Option<Won>,
    sum_of_postings: Won,
    /// How many postings the wallet says there are.
    #[schema(required = true)]
    version: Option<i64>,
    postings: i64,
    /// How many postings state a balance that is not the sum of those up to them.
    broken_entries: i64,
}

/// A transfer out of line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TransferOutOfLine)]
struct TransferFault {
    id: Uuid,
    postings: i64,
    sum_of_postings: Won,
}

impl From<Report> for Body {
    fn from(report: Report) -> Self {
        let figures = report.figures;
        Self {
            balanced: report.is_balanced(),
            checked_at: report.checked_at,
            sums: Sums {
                postings: figures.sum_of_postings,
                cash: figures.cash,
                escrow: figures.escrow,
                wallet_postings: figures.wallet_postings,
                wallet_balances: figures.wallet_balances,
            },
            counts: Counts {
                wallets: figures.wallets,
                transfers: figures.transfers,
                postings: figures.postings,
            },
            accounts_out_of_line: report.accounts.into_iter().map(AccountFault::from).collect(),
            transfers_out_of_line: report.transfers.into_iter().map(TransferFault::from).collect(),
        }
    }
}

impl From<AccountOutOfLine> for AccountFault {
    fn from(account: AccountOutOfLine) -> Self {
        let AccountOutOfLine { account, balance, sum_of_postings, version, postings, broken_entries } =
            account;
        Self { account, balance, sum_of_postings, version, postings, broken_entries }
    }
}

impl From<TransferOutOfLine> for TransferFault {
    fn from(transfer: TransferOutOfLine) -> Self {
        let TransferOutOfLine { id, postings, sum_of_postings } = transfer;
        Self { id, postings, sum_of_postings }
    }
}

problem::refusals!(Refusals: Unauthenticated, WrongRole);

/// Prove the ledger
///
/// Adds up every posting in one consistent read, and names each account and transfer that is out of line, up to 1,000
/// of either.
#[utoipa::path(
    get,
    path = "/api/member/audit",
    tag = "operations",
    security(("bearer" = [])),
    responses((status = OK, description = "The proof", body = Body), Refusals)
)]
pub(crate) async fn audit_show(State(state): State<AppState>, _: Admin) -> Result<Json<Body>, Problem> {
    let report = prove(&state.database, &state.clock).await.map_err(database::problem)?;
    Ok(Json(report.into()))
}
