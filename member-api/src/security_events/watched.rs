//! Callers who are refused for their role.

use access::Principal;
use axum::extract::FromRequestParts;
use http::request::Parts;
use problem::{Code, Problem};
use sha2::{Digest, Sha256};

use super::{Kind, Outcome};
use crate::client::Client;
use crate::state::AppState;

/// What `T` extracts, for example [`access::Admin`]. If it refuses the member for the role, this is recorded. The gateway refuses
/// most of them before.
#[derive(Clone, Copy, Debug)]
pub struct Watched<T>(pub T);

impl<T> FromRequestParts<AppState> for Watched<T>
where
    T: FromRequestParts<AppState, Rejection = Problem>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let refusal = match T::from_request_parts(parts, state).await {
            Ok(caller) => return Ok(Self(caller)),
            Err(refusal) => refusal,
        };
        if refusal.code() == Some(Code::WrongRole)
            && let Ok(principal) = Principal::authenticate(parts).await
        {
            let event =
                state.trail.event(Kind::RoleUse, Outcome::WrongRole, principal.member_id, &Client::of(parts));
            event.in_session(principal.session_id).note(Sha256::digest(principal.member_id.0).into());
        }
        Err(refusal)
    }
}
