//! `/encrypt`, `/decrypt` and `/key`: the operator seals and opens values of settings files.
//!
//! Spring's paths with the names of an application and its profiles are the same: all applications have the same keys.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use http::{HeaderMap, header};
use problem::{Code, Problem};
use sealing::SealError;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use thiserror::Error;
use utoipa::{IntoResponses, ToSchema};

use super::caller::Operator;
use crate::sealing::{OpenTextError, ToSeal, sealed_text, text};
use crate::server::ConfigServer;

/// The size limit of a value to seal, and of a sealed value to open.
pub(crate) const VALUE_MAX_BYTES: usize = 64 * 1024;

/// Whether values can be sealed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// Always `OK`, as in Spring. Without a key, the answer is a problem.
    #[schema(example = "OK")]
    status: &'static str,
}

/// Why a value was not sealed or opened.
#[derive(Debug, Error)]
pub(crate) enum SealingError {
    #[error("no key is installed")]
    NoKey,
    #[error("there is no such key")]
    NoSuchKey,
    #[error("the value can't be read")]
    Body(#[from] BytesRejection),
    #[error("the value is not text")]
    NotText,
    #[error("there is no value")]
    Empty,
    #[error("the value can't be sealed")]
    Seal(#[from] SealError),
    #[error("the value can't be opened")]
    Open(#[from] OpenTextError),
}

impl From<SealingError> for Problem {
    fn from(error: SealingError) -> Self {
        match error {
            SealingError::NoKey => {
                Problem::new(Code::NotFound).detail("this server was started without a --key-file")
            }
            SealingError::NoSuchKey => Problem::new(Code::InvalidParameter).detail(
                "the server has no key of this name; if `{key:` is part of the value, write `{plain}` before it",
            ),
            SealingError::Body(_) => Problem::new(Code::BodyTooLarge)
                .detail(format!("a value may have at most {VALUE_MAX_BYTES} bytes")),
            SealingError::NotText => {
                Problem::new(Code::InvalidParameter).detail("the value must be text in UTF-8")
            }
            SealingError::Empty => Problem::new(Code::InvalidParameter).detail("the value is empty"),
            SealingError::Seal(error) => Problem::internal(error),
            SealingError::Open(error) => Problem::new(Code::InvalidParameter)
                .detail(format!("the value can't be opened: {}", telemetry::chain(&error))),
        }
    }
}

problem::respond!(SealingError);

/// What all these routes answer to others.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the answers for the OpenAPI document")]
enum Refusals {
    /// `INVALID_PARAMETER`: the value is empty, no UTF-8 or can't be opened, or there is no key of this name.
    #[response(status = 400, content_type = "application/problem+json")]
    Value(problem::Body),
    /// `UNAUTHENTICATED`: nobody has this name and password.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(problem::Body),
    /// `WRONG_ROLE`: an application asks.
    #[response(status = 403, content_type = "application/problem+json")]
    WrongRole(problem::Body),
    /// `NOT_FOUND`: the server has no key.
    #[response(status = 404, content_type = "application/problem+json")]
    NoKey(problem::Body),
    /// `BODY_TOO_LARGE`: the value is longer than 64 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(problem::Body),
}

/// Seal a value
///
/// The body is the value, without any encoding. The answer is the text to write after `{cipher}` in a settings file.
/// `{key:NAME}` before the value chooses a key. `{plain}` says that what follows is the value.
#[utoipa::path(
    post,
    path = "/encrypt",
    tag = "sealing",
    security(("operator" = [])),
    request_body(content = String, content_type = "text/plain", description = "The value; 64 KiB at most."),
    responses(
        (status = 200, description = "The sealed value.", body = String, content_type = "text/plain",
            example = "{key:dalkom}u6Xh…"),
        Refusals,
    ),
)]
pub(crate) async fn value_seal(
    State(server): State<Arc<ConfigServer>>,
    _operator: Operator,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, SealingError> {
    let body = body?;
    let text = text(&body, is_form(&headers)).ok_or(SealingError::NotText)?;
    let ToSeal { key, value } = ToSeal::parse(&text);
    if value.is_empty() {
        return Err(SealingError::Empty);
    }
    let sealing_key = server.environments.keyring().sealing_key(key);
    let sealing_key =
        sealing_key.ok_or(if key.is_some() { SealingError::NoSuchKey } else { SealingError::NoKey })?;
    Ok(sealing_key.seal(value)?.unmarked())
}

/// Open a value
///
/// The body is a sealed value, with or without `{cipher}`. The log says that it was opened, and by whom.
#[utoipa::path(
    post,
    path = "/decrypt",
    tag = "sealing",
    security(("operator" = [])),
    request_body(content = String, content_type = "text/plain", description = "The sealed value; 64 KiB at most."),
    responses(
        (status = 200, description = "The value.", body = String, content_type = "text/plain"),
        Refusals,
    ),
)]
pub(crate) async fn value_open(
    State(server): State<Arc<ConfigServer>>,
    _operator: Operator,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, SealingError> {
    let body = body?;
    let text = sealed_text(&body, is_form(&headers)).ok_or(SealingError::NotText)?;
    if text.is_empty() {
        return Err(SealingError::Empty);
    }
    let opened = server.environments.keyring().open(&text);
    // Which of the operator's values it was can't be told: a posted value has no key of a setting.
    tracing::info!(target: "audit", who = "operator", opened = opened.is_ok(), "a sealed value was posted to be opened");
    Ok(opened?.expose_secret().to_owned())
}

/// The public key
///
/// The public half of the key that seals, as `config-server seal --key` reads it. If the server has only Spring's key store,
/// the public half of its RSA key in PEM.
#[utoipa::path(
    get,
    path = "/key",
    tag = "sealing",
    security(("operator" = [])),
    responses(
        (status = 200, description = "The public key.", body = String, content_type = "text/plain"),
        Refusals,
    ),
)]
pub(crate) async fn public_key_show(
    State(server): State<Arc<ConfigServer>>,
    _operator: Operator,
) -> Result<String, SealingError> {
    let keyring = server.environments.keyring();
    let own = keyring.sealing_key(None).map(|key| key.to_string());
    own.or_else(|| keyring.spring().public_key_pem(None)).ok_or(SealingError::NoKey)
}

/// Can values be sealed?
#[utoipa::path(
    get,
    path = "/encrypt/status",
    tag = "sealing",
    security(("operator" = [])),
    responses(
        (status = 200, description = "Values can be sealed.", body = Status),
        Refusals,
    ),
)]
pub(crate) async fn sealing_status(
    State(server): State<Arc<ConfigServer>>,
    _operator: Operator,
) -> Result<Json<Status>, SealingError> {
    match server.environments.keyring().sealing_key(None) {
        Some(_) => Ok(Json(Status { status: "OK" })),
        None => Err(SealingError::NoKey),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().starts_with("application/x-www-form-urlencoded"))
}
