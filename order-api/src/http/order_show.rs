//! `GET /api/order/orders/{orderId}`

use access::Customer;
use axum::extract::State;
use problem::{Code, Json, Path, Problem};
use uuid::Uuid;

use super::order_body::OrderBody;
use crate::db::{line_changes, orders};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound);

/// Show one of your orders
///
/// With the history of each of its lines.
#[utoipa::path(
    get,
    path = "/api/order/orders/{orderId}",
    tag = "orders",
    security(("bearer" = [])),
    params(("orderId" = Uuid, Path, description = "The order")),
    responses((status = OK, description = "The order", body = OrderBody), Refusals),
)]
pub(super) async fn order_show(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(order_id): Path<Uuid>,
) -> Result<Json<OrderBody>, Problem> {
    let mut connection = app.database.acquire().await.map_err(database::problem)?;
    let order =
        orders::find_of(&mut connection, customer.member_id, order_id).await.map_err(database::problem)?;
    let order = order.ok_or_else(|| Problem::new(Code::NotFound))?;
    let line_ids: Vec<Uuid> = order.lines.iter().map(|line| line.id).collect();
    let changes = line_changes::of_lines(&mut connection, &line_ids).await.map_err(database::problem)?;
    connection.give_back();
    Ok(Json(OrderBody::with_history(order, changes)))
}
