//! `POST /api/member/customers` and `POST /api/member/sellers`: sign-up. The path decides the role.

use access::Role;
use axum::extract::State;
use garde::Validate;
use problem::{Code, Created, Json, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::member_body::MemberBody;
use crate::accounts::sign_up::{NewMember, SignUpError, sign_up};
use crate::members::{Email, MemberName, NewPassword, Phone};
use crate::state::AppState;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SignUp)]
pub(crate) struct Request {
    #[garde(dive)]
    email: Email,
    #[garde(dive)]
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
            SignUpError::Password(_) => Self::internal(error),
            SignUpError::Database(_) => Self::database(error),
        }
    }
}

problem::respond!(SignUpError);
problem::refusals!(Refusals: MalformedJson, ValidationFailed, EmailTaken, BodyTooLarge, UnsupportedMediaType);

/// Sign up as a customer
///
/// The account gets an empty wallet, which the customer can charge.
#[utoipa::path(
    post,
    path = "/api/member/customers",
    tag = "accounts",
    request_body = Request,
    responses((status = CREATED, description = "The new member", body = MemberBody), Refusals)
)]
pub(crate) async fn customer_create(
    State(state): State<AppState>,
    Json(request): Json<Request>,
) -> Result<Created<MemberBody>, SignUpError> {
    create(&state, Role::Customer, request).await
}

/// Sign up as a seller
///
/// The account gets an empty wallet, which payouts go to.
#[utoipa::path(
    post,
    path = "/api/member/sellers",
    tag = "accounts",
    request_body = Request,
    responses((status = CREATED, description = "The new member", body = MemberBody), Refusals)
)]
pub(crate) async fn seller_create(
    State(state): State<AppState>,
    Json(request): Json<Request>,
) -> Result<Created<MemberBody>, SignUpError> {
    create(&state, Role::Seller, request).await
}

async fn create(state: &AppState, role: Role, request: Request) -> Result<Created<MemberBody>, SignUpError> {
    let Request { email, password, name, phone } = request;
    let new_member = NewMember { role, email, password, name, phone };
    let member = sign_up(&state.database, &state.clock, &state.password_hasher, new_member).await?;
    Ok(Created { location: "/api/member/me".to_owned(), body: member.into() })
}
