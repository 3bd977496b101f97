//! `PATCH /api/member/me`: changes the caller's account.

use access::Principal;
use axum::extract::State;
use garde::Validate;
use idempotency::{Claim, KeepError, KeptAnswer, Reply};
use problem::{Json, Problem};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::member_body::MemberBody;
use crate::members::http::account_closed;
use crate::members::{self, Member, MemberName, Phone};
use crate::state::AppState;

#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ProfileChange)]
pub(crate) struct Request {
    /// Unchanged if it is missing.
    #[garde(dive)]
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<MemberName>,
    /// Unchanged if it is missing, removed if it is null.
    #[garde(dive)]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Phone>)]
    #[expect(clippy::option_option, reason = "missing, null and given are three cases")]
    phone: Option<Option<Phone>>,
}

/// Distinguishes a null field of the body from a missing one. `T` decides what null means.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl Request {
    fn apply(self, member: &mut Member) {
        if let Some(name) = self.name {
            member.name = name;
        }
        if let Some(phone) = self.phone {
            member.phone = phone;
        }
    }
}

problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, IdempotencyKeyInvalid, Unauthenticated, IdempotencyKeyInUse, BodyTooLarge,
    UnsupportedMediaType, IdempotencyKeyReused
);

/// Change your account
///
/// Name and phone can be changed; the email and the role can't.
#[utoipa::path(
    patch,
    path = "/api/member/me",
    tag = "accounts",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A new random key for each change", min_length = 1, max_length = 255)),
    request_body = Request,
    responses((status = OK, description = "Your changed account", body = MemberBody), Refusals)
)]
pub(crate) async fn me_update(
    State(state): State<AppState>,
    principal: Principal,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Result<KeptAnswer, Problem> {
    let now = state.clock.now();
    let reply = Reply::new(claim, |member: Member| Json(MemberBody::from(member)));
    let changed = state
        .database
        .run_tx("profile_update", move |connection| {
            let (request, reply) = (request.clone(), reply.clone());
            Box::pin(async move {
                let Some(mut member) = members::db::lock(connection, principal.member_id).await? else {
                    return Ok(None);
                };
                request.apply(&mut member);
                members::db::update_profile(connection, &member, now).await?;
                Ok::<_, KeepError>(Some(reply.keep(connection, member).await?))
            })
        })
        .await?;
    changed.ok_or_else(|| account_closed(principal))
}
