//! `DELETE /api/member/me`: closes the caller's account.

use access::Principal;
use axum::extract::State;
use http::StatusCode;
use problem::{Code, Problem};

use crate::accounts::close_account::{CloseError, close_account};
use crate::members::http::account_closed;
use crate::state::AppState;

problem::refusals!(Refusals: Unauthenticated, WalletNotEmpty);

/// Close your account
///
/// Your wallet must be empty. All your sessions end, your name, email and phone are removed, and the email can be used
/// to sign up again.
#[utoipa::path(
    delete,
    path = "/api/member/me",
    tag = "accounts",
    security(("bearer" = [])),
    responses((status = NO_CONTENT, description = "Closed"), Refusals)
)]
pub(crate) async fn me_close(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<StatusCode, Problem> {
    match close_account(&state, principal.member_id).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(CloseError::WalletNotEmpty(balance)) => {
            Err(Problem::new(Code::WalletNotEmpty).detail(format!("there is {balance} in the wallet")))
        }
        Err(CloseError::NoAccount) => Err(account_closed(principal)),
        Err(error @ CloseError::Database(_)) => Err(Problem::database(error)),
    }
}
