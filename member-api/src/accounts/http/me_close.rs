//! `DELETE /api/member/me`: closes the caller's account.

use access::Principal;
use axum::extract::State;
use http::StatusCode;
use problem::{Code, Problem};

use crate::accounts::close_account::{CloseError, close_account};
use crate::members::http::account_closed;
use crate::state::AppState;

problem::refusals!(Refusals: Unauthenticated, AccountNotSettled);

/// Close your account
///
/// Possible if nothing is open: no money in the wallet, no open store, no unfinished order, no open refund, nothing to settle
/// or pay out. Otherwise nothing changes, and `open` in the answer lists what is open: the number of each kind, and the money in
/// it.
///
/// All your sessions end. Your name, email, phone, cart, hearts and follows are removed, and your name in the sales of sellers
/// too. You can use the email to sign up again.
///
/// The answer is 503 if a service can't be asked. Then the account stays open.
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
        Err(CloseError::NotSettled(open)) => Err(Problem::new(Code::AccountNotSettled).extra("open", &open)),
        Err(CloseError::NoAccount) => Err(account_closed(principal)),
        Err(error @ (CloseError::Ask(_) | CloseError::Undecided | CloseError::LeaseLost)) => {
            Err(Problem::unavailable(error))
        }
        Err(error @ CloseError::Database(_)) => Err(Problem::database(error)),
    }
}
