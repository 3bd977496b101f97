//! `GET /api/member/me/wallet`: shows the caller's wallet.

use access::Principal;
use axum::extract::State;
use money::Won;
use problem::{Json, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use crate::members::http::account_closed;
use crate::state::AppState;
use crate::wallet::db::wallets;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wallet)]
pub(crate) struct Body {
    balance: Won,
    #[schema(example = "KRW")]
    currency: &'static str,
}

problem::refusals!(Refusals: Unauthenticated);

/// Show your wallet
#[utoipa::path(
    get,
    path = "/api/member/me/wallet",
    tag = "wallet",
    security(("bearer" = [])),
    responses((status = OK, description = "The wallet", body = Body), Refusals)
)]
pub(crate) async fn wallet_show(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<Body>, Problem> {
    let member_id = principal.member_id;
    let find = state
        .database
        .read("wallet_show", move |connection| Box::pin(wallets::find_balance(connection, member_id)));
    let balance = find.await?;
    balance.map(|balance| Json(Body { balance, currency: "KRW" })).ok_or_else(|| account_closed(principal))
}
