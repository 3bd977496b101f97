//! The routes: a file for each operation or pair of them, with its request, answer, errors and handler.
//!
//! | path | file |
//! |---|---|
//! | `GET /api/order/cart` | [`cart_show`] |
//! | `DELETE /api/order/cart` | [`cart_clear`] |
//! | `POST /api/order/cart/lines` | [`cart_line_add`] |
//! | `PUT /api/order/cart/lines/{optionId}` | [`cart_line_set`] |
//! | `DELETE /api/order/cart/lines/{optionId}` | [`cart_line_remove`] |
//! | `POST /api/order/orders` | [`order_create`] |
//! | `GET /api/order/orders` | [`order_list`] |
//! | `GET /api/order/orders/{orderId}` | [`order_show`] |
//! | `POST /api/order/lines/{lineId}/cancel` | [`line_cancel`] |
//! | `POST`, `DELETE /api/order/lines/{lineId}/refund-request` | [`refund_request`] |
//! | `GET /api/order/sales` | [`sale_list`] |
//! | `POST /api/order/sales/{lineId}/refund/accept`, `…/reject` | [`refund_answer`] |
//! | `GET /api/order/settlements` | [`settlement_list`] |
//! | `POST /api/order/payouts` | [`payout_create`] |
//! | `GET /api/order/payouts` | [`payout_list`] |
//! | `POST /api/order/settlement-runs` | [`settlement_run_create`] |
//! | `GET /api/order/settlement-runs` | [`settlement_run_list`] |
//!
//! [`cart_body`], [`order_body`], [`sale_body`], [`payout_body`], [`settlement_run_body`], [`reason`] and [`line_error`]
//! are what several of them share.

mod cart_body;
mod cart_clear;
mod cart_line_add;
mod cart_line_remove;
mod cart_line_set;
mod cart_show;
mod line_cancel;
mod line_error;
mod order_body;
mod order_create;
mod order_list;
mod order_show;
mod payout_body;
mod payout_create;
mod payout_list;
mod reason;
mod refund_answer;
mod refund_request;
mod sale_body;
mod sale_list;
mod settlement_list;
mod settlement_run_body;
mod settlement_run_create;
mod settlement_run_list;

use access::BearerToken;
use axum::Router;
use axum::routing::get;
use idempotency::Keeper;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dalkom orders",
        description = "Carts, checkout, orders, what follows a sale, and settlement. Amounts are whole won; times are RFC 3339 in \
            UTC, days are dates in Asia/Seoul.",
    ),
    modifiers(&BearerToken),
    components(schemas(problem::Body, problem::Fault)),
    tags(
        (name = "cart", description = "What a customer wants to buy."),
        (name = "orders", description = "What a customer has bought."),
        (name = "order lines", description = "What a customer does about a line after the sale."),
        (name = "sales", description = "Order lines as their sellers see them."),
        (name = "settlements", description = "What sellers are owed, and how they are paid."),
        (name = "settlement runs", description = "Settling days, for administrators."),
    )
)]
struct Document;

/// All routes of the service. `keeper` guards those that need an Idempotency-Key.
pub fn router(state: AppState, keeper: &Keeper) -> Router {
    let (open, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(cart_show::cart_show, cart_clear::cart_clear))
        .routes(routes!(cart_line_add::cart_line_add))
        .routes(routes!(cart_line_set::cart_line_set, cart_line_remove::cart_line_remove))
        .routes(routes!(order_list::order_list))
        .routes(routes!(order_show::order_show))
        .routes(routes!(line_cancel::line_cancel))
        .routes(routes!(refund_request::refund_request_create, refund_request::refund_request_withdraw))
        .routes(routes!(sale_list::sale_list))
        .routes(routes!(refund_answer::refund_accept))
        .routes(routes!(refund_answer::refund_reject))
        .routes(routes!(settlement_list::settlement_list))
        .routes(routes!(payout_list::payout_list))
        .routes(routes!(
            settlement_run_list::settlement_run_list,
            settlement_run_create::settlement_run_create
        ))
        .split_for_parts();
    let (keyed, keyed_document) = OpenApiRouter::default()
        .routes(routes!(order_create::order_create))
        .routes(routes!(payout_create::payout_create))
        .split_for_parts();
    document.merge(keyed_document);
    let document = axum::Json(document);
    open.merge(keeper.guard(keyed)).route("/openapi.json", get(async move || document)).with_state(state)
}
