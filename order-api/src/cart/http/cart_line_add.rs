//! `POST /api/order/cart/lines`

use access::Customer;
use axum::extract::State;
use garde::Validate;
use problem::{Code, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cart_body::CartBody;
use crate::cart::PutError;
use crate::cart::change::{ChangeError, Put, put_line};
use crate::quantity::Quantity;
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, Unauthenticated, WrongRole, OptionNotFound, CartFull,
    BodyTooLarge, UnsupportedMediaType, GatewayTimeout, BadGateway);

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
/// A cart has at most 100 lines, and a line 1 to 999 pieces. The stock is reserved at checkout, not here.
#[utoipa::path(
    post,
    path = "/api/order/cart/lines",
    tag = "cart",
    security(("bearer" = [])),
    request_body = Request,
    responses((status = OK, description = "The cart", body = CartBody), Refusals),
)]
pub(crate) async fn cart_line_add(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Json(request): Json<Request>,
) -> Result<Json<CartBody>, ChangeError> {
    Ok(Json(put_line(&app, customer.member_id, request.option_id, request.quantity, Put::Add).await?.into()))
}
