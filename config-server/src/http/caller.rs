//! HTTP basic authentication of an application or of the operator.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use headers::authorization::Basic;
use headers::{Authorization, HeaderMapExt as _};
use http::HeaderMap;
use http::request::Parts;
use problem::{Code, Problem};

use crate::access::Caller as Known;
use crate::names::Name;
use crate::server::ConfigServer;

/// How many characters of a wrong name are logged.
const LOGGED_NAME_MAX_CHARS: usize = 64;

/// The authenticated application.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Name);

/// The authenticated operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator;

impl FromRequestParts<Arc<ConfigServer>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<ConfigServer>) -> Result<Self, Problem> {
        match authenticate(&parts.headers, server)? {
            Known::Application(name) => Ok(Self(name)),
            Known::Operator | Known::Monitor => {
                Err(Problem::new(Code::WrongRole)
                    .detail("only an application reads settings, and only its own"))
            }
        }
    }
}

impl FromRequestParts<Arc<ConfigServer>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<ConfigServer>) -> Result<Self, Problem> {
        match authenticate(&parts.headers, server)? {
            Known::Operator => Ok(Self),
            other => {
                let who = match &other {
                    Known::Application(name) => name.as_str(),
                    Known::Operator | Known::Monitor => "a webhook",
                };
                tracing::warn!(who, path = parts.uri.path(), "somebody asked for what is the operator's");
                Err(Problem::new(Code::WrongRole).detail(
                    "authenticate as `operator`, with the operator's password in the credentials file",
                ))
            }
        }
    }
}

/// Who may say that a git repository has changed: its webhook, or the operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Monitor;

impl FromRequestParts<Arc<ConfigServer>> for Monitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<ConfigServer>) -> Result<Self, Problem> {
        match authenticate(&parts.headers, server)? {
            Known::Operator | Known::Monitor => Ok(Self),
            Known::Application(_) => Err(Problem::new(Code::WrongRole)
                .detail("authenticate as `monitor`, with its password in the credentials file")),
        }
    }
}

/// A refusal is logged with the name that was tried. The password is not: it may be right for something else.
fn authenticate(headers: &HeaderMap, server: &ConfigServer) -> Result<Known, Problem> {
    let presented = headers.typed_get::<Authorization<Basic>>();
    let known = presented
        .as_ref()
        .and_then(|Authorization(basic)| server.authenticate(basic.username(), basic.password()));
    known.ok_or_else(|| {
        if let Some(Authorization(basic)) = presented {
            let tried: String = basic.username().chars().take(LOGGED_NAME_MAX_CHARS).collect();
            tracing::warn!(?tried, "a caller has a wrong name or password");
        } else {
            tracing::warn!("a caller has no name and password");
        }
        Problem::new(Code::Unauthenticated)
            .detail("authenticate with the name of the application and its password")
            .challenge("Basic realm=\"config-server\", charset=\"UTF-8\"")
    })
}
