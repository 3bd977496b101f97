//! `POST /api/member/me/wallet/charges`: charges the caller's wallet.

use access::Customer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use garde::Validate;
use idempotency::{Claim, KeptAnswer};
use money::Won;
use problem::{Code, Created, Json, Problem};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::members::http::account_closed;
use crate::security_events::watched::Watched;
use crate::state::AppState;
use crate::wallet::ChargeAmount;
use crate::wallet::charge::{Charge, ChargeError};
use crate::wallet::db::transfers::RecordedTransfer;
use crate::wallet::ledger::TransferError;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewCharge)]
pub(crate) struct Request {
    #[garde(dive)]
    amount: ChargeAmount,
}

/// A recorded charge.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Charge)]
pub(crate) struct Body {
    /// The id of the transfer, as in the statement.
    id: Uuid,
    amount: Won,
    /// The balance of the wallet after the charge.
    balance: Won,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, IdempotencyKeyMissing, IdempotencyKeyInvalid, Unauthenticated, WrongRole,
    IdempotencyKeyInUse, BalanceLimit, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused, RateLimited
);

/// Charge your wallet
///
/// The amount is 1,000 to 10,000,000 won. The same request with the same key charges once, however often it is sent.
#[utoipa::path(
    post,
    path = "/api/member/me/wallet/charges",
    tag = "wallet",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "A new random key for each charge", min_length = 1, max_length = 255)),
    request_body = Request,
    responses((status = CREATED, description = "The charge", body = Body), Refusals)
)]
pub(crate) async fn charge_create(
    State(state): State<AppState>,
    Watched(Customer(principal)): Watched<Customer>,
    claim: Claim,
    Json(request): Json<Request>,
) -> Result<KeptAnswer, Problem> {
    let charge = Charge { claim, member_id: principal.member_id, amount: request.amount, answer };
    state.charge_batcher.charge(charge).await.map_err(|error| match error {
        ChargeError::Transfer(TransferError::BalanceLimit) => Problem::new(Code::BalanceLimit),
        ChargeError::Transfer(TransferError::NoWallet) => account_closed(principal),
        ChargeError::Transfer(TransferError::Database(_))
        | ChargeError::Database(_)
        | ChargeError::Shared(_) => Problem::database(error),
        // These can't happen: a charge adds money, its amount is above zero, its id is new, and a failed batch is repeated
        // one by one.
        ChargeError::Transfer(
            TransferError::InsufficientBalance
            | TransferError::AmountNotPositive
            | TransferError::Mismatch(_),
        )
        | ChargeError::BatchRefused => Problem::internal(error),
        ChargeError::Keep(error) => error.into(),
    })
}

fn answer(recorded: &RecordedTransfer) -> Response {
    let created = Created {
        location: "/api/member/me/wallet/entries".to_owned(),
        body: Body {
            id: recorded.transfer.id,
            amount: recorded.transfer.amount,
            balance: recorded.balance_after,
            created_at: recorded.created_at,
        },
    };
    created.into_response()
}
