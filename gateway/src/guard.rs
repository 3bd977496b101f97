//! Who may call a route: whose token is good, whose session goes on, and who has the right role.

use access::{Principal, Role};
use axum::extract::{FromRequestParts, Request};

use crate::refusal::Refusal;
use crate::revocations::Revocations;
use crate::settings::Access;

/// Lets only those pass for whom the route is. A public route does not ask, not even for a token that is sent along:
/// the service verifies what it makes use of.
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
