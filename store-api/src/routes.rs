//! The list of routes. Each operation, or pair of them, has a file with its request, answer, errors and handler.
//!
//! | path | file |
//! |---|---|
//! | `POST /api/store/stores` | `stores/http/store_create` |
//! | `GET /api/store/stores` | `search/http/store_list` |
//! | `GET /api/store/stores/{storeId}` | `stores/http/store_show` |
//! | `PATCH /api/store/stores/{storeId}` | `stores/http/store_update` |
//! | `DELETE /api/store/stores/{storeId}` | `stores/http/store_delete` |
//! | `GET /api/store/me/stores` | `stores/http/my_store_list` |
//! | `PUT`, `DELETE /api/store/stores/{storeId}/follow` | `stores/http/follow` |
//! | `GET /api/store/me/follows` | `stores/http/follow_list` |
//! | `POST /api/store/stores/{storeId}/items` | `items/http/item_create` |
//! | `GET /api/store/items` | `search/http/item_list` |
//! | `GET /api/store/items/{itemId}` | `items/http/item_show` |
//! | `PATCH /api/store/items/{itemId}` | `items/http/item_update` |
//! | `DELETE /api/store/items/{itemId}` | `items/http/item_delete` |
//! | `PUT`, `DELETE /api/store/items/{itemId}/heart` | `items/http/heart` |
//! | `GET /api/store/me/hearts` | `items/http/heart_list` |
//! | `POST /api/store/items/{itemId}/options` | `items/http/option_create` |
//! | `PATCH /api/store/items/{itemId}/options/{optionId}` | `items/http/option_update` |
//! | `DELETE /api/store/items/{itemId}/options/{optionId}` | `items/http/option_delete` |
//! | `POST /internal/options/lookup` | `items/http/option_look_up` |
//! | `/internal/reservations/{orderId}` and below | `stock/http/reservations` |
//! | `POST /internal/restocks/{id}` | `stock/http/restocks` |
//! | `/internal/closings/{memberId}` and below | crate `account-closing`, with `accounts` |

use access::BearerToken;
use axum::Router;
use axum::routing::get;
use idempotency::{Guard, IdempotencyKeys};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::items::http::{
    heart, heart_list, item_create, item_delete, item_show, item_update, option_create, option_delete,
    option_look_up, option_update,
};
use crate::search::http::{item_list, store_list};
use crate::state::AppState;
use crate::stock::http::{reservations, restocks};
use crate::stores::http::{
    follow, follow_list, my_store_list, store_create, store_delete, store_show, store_update,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dalkom stores",
        description = "Stores, their items and options, hearts, follows and search. Amounts are whole won; times are \
                       RFC 3339 in UTC.",
    ),
    modifiers(&BearerToken),
    components(schemas(problem::Body, problem::Fault)),
    tags(
        (name = "stores", description = "Stores, and following them."),
        (name = "items", description = "Items, finding them, and giving them hearts."),
        (name = "options", description = "The variants of an item, with price and stock."),
    )
)]
struct Document;

/// All routes of the service. `idempotency_keys` guards every POST and PATCH of members.
pub fn router(state: AppState, idempotency_keys: &IdempotencyKeys) -> Router {
    let (open, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(store_create::store_create, store_list::store_list))
        .routes(routes!(store_show::store_show, store_update::store_update, store_delete::store_delete))
        .routes(routes!(my_store_list::my_store_list))
        .routes(routes!(follow::follow_put, follow::follow_delete))
        .routes(routes!(follow_list::follow_list))
        .routes(routes!(item_create::item_create))
        .routes(routes!(item_list::item_list))
        .routes(routes!(item_show::item_show, item_update::item_update, item_delete::item_delete))
        .routes(routes!(heart::heart_put, heart::heart_delete))
        .routes(routes!(heart_list::heart_list))
        .routes(routes!(option_create::option_create))
        .routes(routes!(option_update::option_update, option_delete::option_delete))
        .split_for_parts();
    let internal =
        Router::new().merge(option_look_up::router()).merge(reservations::router()).merge(restocks::router());
    let shown = axum::Json(document.clone());
    let routes = idempotency_keys
        .guard(open, Guard::transaction().if_sent())
        .merge(access::only_services(internal, &["order-api"]))
        .merge(access::only_services(account_closing::router(), &[account_closing::MEMBER_API]))
        .route("/openapi.json", get(async move || shown));
    problem::only_documented(routes, &document).with_state(state)
}
