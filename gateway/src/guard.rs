//! The check of the caller: the token, the session and the role.

use access::{Principal, Role};
use axum::extract::{FromRequestParts, Request};

use crate::refusal::Refusal;
use crate::revocations::Revocations;
use crate::settings::Access;

/// Refuses a caller who may not use the route. A public route does not check a token, even if there is one: the service
/// verifies the token if it uses it.
pub(crate) async fn check(
    access: Access,
    revocations: Revocations,
    request: Request,
) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    let role = match access {
        Access::Public => return Ok(Request::from_parts(parts, body)),
        Access::Any => None,
        Access::Customer => Some(Role::Customer),
        Access::Seller => Some(Role::Seller),
        Access::Admin => Some(Role::Admin),
    };
    let principal = Principal::from_request_parts(&mut parts, &()).await.map_err(Refusal::Access)?;
    revocations.check(principal.session_id).await?;
    if let Some(role) = role {
        principal.require(role).map_err(Refusal::Access)?;
    }
    Ok(Request::from_parts(parts, body))
}
