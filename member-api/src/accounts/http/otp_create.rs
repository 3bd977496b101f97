//! `POST /api/member/me/otp`: makes the secret of a second factor.
//!
//! The answer shows the secret, and is kept for repetitions. So what is kept has it sealed: a layer around the guard of
//! Idempotency-Keys opens it for each answer.

use access::{MemberId, Principal};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use idempotency::{Claim, KeptAnswer, Reply};
use problem::{Code, Created, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::second_factor::{BeginError, Enrolment, begin};
use crate::members::Email;
use crate::members::http::account_closed;
use crate::otp::keys::OtpKeyError;
use crate::state::AppState;

/// More than a sealed secret and an email take.
const MAX_BYTES: usize = 16 * 1024;

/// The secret of a second factor, which is not in force yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OtpSecret)]
pub(crate) struct OtpBody {
    /// The secret in base32, to be typed into an authenticator.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The secret as an address, for a QR code.
    #[schema(
        example = "otpauth://totp/Dalkom:baker%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Dalkom"
    )]
    uri: String,
}

/// What is kept of the answer.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SealedBody {
    member_id: MemberId,
    email: Email,
    sealed_secret: String,
}

problem::refusals!(
    Refusals: IdempotencyKeyInvalid, Unauthenticated, IdempotencyKeyInUse, OtpInForce, IdempotencyKeyReused
);

/// Set up a second factor
///
/// Takes effect when you have sent a code of your authenticator with `PUT`. Until then you can begin again, which makes another
/// secret. The secret is not shown again after that.
#[utoipa::path(
    post,
    path = "/api/member/me/otp",
    tag = "accounts",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A new random key for each secret", min_length = 1, max_length = 255)),
    responses((status = CREATED, description = "A secret that is not in force yet", body = OtpBody), Refusals)
)]
pub(crate) async fn otp_create(
    State(state): State<AppState>,
    principal: Principal,
    claim: Option<Claim>,
) -> Result<KeptAnswer, Problem> {
    // The key is found again by the id and the time, when the secret is in force.
    let made = match &claim {
        Some(claim) => (claim.id(), claim.now()),
        None => (state.clock.new_id(), state.clock.now()),
    };
    let member_id = principal.member_id;
    let reply = Reply::new(claim, move |Enrolment { email, sealed_secret }| Created {
        location: "/api/member/me".to_owned(),
        body: SealedBody { member_id, email, sealed_secret },
    });
    begin(&state, principal, made, reply).await.map_err(|error| match error {
        BeginError::NoAccount => account_closed(principal),
        BeginError::InForce => Problem::new(Code::OtpInForce),
        BeginError::Key(OtpKeyError::NoKey) => Problem::unavailable(error),
        BeginError::Key(_) => Problem::internal(error),
        BeginError::Keep(error) => error.into(),
        BeginError::Database(_) => Problem::database(error),
    })
}

/// Opens the secret in an answer of [`otp_create`].
pub(crate) async fn open_secret(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::CREATED {
        return response;
    }
    opened(&state, response).await.unwrap_or_else(IntoResponse::into_response)
}

async fn opened(state: &AppState, response: Response) -> Result<Response, Problem> {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_BYTES).await.map_err(Problem::internal)?;
    let SealedBody { member_id, email, sealed_secret } =
        serde_json::from_slice(&body).map_err(Problem::internal)?;
    let secret = state.otp_keys.open(member_id, &sealed_secret).map_err(Problem::internal)?;
    let shown = OtpBody { secret: secret.to_base32(), uri: secret.uri(&email).map_err(Problem::internal)? };
    let shown = serde_json::to_vec(&shown).map_err(Problem::internal)?;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Response::from_parts(parts, Body::from(shown)))
}
