//! `GET /api/order/orders/{orderId}`

use access::Customer;
use axum::extract::State;
use problem::{Code, Json, Path, Problem};
use uuid::Uuid;

use super::order_body::OrderBody;
use crate::orders::db::{line_changes, orders};
use crate::state::AppState;

problem::refusals!(Refusals: InvalidParameter, Unauthenticated, WrongRole, NotFound);

/// Show one of your orders
///
/// The order, with the history of each line.
#[utoipa::path(
    get,
    path = "/api/order/orders/{orderId}",
    tag = "orders",
    security(("bearer" = [])),
    params(("orderId" = Uuid, Path, description = "The order")),
    responses((status = OK, description = "The order", body = OrderBody), Refusals),
)]
pub(crate) async fn order_show(
    State(app): State<AppState>,
    Customer(customer): Customer,
    Path(order_id): Path<Uuid>,
) -> Result<Json<OrderBody>, Problem> {
    let customer_id = customer.member_id;
    let show = app.database.read("order_show", move |connection| {
        Box::pin(async move {
            let Some(order) = orders::find_of(connection, customer_id, order_id).await? else {
                return Ok(None);
            };
            let line_ids: Vec<Uuid> = order.lines.iter().map(|line| line.id).collect();
            let changes = line_changes::of_lines(connection, &line_ids).await?;
            Ok::<_, sqlx::Error>(Some((order, changes)))
        })
    });
    let found = show.await?;
    let (order, changes) = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Json(OrderBody::with_history(order, changes)))
}
