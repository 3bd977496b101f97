//! `POST /api/order/cart/lines`

use access::Customer;
use axum::extract::State;
use garde::Validate;
use idempotency::Operation;
use problem::{Code, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cart_body::CartBody;
use crate::cart::PutError;
use crate::cart::change::{ChangeError, add_to_line};
use crate::quantity::Quantity;
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, IdempotencyKeyInvalid, Unauthenticated, WrongRole, OptionNotFound,
    IdempotencyKeyInUse, CartFull, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused, GatewayTimeout, BadGateway);

/// Pieces of an option.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CartLineAddition)]
pub(crate) struct Request {
    /// The option. Its name, price and seller come from its store.
    #[garde(skip)]
    option_id: Uuid,
    /// How many pieces, 1 to 999. They are added to those in the cart.
    #[garde(skip)]
    quantity: Quantity,
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NoOption => Problem::new(Code::OptionNotFound),
            ChangeError::Put(PutError::TooManyLines | PutError::TooManyPieces) => {
                Problem::new(Code::CartFull).detail(error.to_string())
            }
            ChangeError::Put(PutError::Down(down)) => down.into(),
            ChangeError::Store(error) => error.into(),
            ChangeError::View(error) => error.into(),
        }
    }
}
problem::respond!(ChangeError);

/// Add to your cart
///
/// A cart has at most 100 lines, and a line 1 to 999 pieces. The stock is reserved at checkout, not here. With an
/// `Idempotency-Key` the pieces are added once, however often the request is sent.
#[utoipa::path(
    post,
    path = "/api/order/cart/lines",
    tag = "cart",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A new random key for each addition", min_length = 1, max_length = 255)),
    request_body = Request,
    responses((status = OK, description = "The cart", body = CartBody), Refusals),
)]
pub(crate) async fn cart_line_add(
    State(app): State<AppState>,
    Customer(customer): Customer,
    operation: Option<Operation>,
    Json(request): Json<Request>,
) -> Result<Json<CartBody>, ChangeError> {
    let Request { option_id, quantity } = request;
    Ok(Json(add_to_line(&app, customer.member_id, option_id, quantity, operation).await?.into()))
}
