//! Transfers for order-api: `POST /internal/wallets/{memberId}/transfers`, `GET /internal/transfers/{id}`, and
//! `POST /internal/transfers/{id}/void`. Clients can't call them, so they are not in the OpenAPI document. Crate
//! `member-client` has the types of the requests and answers.

use access::MemberId;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use member_client::{TRANSFERS_PATH, TransferKind, TransferReceipt, TransferRequest, WALLETS_PATH};
use problem::{Code, Json, Path, Problem};
use uuid::Uuid;

use crate::members;
use crate::state::AppState;
use crate::wallet::db::transfers::{self, RecordedTransfer};
use crate::wallet::ledger::{self, TransferError};
use crate::wallet::{Kind, Transfer};

/// The route that moves money, for other services only. The path names the wallet.
pub(crate) fn create_router() -> Router<AppState> {
    Router::new().route(&format!("{WALLETS_PATH}/{{member_id}}/transfers"), post(transfer_create))
}

/// The routes that show or void a transfer, for other services only.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route(&format!("{TRANSFERS_PATH}/{{id}}"), get(transfer_show))
        .route(&format!("{TRANSFERS_PATH}/{{id}}/void"), post(transfer_void))
}

impl From<TransferError> for Problem {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::InsufficientBalance => Self::new(Code::InsufficientBalance),
            TransferError::BalanceLimit => Self::new(Code::BalanceLimit),
            TransferError::NoWallet => Self::new(Code::NotFound).detail("there is no such open wallet"),
            TransferError::Mismatch(_) => Self::new(Code::TransferMismatch),
            // The validation of the request has refused such an amount.
            TransferError::AmountNotPositive => Self::internal(error),
            TransferError::Database(_) => Self::database(error),
        }
    }
}

/// Moves money, at most once for each id. A repeated request gets the same answer.
async fn transfer_create(
    State(state): State<AppState>,
    Path(member_id): Path<MemberId>,
    Json(request): Json<TransferRequest>,
) -> Result<Json<TransferReceipt>, Problem> {
    let transfer = Transfer {
        id: request.id,
        kind: match request.kind {
            TransferKind::OrderPayment => Kind::OrderPayment,
            TransferKind::Refund => Kind::Refund,
            TransferKind::Payout => Kind::Payout,
        },
        member_id,
        amount: request.amount,
        reference: Some(request.reference),
    };
    let recorded = ledger::execute(&state.database, &state.clock, transfer).await?;
    Ok(Json(receipt(&state, recorded).await?))
}

/// Shows a transfer.
async fn transfer_show(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
) -> Result<Json<TransferReceipt>, Problem> {
    let find =
        state.database.read("transfer_show", move |connection| Box::pin(transfers::find(connection, id)));
    let recorded = find.await?;
    let recorded = recorded.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Json(receipt(&state, recorded).await?))
}

/// Voids a transfer, so that it can't be made later. If it was made already, it stays and is the answer; otherwise the
/// answer is null.
async fn transfer_void(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Option<TransferReceipt>>, Problem> {
    let recorded = ledger::void(&state.database, &state.clock, id).await?;
    let Some(recorded) = recorded else { return Ok(Json(None)) };
    Ok(Json(Some(receipt(&state, recorded).await?)))
}

async fn receipt(state: &AppState, recorded: RecordedTransfer) -> sqlx::Result<TransferReceipt> {
    let RecordedTransfer { transfer, balance_after, .. } = recorded;
    let member_id = transfer.member_id;
    let find = state
        .database
        .read("member_name", move |connection| Box::pin(members::db::find_name(connection, member_id)));
    let member_name = find.await?;
    Ok(TransferReceipt {
        id: transfer.id,
        amount: transfer.amount,
        member_id: transfer.member_id,
        // Every wallet has a member.
        member_name: member_name.ok_or(sqlx::Error::RowNotFound)?,
        balance_after,
    })
}
