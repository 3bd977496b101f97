//! `POST /encrypt` and `GET /encrypt/status`: sealing values for files of settings.

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
use crate::ConfigServer;

/// The largest value that is worth sealing.
pub(crate) const VALUE_MAX_BYTES: usize = 64 * 1024;

/// Whether values can be sealed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// Always `OK`, as in Spring; without a key the answer is a problem.
    #[schema(example = "OK")]
    status: &'static str,
}

/// Why nothing was sealed.
#[derive(Debug, Error)]
pub(crate) enum EncryptionError {
    #[error("no key is installed")]
    NoKey,
    #[error("the value can't be read")]
    Body(#[from] BytesRejection),
    #[error("the value is not text")]
    NotText,
    #[error("the value can't be sealed")]
    Seal(#[from] SealError),
}

impl From<EncryptionError> for Problem {
    fn from(error: EncryptionError) -> Self {
        match error {
            EncryptionError::NoKey => {
                Problem::new(Code::NotFound).detail("this server was started without a --key-file")
            }
            EncryptionError::Body(_) => Problem::new(Code::BodyTooLarge)
                .detail(format!("a value to seal has {VALUE_MAX_BYTES} bytes at most")),
            EncryptionError::NotText => {
                Problem::new(Code::InvalidParameter).detail("the value to seal must be text in UTF-8")
            }
            EncryptionError::Seal(error) => Problem::internal(error),
        }
    }
}

problem::respond!(EncryptionError);

/// Seal a value
///
/// The body is the value, as it is. The answer is what to write behind `{cipher}` in a file of settings.
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
) -> Result<String, EncryptionError> {
    let body = body?;
    let value = std::str::from_utf8(&body).map_err(|_| EncryptionError::NotText)?;
    let sealed = server.environments.keyring().seal(value).ok_or(EncryptionError::NoKey)??;
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
pub(crate) async fn encryption_status(
    State(server): State<Arc<ConfigServer>>,
    _caller: Caller,
) -> Result<Json<Status>, EncryptionError> {
    if server.environments.keyring().can_seal() {
        Ok(Json(Status { status: "OK" }))
    } else {
        Err(EncryptionError::NoKey)
    }
}
