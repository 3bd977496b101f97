//! `POST /api/order/orders`

use access::Customer;
use axum::extract::State;
use garde::Validate;
use http::StatusCode;
use idempotency::Operation;
use problem::{Code, Created, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cart::http::cart_body::cart_changed;
use crate::checkout::choose_lines::Choice;
use crate::checkout::place_order::{CheckoutError, place_order};
use crate::orders::http::order_body::OrderBody;
use crate::orders::order::{Failure, OrderStatus};
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, IdempotencyKeyMissing, IdempotencyKeyInvalid, Unauthenticated, WrongRole,
    IdempotencyKeyInUse, CartEmpty, CartChanged, OutOfStock, InsufficientBalance, ReservationExpired, AccountClosed,
    BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused, GatewayTimeout, BadGateway);

/// Which lines of the cart to order.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewOrder)]
pub(crate) struct Request {
    /// The options to order; all options in the cart if it is missing. The other lines stay in the cart.
    #[garde(inner(length(min = 1, max = 100)))]
    #[schema(min_items = 1, max_items = 100)]
    option_ids: Option<Vec<Uuid>>,
    /// The `version` of the cart that you have seen. The order is what you saw at that version, and its messages are
    /// acknowledged by the order. If the cart has another version by now, nothing is ordered.
    #[garde(inner(length(min = 1, max = 100)))]
    #[schema(min_length = 1, max_length = 100)]
    cart_version: Option<String>,
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        match error {
            CheckoutError::NothingChosen => Problem::new(Code::CartEmpty),
            CheckoutError::Changed(messages) => cart_changed(messages),
            CheckoutError::Failed { order_id, failure, shortages } => {
                let problem = Problem::new(code(failure)).extra("orderId", &order_id);
                if shortages.is_empty() { problem } else { problem.extra("shortages", &shortages) }
            }
            CheckoutError::TakenOver(taken_over) => taken_over.into(),
            CheckoutError::AccountClosed => Problem::new(Code::AccountClosed),
            CheckoutError::TooExpensive => Problem::internal(error),
            CheckoutError::Carts(down) => down.into(),
            CheckoutError::Store(error) => error.into(),
            CheckoutError::Database(_) => Problem::database(error),
        }
    }
}
problem::respond!(CheckoutError);

const fn code(failure: Failure) -> Code {
    match failure {
        Failure::OutOfStock => Code::OutOfStock,
        Failure::InsufficientBalance => Code::InsufficientBalance,
        Failure::ReservationExpired => Code::ReservationExpired,
    }
}

/// Place an order
///
/// Orders the chosen lines of your cart, or all of them: the stock is reserved, the money is taken into escrow, and the
/// ordered lines leave the cart. If a step fails, nothing is taken. The same request with the same key places one order,
/// however often it is sent.
///
/// You order what you have seen: with `cartVersion` what the cart showed at that version, without it lines that have not
/// changed since you last acknowledged their changes. A chosen option that is not in the cart, or whose line is in another
/// order already, is refused. In all these cases the answer is `CART_CHANGED`, nothing is taken, and `messages` says why.
///
/// The answer is 202 if the order is not finished within a few seconds, because a service is down. It will be finished
/// without a further request; `Location` shows its status.
#[utoipa::path(
    post,
    path = "/api/order/orders",
    tag = "orders",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "A new random key for each order", min_length = 1, max_length = 255)),
    request_body = Request,
    responses(
        (status = CREATED, description = "The order, paid", body = OrderBody,
            headers(("Location" = String, description = "The order's path"))),
        (status = ACCEPTED, description = "The order, still PENDING", body = OrderBody,
            headers(("Location" = String, description = "The order's path"))),
        Refusals,
    ),
)]
pub(crate) async fn order_create(
    State(app): State<AppState>,
    Customer(customer): Customer,
    operation: Operation,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Created<OrderBody>), CheckoutError> {
    let choice =
        Choice { option_ids: request.option_ids.as_deref(), cart_version: request.cart_version.as_deref() };
    let order = place_order(&app, customer.member_id, operation, choice).await?;
    let status =
        if order.status == OrderStatus::Confirmed { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let location = format!("/api/order/orders/{}", order.id);
    Ok((status, Created { location, body: order.into() }))
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn a_failed_order_is_answered_with_the_code_that_it_shows() {
        assert!(Failure::VARIANTS.iter().all(|failure| code(*failure).as_str() == failure.as_str()));
    }
}
