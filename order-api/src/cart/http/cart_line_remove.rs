//! `DELETE /api/order/cart/lines/{optionId}`

use access::Customer;
use axum::extract::State;
use problem::{Json, Path};
use uuid::Uuid;

use super::cart_body::CartBody;
use crate::cart::change::remove_line;
use crate::cart::view::ViewError;
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, GatewayTimeout, BadGateway);

/// Remove an option from your cart
///
/// If the option is not in the cart, nothing changes.
#[utoipa::path(
    delete,
    path = "/api/order/cart/lines/{optionId}",
    tag = "cart",
    security(("bearer" = [])),
    params(("optionId" = Uuid, Path, description = "The option")),
    responses((status = OK, description = "The cart", body = CartBody), Refusals),
)]
pub(crate) async fn cart_line_remove(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(option_id): Path<Uuid>,
) -> Result<Json<CartBody>, ViewError> {
    Ok(Json(remove_line(&app, customer.member_id, option_id).await?.into()))
}
