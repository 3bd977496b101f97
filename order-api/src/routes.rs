//! The routes. Each operation has a file with its request, answer, errors and handler.
//!
//! | path | file |
//! |---|---|
//! | `GET /api/order/cart` | `cart/http/cart_show.rs` |
//! | `DELETE /api/order/cart` | `cart/http/cart_clear.rs` |
//! | `POST /api/order/cart/acknowledgements` | `cart/http/cart_acknowledge.rs` |
//! | `POST /api/order/cart/lines` | `cart/http/cart_line_add.rs` |
//! | `PUT /api/order/cart/lines/{optionId}` | `cart/http/cart_line_set.rs` |
//! | `DELETE /api/order/cart/lines/{optionId}` | `cart/http/cart_line_remove.rs` |
//! | `POST /api/order/orders` | `checkout/http/order_create.rs` |
//! | `GET /api/order/orders` | `orders/http/order_list.rs` |
//! | `GET /api/order/orders/{orderId}` | `orders/http/order_show.rs` |
//! | `POST /api/order/lines/{lineId}/cancel` | `refunds/http/line_cancel.rs` |
//! | `POST /api/order/lines/{lineId}/refund-request` | `refunds/http/refund_request_create.rs` |
//! | `DELETE /api/order/lines/{lineId}/refund-request` | `refunds/http/refund_request_withdraw.rs` |
//! | `GET /api/order/sales` | `orders/http/sale_list.rs` |
//! | `POST /api/order/sales/{lineId}/refund/accept` | `refunds/http/refund_accept.rs` |
//! | `POST /api/order/sales/{lineId}/refund/reject` | `refunds/http/refund_reject.rs` |
//! | `GET /api/order/settlements` | `settlement/http/settlement_list.rs` |
//! | `POST /api/order/payouts` | `payouts/http/payout_create.rs` |
//! | `GET /api/order/payouts` | `payouts/http/payout_list.rs` |
//! | `POST /api/order/settlement-runs` | `settlement/http/settlement_run_create.rs` |
//! | `GET /api/order/settlement-runs` | `settlement/http/settlement_run_list.rs` |
//! | `/internal/closings/{memberId}` and below | crate `account-closing`, with `accounts/` |

use access::BearerToken;
use axum::Router;
use axum::routing::get;
use idempotency::{Guard, IdempotencyKeys};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cart::http::{
    cart_acknowledge, cart_clear, cart_line_add, cart_line_remove, cart_line_set, cart_show,
};
use crate::checkout::http::order_create;
use crate::orders::http::{order_list, order_show, sale_list};
use crate::payouts::http::{payout_create, payout_list};
use crate::refunds::http::{
    line_cancel, refund_accept, refund_reject, refund_request_create, refund_request_withdraw,
};
use crate::settlement::http::{settlement_list, settlement_run_create, settlement_run_list};
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

/// All routes of the service. `idempotency_keys` guards every POST, and demands an Idempotency-Key where an order is placed or
/// money moves.
pub fn router(state: AppState, idempotency_keys: &IdempotencyKeys) -> Router {
    let (open, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(cart_show::cart_show, cart_clear::cart_clear))
        .routes(routes!(cart_line_set::cart_line_set, cart_line_remove::cart_line_remove))
        .routes(routes!(order_list::order_list))
        .routes(routes!(order_show::order_show))
        .routes(routes!(refund_request_withdraw::refund_request_withdraw))
        .routes(routes!(sale_list::sale_list))
        .routes(routes!(settlement_list::settlement_list))
        .routes(routes!(payout_list::payout_list))
        .routes(routes!(settlement_run_list::settlement_run_list))
        .split_for_parts();
    let (keyed, keyed_document) = OpenApiRouter::default()
        .routes(routes!(order_create::order_create))
        .routes(routes!(payout_create::payout_create))
        .split_for_parts();
    let (keyed_if_sent, keyed_if_sent_document) = OpenApiRouter::default()
        .routes(routes!(cart_acknowledge::cart_acknowledge))
        .routes(routes!(cart_line_add::cart_line_add))
        .routes(routes!(line_cancel::line_cancel))
        .routes(routes!(refund_request_create::refund_request_create))
        .routes(routes!(refund_accept::refund_accept))
        .routes(routes!(refund_reject::refund_reject))
        .routes(routes!(settlement_run_create::settlement_run_create))
        .split_for_parts();
    document.merge(keyed_document);
    document.merge(keyed_if_sent_document);
    let shown = axum::Json(document.clone());
    let routes = open
        .merge(idempotency_keys.guard(keyed, Guard::steps()))
        .merge(idempotency_keys.guard(keyed_if_sent, Guard::steps().if_sent()))
        .merge(access::only_services(account_closing::router(), &[account_closing::MEMBER_API]))
        .route("/openapi.json", get(async move || shown));
    problem::only_documented(routes, &document).with_state(state)
}
