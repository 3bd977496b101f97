//! The list of routes. Each operation has a file in the `http` folder of its feature, with its request, answer, errors
//! and handler.
//!
//! | path | file |
//! |---|---|
//! | `POST /api/member/customers`, `…/sellers` | `accounts/http/sign_up.rs` |
//! | `GET /api/member/me` | `accounts/http/me_show.rs` |
//! | `PATCH /api/member/me` | `accounts/http/me_update.rs` |
//! | `DELETE /api/member/me` | `accounts/http/me_close.rs` |
//! | `PUT /api/member/me/password` | `accounts/http/password_change.rs` |
//! | `POST /api/member/me/otp` | `accounts/http/otp_create.rs` |
//! | `PUT /api/member/me/otp` | `accounts/http/otp_confirm.rs` |
//! | `DELETE /api/member/me/otp` | `accounts/http/otp_delete.rs` |
//! | `POST /api/member/sessions` | `sessions/http/session_create.rs` |
//! | `POST /api/member/sessions/refresh` | `sessions/http/session_refresh.rs` |
//! | `DELETE /api/member/sessions/current` | `sessions/http/session_delete.rs` |
//! | `GET /api/member/me/sessions` | `sessions/http/session_list.rs` |
//! | `DELETE /api/member/me/sessions/{sessionId}` | `sessions/http/session_end.rs` |
//! | `GET /api/member/me/security-events` | `security_events/http/security_event_list.rs` |
//! | `GET /.well-known/jwks.json` | `sessions/http/jwks_show.rs` |
//! | `GET /internal/revocations` | `sessions/http/revocations.rs` |
//! | `GET /api/member/me/wallet` | `wallet/http/wallet_show.rs` |
//! | `POST /api/member/me/wallet/charges` | `wallet/http/charge_create.rs` |
//! | `GET /api/member/me/wallet/entries` | `wallet/http/entry_list.rs` |
//! | `POST /internal/wallets/{memberId}/transfers`, `GET /internal/transfers/{id}`, `POST …/void` | `wallet/http/transfers.rs` |
//! | `GET /api/member/audit` | `audit/http/audit_show.rs` |

use access::{BearerToken, MemberId, Principal};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use hot_key_queue::HotKeyQueue;
use idempotency::{Guard, IdempotencyKeys};
use problem::Path;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::http::{
    me_close, me_show, me_update, otp_confirm, otp_create, otp_delete, password_change, sign_up,
};
use crate::accounts::repeated_sign_up::SignUps;
use crate::audit::http::audit_show;
use crate::security_events::http::security_event_list;
use crate::sessions::http::{
    jwks_show, revocations, session_create, session_delete, session_end, session_list, session_refresh,
};
use crate::state::AppState;
use crate::wallet::http::{charge_create, entry_list, transfers, wallet_show};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dalkom members",
        description = "Accounts, sessions, wallets and the ledger. Amounts are whole won; times are RFC 3339 in UTC.",
    ),
    modifiers(&BearerToken),
    components(schemas(problem::Body, problem::Fault)),
    tags(
        (name = "accounts", description = "The account of a member."),
        (name = "sessions", description = "Signing in, staying signed in, signing out."),
        (name = "wallet", description = "A member's money."),
        (name = "operations", description = "For those who run Dalkom."),
    )
)]
struct Document;

/// Returns all routes of the service. `idempotency_keys` guards every POST and PATCH but those that give tokens, which are never
/// kept. `wallet_lock` queues the requests that move money of one wallet.
pub fn router(state: AppState, idempotency_keys: &IdempotencyKeys, wallet_lock: &HotKeyQueue) -> Router {
    let (open, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(session_create::session_create))
        .routes(routes!(session_refresh::session_refresh))
        .routes(routes!(session_delete::session_delete))
        .routes(routes!(session_list::session_list))
        .routes(routes!(session_end::session_end))
        .routes(routes!(security_event_list::security_event_list))
        .routes(routes!(me_show::me_show, me_close::me_close))
        .routes(routes!(password_change::password_change))
        .routes(routes!(otp_confirm::otp_confirm, otp_delete::otp_delete))
        .routes(routes!(wallet_show::wallet_show))
        .routes(routes!(entry_list::entry_list))
        .routes(routes!(audit_show::audit_show))
        .routes(routes!(jwks_show::jwks_show))
        .split_for_parts();
    let (keyed, keyed_document) =
        OpenApiRouter::default().routes(routes!(charge_create::charge_create)).split_for_parts();
    let (sign_ups, sign_ups_document) = OpenApiRouter::default()
        .routes(routes!(sign_up::customer_create))
        .routes(routes!(sign_up::seller_create))
        .split_for_parts();
    let (edits, edits_document) =
        OpenApiRouter::default().routes(routes!(me_update::me_update)).split_for_parts();
    let (secrets, secrets_document) =
        OpenApiRouter::default().routes(routes!(otp_create::otp_create)).split_for_parts();
    for keyed_document in [keyed_document, sign_ups_document, edits_document, secrets_document] {
        document.merge(keyed_document);
    }
    // The lock is inside the guard, so that a repetition of a running request is refused without waiting for the lock.
    let keyed = wallet_lock.guard(keyed, |caller: Principal| caller.member_id);
    let keyed = idempotency_keys.guard(keyed, Guard::transaction());
    let by_address = Guard::transaction().if_sent().from_anonymous(SignUps(state.clone()));
    let sign_ups = idempotency_keys.guard(sign_ups, by_address);
    let edits = idempotency_keys.guard(edits, Guard::transaction().if_sent());
    let secrets = idempotency_keys.guard(secrets, Guard::transaction().if_sent());
    // Outside of the guard, which keeps the answer.
    let secrets = secrets.route_layer(from_fn_with_state(state.clone(), otp_create::open_secret));
    let transfer_create =
        wallet_lock.guard(transfers::create_router(), |Path(wallet): Path<MemberId>| wallet);
    let shown = axum::Json(document.clone());
    let routes = open
        .merge(keyed)
        .merge(sign_ups)
        .merge(edits)
        .merge(secrets)
        .merge(access::only_services(transfer_create.merge(transfers::router()), &["order-api"]))
        .merge(access::only_services(revocations::router(), &["gateway"]))
        .route("/openapi.json", get(async move || shown));
    problem::only_documented(routes, &document).with_state(state)
}
