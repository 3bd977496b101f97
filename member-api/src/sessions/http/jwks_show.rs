//! `GET /.well-known/jwks.json`: shows the public keys of access tokens.

use access::Jwks;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use problem::Json;

use crate::state::AppState;

problem::refusals!(Refusals:);

/// Show the keys of access tokens
///
/// A JSON Web Key Set (RFC 7517) with every key whose tokens may still be valid.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "sessions",
    responses((status = OK, description = "The keys", body = Jwks), Refusals)
)]
pub(crate) async fn jwks_show(State(state): State<AppState>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "public, max-age=60")], Json(state.tokens.jwks()))
}
