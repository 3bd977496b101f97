//! The routes: a file for each operation or pair of them, with its request, answer, errors and handler.
//!
//! | path | file |
//! |---|---|
//! | `POST /api/store/stores` | `store_create` |
//! | `GET /api/store/stores` | `store_list` |
//! | `GET /api/store/stores/{storeId}` | `store_show` |
//! | `PATCH /api/store/stores/{storeId}` | `store_update` |
//! | `DELETE /api/store/stores/{storeId}` | `store_delete` |
//! | `GET /api/store/me/stores` | `my_store_list` |
//! | `PUT`, `DELETE /api/store/stores/{storeId}/follow` | `follow` |
//! | `GET /api/store/me/follows` | `follow_list` |
//! | `POST /api/store/stores/{storeId}/items` | `item_create` |
//! | `GET /api/store/items` | `item_list` |
//! | `GET /api/store/items/{itemId}` | `item_show` |
//! | `PATCH /api/store/items/{itemId}` | `item_update` |
//! | `DELETE /api/store/items/{itemId}` | `item_delete` |
//! | `PUT`, `DELETE /api/store/items/{itemId}/heart` | `heart` |
//! | `GET /api/store/me/hearts` | `heart_list` |
//! | `POST /api/store/items/{itemId}/options` | `option_create` |
//! | `PATCH /api/store/items/{itemId}/options/{optionId}` | `option_update` |
//! | `DELETE /api/store/items/{itemId}/options/{optionId}` | `option_delete` |
//! | `POST /internal/options/lookup` | `option_look_up` |
//! | `/internal/reservations/{orderId}` and below | `reservations` |
//! | `POST /internal/restocks/{id}` | `restocks` |

mod bodies;
mod follow;
mod follow_list;
mod heart;
mod heart_list;
mod item_create;
mod item_delete;
mod item_list;
mod item_show;
mod item_update;
mod keyword;
mod my_store_list;
mod option_create;
mod option_delete;
mod option_look_up;
mod option_update;
mod patch;
mod reservations;
mod restocks;
mod store_create;
mod store_delete;
mod store_list;
mod store_show;
mod store_update;
mod version;

pub use item_list::ItemPages;
pub use item_show::ItemsById;

use access::BearerToken;
use axum::Router;
use axum::routing::get;
use batching::BrokenOff;
use database::SharedError;
use problem::Problem;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

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
        (name = "stores", description = "Shops, and following them."),
        (name = "items", description = "What they sell, finding it, and giving it hearts."),
        (name = "options", description = "In which sizes and kinds, at what price, and how much there is."),
    )
)]
struct Document;

/// All routes of the service.
pub fn router(state: AppState) -> Router {
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
    let document = axum::Json(document);
    open.merge(access::only_services(internal, &["order-api"]))
        .route("/openapi.json", get(async move || document))
        .with_state(state)
}

/// What was read together with what others have asked for.
fn shared<T>(read: Result<Result<T, SharedError>, BrokenOff>) -> Result<T, Problem> {
    read.unwrap_or_else(|BrokenOff| Err(sqlx::Error::WorkerCrashed.into())).map_err(database::problem)
}
