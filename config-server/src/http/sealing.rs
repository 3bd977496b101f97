//! `POST /encrypt` and `GET /encrypt/status`: seals values for settings files.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use problem::{Code, Problem};
use sealing::SealError;
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use super::caller::Caller;
use crate::server::ConfigServer;

/// The size limit of a value to seal.
pub(crate) const VALUE_MAX_BYTES: usize = 64 * 1024;

/// Whether values can be sealed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// Always `OK`, as in Spring. Without a key, the answer is a problem.
    #[schema(example = "OK")]
    status: &'static str,
}

/// Why a value was not sealed.
#[derive(Debug, Error)]
pub(crate) enum SealingError {
    #[error("no key is installed")]
    NoKey,
    #[error("the value can't be read")]
    Body(#[from] BytesRejection),
    #[error("the value is not text")]
    NotText,
    #[error("the value can't be sealed")]
    Seal(#[from] SealError),
}

impl From<SealingError> for Problem {
    fn from(error: SealingError) -> Self {
        match error {
            SealingError::NoKey => {
                Problem::new(Code::NotFound).detail("this server was started without a --key-file")
            }
            SealingError::Body(_) => Problem::new(Code::BodyTooLarge)
                .detail(format!("a value to seal may have at most {VALUE_MAX_BYTES} bytes")),
            SealingError::NotText => {
                Problem::new(Code::InvalidParameter).detail("the value to seal must be text in UTF-8")
            }
            SealingError::Seal(error) => Problem::internal(error),
        }
    }
}

problem::respond!(SealingError);

/// Seal a value
///
/// The body is the value, without any encoding. The answer is the text to write after `{cipher}` in a settings file.
#[utoipa::path(
    post,
    path = "/encrypt",
    tag = "sealing",
    security(("application" = [])),
    request_body(content = String, content_type = "text/plain", description = "The value; 64 KiB at most."),
    responses(
        (status = 200, description = "The sealed value.", body = String, content_type = "text/plain",
            example = "{key:dalkom}u6Xh…"),
        (status = 400, description = "`INVALID_PARAMETER`: the value is not UTF-8.", body = problem::Body,
            content_type = problem::MEDIA_TYPE),
        (status = 401, description = "`UNAUTHENTICATED`: no application has this name and password.",
            body = problem::Body, content_type = problem::MEDIA_TYPE),
        (status = 404, description = "`NOT_FOUND`: the server has no key.", body = problem::Body,
            content_type = problem::MEDIA_TYPE),
        (status = 413, description = "`BODY_TOO_LARGE`: the value is longer than 64 KiB.", body = problem::Body,
            content_type = problem::MEDIA_TYPE),
    ),
)]
pub(crate) async fn value_seal(
    State(server): State<Arc<ConfigServer>>,
    _caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, SealingError> {
    let body = body?;
    let value = std::str::from_utf8(&body).map_err(|_| SealingError::NotText)?;
    let sealed = server.environments.keyring().seal(value).ok_or(SealingError::NoKey)??;
    Ok(sealed.unmarked())
}

/// Can values be sealed?
#[utoipa::path(
    get,
    path = "/encrypt/status",
    tag = "sealing",
    security(("application" = [])),
    responses(
        (status = 200, description = "Values can be sealed.", body = Status),
        (status = 401, description = "`UNAUTHENTICATED`: no application has this name and password.",
            body = problem::Body, content_type = problem::MEDIA_TYPE),
        (status = 404, description = "`NOT_FOUND`: the server has no key.", body = problem::Body,
            content_type = problem::MEDIA_TYPE),
    ),
)]
pub(crate) async fn sealing_status(
    State(server): State<Arc<ConfigServer>>,
    _caller: Caller,
) -> Result<Json<Status>, SealingError> {
    if server.environments.keyring().can_seal() {
        Ok(Json(Status { status: "OK" }))
    } else {
        Err(SealingError::NoKey)
    }
}
