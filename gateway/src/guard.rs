//! The check of the caller: the token, the session and the role.

use access::{MemberId, Role, Verifier};
use axum::http::HeaderMap;

use crate::refusal::Refusal;
use crate::revocations::Revocations;
use crate::settings::Access;

/// Refuses a caller who may not use the route. Returns the member, or `None` on a public route. A public route does not check a token, even if there is one: the service
/// verifies the token if it uses it.
pub(crate) async fn check(
    access: Access,
    revocations: &Revocations,
    verifier: &Verifier,
    headers: &HeaderMap,
) -> Result<Option<MemberId>, Refusal> {
    let role = match access {
        Access::Public => return Ok(None),
        Access::Any => None,
        Access::Customer => Some(Role::Customer),
        Access::Seller => Some(Role::Seller),
        Access::Admin => Some(Role::Admin),
    };
    let principal = verifier.member(headers).await.map_err(Refusal::Access)?;
    revocations.check(principal.session_id).await?;
    if let Some(role) = role {
        principal.require(role).map_err(Refusal::Access)?;
    }
    Ok(Some(principal.member_id))
}
