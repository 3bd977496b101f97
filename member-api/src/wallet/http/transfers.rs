//! Money that order-api moves: `POST /internal/wallets/{memberId}/transfers`, `GET /internal/transfers/{id}`, and
//! `POST /internal/transfers/{id}/void`. No client gets here, so it is not in the OpenAPI document; the shapes are those of
//! crate `member-client`.

use access::MemberId;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use member_client::{TRANSFERS_PATH, TransferKind, TransferReceipt, TransferRequest, WALLETS_PATH};
use problem::{Code, Json, Path, Problem};
use uuid::Uuid;

use crate::members;
use crate::state::AppState;
use crate::wallet::db::transfers::{self, Recorded};
use crate::wallet::ledger::{self, TransferError};
use crate::wallet::{Kind, Transfer};

/// The route that moves money, for other services only. The wallet is in the path.
pub(crate) fn ordering() -> Router<AppState> {
    Router::new().route(&format!("{WALLETS_PATH}/{{member_id}}/transfers"), post(transfer_create))
}

/// The routes about what has been moved, for other services only.
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
            // The request's rules have seen to it.
            TransferError::AmountNotPositive => Self::internal(error),
            TransferError::Database(_) => database::problem(error),
        }
    }
}

/// Moves money, at most once for each id; answers a repetition as it answered before.
async fn transfer_create(
    State(state): State<AppState>,
    Path(member_id): Path<MemberId>,
    Json(request): Json<TransferRequest>,
) -> Result<Json<TransferReceipt>, Problem> {
    let order = Transfer {
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
    let recorded = ledger::execute(&state.database, &state.clock, order).await?;
    receipt(&state, recorded).await.map(Json).map_err(database::problem)
}

/// Says what became of a transfer.
async fn transfer_show(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
) -> Result<Json<TransferReceipt>, Problem> {
    let find = state.database.read("transfer_show", move |db| Box::pin(transfers::find(db, id)));
    let recorded = find.await.map_err(database::problem)?;
    let recorded = recorded.ok_or_else(|| Problem::new(Code::NotFound))?;
    receipt(&state, recorded).await.map(Json).map_err(database::problem)
}

/// Sees to it that a transfer is never made; answers it where it was made, and null where it was not.
async fn transfer_void(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
) -> Result<Json<Option<TransferReceipt>>, Problem> {
    let made = ledger::void(&state.database, &state.clock, id).await.map_err(database::problem)?;
    let Some(recorded) = made else { return Ok(Json(None)) };
    receipt(&state, recorded).await.map(|receipt| Json(Some(receipt))).map_err(database::problem)
}

async fn receipt(state: &AppState, recorded: Recorded) -> sqlx::Result<TransferReceipt> {
    let Recorded { transfer, balance_after, .. } = recorded;
    let member_id = transfer.member_id;
    let find = state.database.read("member_name", move |db| Box::pin(members::db::find_name(db, member_id)));
    let member_name = find.await?;
    Ok(TransferReceipt {
        id: transfer.id,
        amount: transfer.amount,
        member_id: transfer.member_id,
        // A wallet's row can't be without its member's.
        member_name: member_name.ok_or(sqlx::Error::RowNotFound)?,
        balance_after,
    })
}
