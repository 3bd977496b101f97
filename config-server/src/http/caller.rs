//! HTTP basic authentication of the application.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use headers::authorization::Basic;
use headers::{Authorization, HeaderMapExt as _};
use http::request::Parts;
use problem::{Code, Problem};

use crate::names::Name;
use crate::server::ConfigServer;

/// The authenticated application.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Name);

impl FromRequestParts<Arc<ConfigServer>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<ConfigServer>) -> Result<Self, Problem> {
        let presented = parts.headers.typed_get::<Authorization<Basic>>();
        presented
            .and_then(|Authorization(basic)| {
                server.credentials.authenticate(basic.username(), basic.password())
            })
            .map(Self)
            .ok_or_else(|| {
                Problem::new(Code::Unauthenticated)
                    .detail("authenticate with the name of the application and its password")
                    .challenge("Basic realm=\"config-server\", charset=\"UTF-8\"")
            })
    }
}
