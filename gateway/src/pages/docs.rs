//! `/docs`: Swagger UI over the definition of each service.
//!
//! A definition is what the service itself serves, fetched from one of its instances when it is asked for.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use http_body_util::{BodyExt, Limited};
use problem::{Code, Problem};
use serde_json::{Map, Value, json};
use tower::BoxError;
use utoipa_swagger_ui::{Config, Url};

use crate::refusal::Refusal;
use crate::upstream::{Upstream, Upstreams};

/// More than any definition; what is larger is none.
const MAX_DEFINITION_BYTES: usize = 8 * 1024 * 1024;

struct Docs {
    /// Each with the path of its definition.
    services: Vec<(String, String)>,
    upstreams: Arc<Upstreams>,
}

/// `/docs` and `/docs/{service}/openapi.json`.
pub(super) fn router(services: &[String], upstreams: Arc<Upstreams>) -> Router {
    let with_path = |service: &String| (service.clone(), format!("/docs/{service}/openapi.json"));
    let docs = Docs { services: services.iter().map(with_path).collect(), upstreams };
    Router::new()
        // The page's own links are relative: without the slash they would miss.
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async |State(docs): State<Arc<Docs>>| docs.file("index.html")))
        .route(
            "/docs/{file}",
            get(async |State(docs): State<Arc<Docs>>, Path(name): Path<String>| docs.file(&name)),
        )
        .route("/docs/{service}/openapi.json", get(definition_show))
        .with_state(Arc::new(docs))
}

impl Docs {
    fn file(&self, name: &str) -> Result<Response, Problem> {
        let file = utoipa_swagger_ui::serve(name, Arc::new(self.swagger()))
            .map_err(|error| Problem::internal(SwaggerError(error.to_string())))?
            .ok_or_else(|| Problem::new(Code::NotFound))?;
        Ok(([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response())
    }

    fn swagger(&self) -> Config<'_> {
        Config::new(self.services.iter().map(|(service, path)| Url::new(service, path)))
            .display_request_duration(true)
            .persist_authorization(true)
            .try_it_out_enabled(true)
            // By default the page sends the definition's address to a validator on the internet.
            .validator_url("none")
    }
}

/// Swagger UI could not put its page together.
#[derive(Debug, thiserror::Error)]
#[error("Swagger UI could not be configured: {0}")]
struct SwaggerError(String);

async fn definition_show(
    State(docs): State<Arc<Docs>>,
    Path(service): Path<String>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let upstream = docs.upstreams.get(&service).ok_or_else(|| Problem::new(Code::NotFound))?;
    let mut definition = fetch(&upstream).await?;
    // Whatever address the service has, "Try it out" goes through the gateway, wherever that is reached.
    definition.insert("servers".to_owned(), json!([{ "url": "/" }]));
    Ok(Json(definition))
}

/// Why there is no definition.
#[derive(Debug, thiserror::Error)]
enum DefinitionError {
    #[error("the service could not be asked for its definition")]
    Down(#[source] Refusal),
    #[error("the service answered {0} when it was asked for its definition")]
    Status(StatusCode),
    #[error("the definition broke off, or is too large")]
    Unreadable(#[source] BoxError),
    #[error("the definition is no JSON object")]
    NotJson(#[source] serde_json::Error),
}

impl From<DefinitionError> for Problem {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Down(_) => {
                Self::unavailable(error).detail("the service is down, and so can't say what it offers")
            }
            DefinitionError::Status(_) | DefinitionError::Unreadable(_) | DefinitionError::NotJson(_) => {
                Self::new(Code::BadGateway).caused_by(error)
            }
        }
    }
}

async fn fetch(upstream: &Upstream) -> Result<Map<String, Value>, DefinitionError> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = "/openapi.json".parse().expect("a path is a URI");
    telemetry::inject(request.headers_mut());
    let answer = upstream.send(request).await.map_err(DefinitionError::Down)?;
    if answer.status() != StatusCode::OK {
        return Err(DefinitionError::Status(answer.status()));
    }
    let whole = Limited::new(answer.into_body(), MAX_DEFINITION_BYTES).collect().await;
    let whole = whole.map_err(DefinitionError::Unreadable)?.to_bytes();
    serde_json::from_slice(&whole).map_err(DefinitionError::NotJson)
}
