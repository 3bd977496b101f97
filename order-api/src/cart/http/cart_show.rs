//! `GET /api/order/cart`

use access::Customer;
use axum::extract::State;
use problem::{Json, Problem};

use super::cart_body::CartBody;
use crate::cart::view::{ViewError, view_cart};
use crate::state::AppState;

problem::refusals!(Refusals: Unauthenticated, WrongRole, GatewayTimeout, BadGateway);

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Carts(down) => down.into(),
            ViewError::Store(error) => error.into(),
            ViewError::TooExpensive => Problem::internal(error),
        }
    }
}
problem::respond!(ViewError);

/// Show your cart
///
/// Every line is compared with its option as the store sells it now. `messages` shows what has changed since you last
/// acknowledged it. Reading changes nothing: a message is shown until you acknowledge the `version` that shows it, or place an
/// order with it as `cartVersion`.
#[utoipa::path(
    get,
    path = "/api/order/cart",
    tag = "cart",
    security(("bearer" = [])),
    responses((status = OK, description = "The cart", body = CartBody), Refusals),
)]
pub(crate) async fn cart_show(
    State(app): State<AppState>,
    Customer(customer): Customer,
) -> Result<Json<CartBody>, ViewError> {
    Ok(Json(view_cart(&app, customer.member_id).await?.into()))
}
