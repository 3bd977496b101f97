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
/// Possible if nothing of it is open: no money in the wallet, no open store, no unfinished order, no open refund, nothing to
/// be settled or paid out. Otherwise nothing changes, and `open` of the answer lists all of it: for each kind how many there
/// are, and the money in them.
///
/// All your sessions end. Your name, email and phone are removed wherever they are kept, also from the sales of sellers; so
/// are your cart, hearts and follows. The email can be used to sign up again.
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
