//! The routes: a file for each operation or pair of them, with its request, answer, errors and handler.
//!
//! | path | file |
//! |---|---|
//! | `POST /api/member/customers`, `…/sellers` | `sign_up` |
//! | `POST /api/member/sessions` | `session_create` |
//! | `POST /api/member/sessions/refresh` | `session_refresh` |
//! | `DELETE /api/member/sessions/current` | `session_delete` |
//! | `GET /api/member/me` | `me_show` |
//! | `PATCH /api/member/me` | `me_update` |
//! | `DELETE /api/member/me` | `me_close` |
//! | `PUT /api/member/me/password` | `password_change` |
//! | `GET /api/member/me/wallet` | `wallet_show` |
//! | `POST /api/member/me/wallet/charges` | `charge_create` |
//! | `GET /api/member/me/wallet/entries` | `entry_list` |
//! | `GET /api/member/audit` | `audit_show` |
//! | `GET /.well-known/jwks.json` | `jwks_show` |
//! | `POST /internal/wallets/{memberId}/transfers`, `GET /internal/transfers/{id}`, `POST …/void` | `transfers` |
//! | `GET /internal/revocations` | `revocations` |

mod audit_show;
mod bodies;
mod charge_create;
mod client_address;
mod entry_list;
mod jwks_show;
mod me_close;
mod me_show;
mod me_update;
mod password_change;
mod revocations;
mod session_create;
mod session_delete;
mod session_refresh;
mod sign_up;
mod transfers;
mod wallet_show;

use access::{BearerToken, MemberId, Principal};
use axum::Router;
use axum::routing::get;
use idempotency::Keeper;
use lock::Lock;
use problem::Path;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dalkom members",
        description = "Accounts, sessions, wallets and the ledger. Amounts are whole won; times are RFC 3339 in UTC.",
    ),
    modifiers(&BearerToken),
    components(schemas(problem::Body, problem::Fault)),
    tags(
        (name = "accounts", description = "Who somebody is."),
        (name = "sessions", description = "Signing in, staying signed in, signing out."),
        (name = "wallet", description = "A member's money."),
        (name = "operations", description = "For those who run Dalkom."),
    )
)]
struct Document;

/// All routes of the service. `keeper` guards those that need an Idempotency-Key; `wallet_lock` stands before those that
/// move a wallet's money.
pub fn router(state: AppState, keeper: &Keeper, wallet_lock: &Lock) -> Router {
    let (open, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(sign_up::customer_create))
        .routes(routes!(sign_up::seller_create))
        .routes(routes!(session_create::session_create))
        .routes(routes!(session_refresh::session_refresh))
        .routes(routes!(session_delete::session_delete))
        .routes(routes!(me_show::me_show, me_update::me_update, me_close::me_close))
        .routes(routes!(password_change::password_change))
        .routes(routes!(wallet_show::wallet_show))
        .routes(routes!(entry_list::entry_list))
        .routes(routes!(audit_show::audit_show))
        .routes(routes!(jwks_show::jwks_show))
        .split_for_parts();
    let (keyed, keyed_document) =
        OpenApiRouter::default().routes(routes!(charge_create::charge_create)).split_for_parts();
    document.merge(keyed_document);
    // The lock inside: a twin of a request that runs here is refused, and does not wait for a turn first.
    let keyed = keeper.guard_transaction(wallet_lock.guard(keyed, |caller: Principal| caller.member_id));
    let ordered = wallet_lock.guard(transfers::ordering(), |Path(wallet): Path<MemberId>| wallet);
    let document = axum::Json(document);
    open.merge(keyed)
        .merge(access::only_services(ordered.merge(transfers::router()), &["order-api"]))
        .merge(access::only_services(revocations::router(), &["gateway"]))
        .route("/openapi.json", get(async move || document))
        .with_state(state)
}
