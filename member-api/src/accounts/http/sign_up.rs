//! `POST /api/member/customers` and `POST /api/member/sellers`: sign-up. The path decides the role.

use std::net::IpAddr;

use access::{MemberId, Role};
use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use idempotency::{Claim, Reply};
use problem::{Code, Created, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::member_body::MemberBody;
use crate::accounts::sign_up::{NewMember, SignUp, SignUpError, sign_up_from};
use crate::client::Client;
use crate::members::{Email, Member, MemberName, NewPassword, Phone, not_made_of};
use crate::sessions::attempt::Standings;
use crate::sessions::http::rate_limit::with_limits;
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SignUp)]
pub(crate) struct Request {
    #[garde(dive)]
    email: Email,
    #[garde(dive, custom(not_made_of(&self.email, &self.name)))]
    password: NewPassword,
    #[garde(dive)]
    name: MemberName,
    #[garde(dive)]
    phone: Option<Phone>,
}

impl From<SignUpError> for Problem {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::EmailTaken => Self::new(Code::EmailTaken),
            SignUpError::TooManyAttempts { wait } => Self::new(Code::RateLimited).retry_after(wait),
            SignUpError::Password(error) => error.into(),
            SignUpError::Keep(error) => error.into(),
            SignUpError::Database(_) => Self::database(error),
        }
    }
}

problem::refusals!(
    Refusals: MalformedJson, ValidationFailed, IdempotencyKeyInvalid, IdempotencyKeyInUse, EmailTaken, BodyTooLarge,
    UnsupportedMediaType, IdempotencyKeyReused, RateLimited
);

/// Sign up as a customer
///
/// The account gets an empty wallet, which the customer can charge. After many requests with emails that are taken, the next
/// one must wait.
/// With an `Idempotency-Key` the same request from the same address gets the first answer, if its password is still that of the account.
#[utoipa::path(
    post,
    path = "/api/member/customers",
    tag = "accounts",
    params(("Idempotency-Key" = Option<String>, Header, description = "A new random key for each sign-up", min_length = 1, max_length = 255)),
    request_body = Request,
    responses((status = CREATED, description = "The new member", body = MemberBody), Refusals)
)]
pub(crate) async fn customer_create(
    State(state): State<AppState>,
    client: Client,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Response {
    create(&state, Role::Customer, client.address, claim, request).await
}

/// Sign up as a seller
///
/// The account gets an empty wallet, which payouts go to. After many requests with emails that are taken, the next one must wait.
/// With an `Idempotency-Key` the same request from the same address gets the first answer, if its password is still that of the account.
#[utoipa::path(
    post,
    path = "/api/member/sellers",
    tag = "accounts",
    params(("Idempotency-Key" = Option<String>, Header, description = "A new random key for each sign-up", min_length = 1, max_length = 255)),
    request_body = Request,
    responses((status = CREATED, description = "The new member", body = MemberBody), Refusals)
)]
pub(crate) async fn seller_create(
    State(state): State<AppState>,
    client: Client,
    claim: Option<Claim>,
    Json(request): Json<Request>,
) -> Response {
    create(&state, Role::Seller, client.address, claim, request).await
}

async fn create(
    state: &AppState,
    role: Role,
    address: Option<IpAddr>,
    claim: Option<Claim>,
    request: Request,
) -> Response {
    let Request { email, password, name, phone } = request;
    let new_member = NewMember { role, email, password, name, phone };
    // The key is found again by the id and the time, when the account is closed.
    let (id, now) = match &claim {
        Some(claim) => (claim.id(), claim.now()),
        None => (state.clock.new_id(), state.clock.now()),
    };
    let reply = Reply::new(claim, |member: Member| Created {
        location: "/api/member/me".to_owned(),
        body: MemberBody::from(member),
    });
    let sign_up = SignUp { id: MemberId(id), now, new_member, reply, event: None };
    let mut standings = Standings::new();
    let created = sign_up_from(state, address, sign_up, &mut standings).await;
    with_limits(created.map_err(Problem::from), &standings)
}
