//! `POST /api/order/cart/acknowledgements`

use access::Customer;
use axum::extract::State;
use garde::Validate;
use idempotency::Operation;
use problem::{Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::cart_body::{CartBody, cart_changed};
use crate::cart::acknowledge::{AcknowledgeError, acknowledge_messages};
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, IdempotencyKeyInvalid, Unauthenticated, WrongRole, IdempotencyKeyInUse, CartChanged,
    BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused, GatewayTimeout, BadGateway);

/// The version of the cart that you have seen.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CartAcknowledgement)]
pub(crate) struct Request {
    /// The `version` of the cart whose messages you have seen.
    #[garde(length(min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    version: String,
}

impl From<AcknowledgeError> for Problem {
    fn from(error: AcknowledgeError) -> Self {
        match error {
            AcknowledgeError::Changed(messages) => cart_changed(messages),
            AcknowledgeError::View(error) => error.into(),
        }
    }
}
problem::respond!(AcknowledgeError);

/// Acknowledge the messages of your cart
///
/// The lines get the names and prices that you were shown at this version, and lines whose options were deleted leave the cart.
/// If the cart has another version by now, nothing changes.
#[utoipa::path(
    post,
    path = "/api/order/cart/acknowledgements",
    tag = "cart",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A new random key for each acknowledgement", min_length = 1, max_length = 255)),
    request_body = Request,
    responses((status = OK, description = "The cart, without these messages", body = CartBody), Refusals),
)]
pub(crate) async fn cart_acknowledge(
    State(app): State<AppState>,
    Customer(customer): Customer,
    operation: Option<Operation>,
    Json(request): Json<Request>,
) -> Result<Json<CartBody>, AcknowledgeError> {
    Ok(Json(acknowledge_messages(&app, customer.member_id, &request.version, operation).await?.into()))
}
