//! `POST /api/order/payouts`

use access::Seller;
use axum::extract::State;
use garde::Validate;
use http::StatusCode;
use idempotency::Operation;
use problem::range::not_before;
use problem::{Code, Created, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::payout_body::PayoutBody;
use crate::payouts::pay_out::{PayOutError, pay_out};
use crate::settlement::day::BusinessDay;
use crate::settlement::seller_settlement::DayRange;
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, IdempotencyKeyMissing, IdempotencyKeyInvalid, Unauthenticated, WrongRole,
    IdempotencyKeyInUse, NothingToPay, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused);

/// Which days to pay.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPayout)]
pub(crate) struct Request {
    /// The first business day, in Asia/Seoul.
    #[garde(skip)]
    from: BusinessDay,
    /// The last business day, in Asia/Seoul; not before `from`.
    #[garde(custom(not_before("from", Some(&self.from))))]
    to: BusinessDay,
}

impl From<PayOutError> for Problem {
    fn from(error: PayOutError) -> Self {
        match error {
            PayOutError::NothingToPay => Problem::new(Code::NothingToPay),
            PayOutError::TakenOver(taken_over) => taken_over.into(),
            PayOutError::Database(_) => Problem::database(error),
        }
    }
}
problem::respond!(PayOutError);

/// Ask for a payout
///
/// Pays every PENDING settlement of these days into your wallet. Each settlement is paid once, however often you ask. A
/// PENDING settlement of any other day whose net is below zero is included. If the sum is zero or less, nothing is paid,
/// and the settlements stay PENDING.
///
/// The answer is 202 if the money cannot be moved within a few seconds, because a service is down. It will be in your
/// wallet without a further request.
#[utoipa::path(
    post,
    path = "/api/order/payouts",
    tag = "settlements",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "A new random key for each payout", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = CREATED, description = "The payout, in your wallet", body = PayoutBody,
            headers(("Location" = String, description = "The path of your payouts"))),
        (status = ACCEPTED, description = "The payout, not yet paid", body = PayoutBody,
            headers(("Location" = String, description = "The path of your payouts"))),
        Refusals,
    ),
)]
pub(crate) async fn payout_create(
    State(app): State<AppState>,
    Seller(seller): Seller,
    operation: Operation,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Created<PayoutBody>), PayOutError> {
    let range = DayRange { from: request.from, to: request.to };
    let payout = pay_out(&app, seller.member_id, operation, range).await?;
    let status = if payout.paid_at.is_some() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let location = "/api/order/payouts".to_owned();
    Ok((status, Created { location, body: payout.into() }))
}
