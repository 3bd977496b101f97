//! `PUT /api/order/cart/lines/{optionId}`

use access::Customer;
use axum::extract::State;
use garde::Validate;
use problem::{Json, Path};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cart_body::CartBody;
use crate::cart::change::{ChangeError, set_line};
use crate::quantity::Quantity;
use crate::state::AppState;

problem::refusals!(Refusals:
    MalformedJson, ValidationFailed, InvalidParameter, Unauthenticated, WrongRole, OptionNotFound, CartFull,
    BodyTooLarge, UnsupportedMediaType, GatewayTimeout, BadGateway);

/// A number of pieces.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CartLineQuantity)]
pub(crate) struct Request {
    /// How many pieces, 1 to 999. They replace those in the cart.
    #[garde(skip)]
    quantity: Quantity,
}

/// Set the quantity of an option in your cart
///
/// An option that is not in the cart is added.
#[utoipa::path(
    put,
    path = "/api/order/cart/lines/{optionId}",
    tag = "cart",
    security(("bearer" = [])),
    params(("optionId" = Uuid, Path, description = "The option")),
    request_body = Request,
    responses((status = OK, description = "The cart", body = CartBody), Refusals),
)]
pub(crate) async fn cart_line_set(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(option_id): Path<Uuid>,
    Json(request): Json<Request>,
) -> Result<Json<CartBody>, ChangeError> {
    Ok(Json(set_line(&app, customer.member_id, option_id, request.quantity).await?.into()))
}
