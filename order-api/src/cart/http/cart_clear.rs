//! `DELETE /api/order/cart`

use access::Customer;
use axum::extract::State;
use problem::{Json, Problem};

use super::cart_body::CartBody;
use crate::cart::CartsDown;
use crate::cart::change::clear_cart;
use crate::cart::view::CartView;
use crate::state::AppState;

problem::refusals!(Refusals: Unauthenticated, WrongRole);

impl From<CartsDown> for Problem {
    fn from(error: CartsDown) -> Self {
        Problem::unavailable(error)
    }
}
problem::respond!(CartsDown);

/// Empty your cart
#[utoipa::path(
    delete,
    path = "/api/order/cart",
    tag = "cart",
    security(("bearer" = [])),
    responses((status = OK, description = "The cart, which is empty", body = CartBody), Refusals),
)]
pub(crate) async fn cart_clear(
    State(app): State<AppState>,
    Customer(customer): Customer,
) -> Result<Json<CartBody>, CartsDown> {
    clear_cart(&app, customer.member_id).await?;
    Ok(Json(CartView::empty().into()))
}
