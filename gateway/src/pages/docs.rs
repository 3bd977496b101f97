//! `/docs`: Swagger UI with the OpenAPI definition of each service.
//!
//! A definition is fetched from an instance of the service for each request.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use http_body_util::{BodyExt, Limited};
use problem::{Code, Problem};
use serde_json::{Map, Value, json};
use tower::BoxError;
use utoipa_swagger_ui::{Config, Url};

use crate::compression::{self, Coding};
use crate::refusal::Refusal;
use crate::table::CurrentTable;
use crate::upstream::Upstream;

/// A larger definition is refused.
const MAX_DEFINITION_BYTES: usize = 8 * 1024 * 1024;

struct Docs {
    table: CurrentTable,
}

/// Returns the routes `/docs`, with the files of Swagger UI, and `/docs/{service}/openapi.json`.
pub(super) fn router(table: CurrentTable) -> Router {
    let docs = Docs { table };
    Router::new()
        // The links of the page are relative to `/docs/`.
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route(
            "/docs/",
            get(async |State(docs): State<Arc<Docs>>, headers: HeaderMap| {
                docs.file("index.html", &headers).await
            }),
        )
        .route(
            "/docs/{file}",
            get(async |State(docs): State<Arc<Docs>>, Path(name): Path<String>, headers: HeaderMap| {
                docs.file(&name, &headers).await
            }),
        )
        .route("/docs/{service}/openapi.json", get(definition_show))
        .with_state(Arc::new(docs))
}

impl Docs {
    /// A file of Swagger UI. Nearly all of them are stored compressed.
    async fn file(&self, name: &str, asked: &HeaderMap) -> Result<Response, Problem> {
        let table = self.table.load_full();
        let with_path = |service| (service, format!("/docs/{service}/openapi.json"));
        let definitions: Vec<_> = table.upstreams().names().iter().map(with_path).collect();
        let file = utoipa_swagger_ui::serve(name, Arc::new(swagger(&definitions)))
            .map_err(|error| Problem::internal(SwaggerError(error.to_string())))?
            .ok_or_else(|| Problem::new(Code::NotFound))?;
        let content_type = [(header::CONTENT_TYPE, file.content_type)];
        if !file.gzpipped {
            return Ok((content_type, file.bytes.into_owned()).into_response());
        }
        let mut response = if compression::takes(asked, Coding::Gzip) {
            let coding = [(header::CONTENT_ENCODING, Coding::Gzip.name())];
            (content_type, coding, file.bytes.into_owned()).into_response()
        } else {
            let bytes = compression::decompressed(&file.bytes).await.map_err(Problem::internal)?;
            (content_type, bytes).into_response()
        };
        compression::vary(response.headers_mut());
        Ok(response)
    }
}

/// The page for these services, with the paths of their definitions.
fn swagger<'a>(definitions: &'a [(&String, String)]) -> Config<'a> {
    Config::new(definitions.iter().map(|(service, path)| Url::new(service, path)))
        .display_request_duration(true)
        .persist_authorization(true)
        .try_it_out_enabled(true)
        // By default, the page sends the address of the definition to a validator on the internet.
        .validator_url("none")
}

/// Swagger UI could not make its page.
#[derive(Debug, thiserror::Error)]
#[error("Swagger UI could not be configured: {0}")]
struct SwaggerError(String);

async fn definition_show(
    State(docs): State<Arc<Docs>>,
    Path(service): Path<String>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let upstream = docs.table.load().upstreams().get(&service).ok_or_else(|| Problem::new(Code::NotFound))?;
    let mut definition = fetch(&upstream).await?;
    // "Try it out" must call the gateway, and not the address of the service.
    definition.insert("servers".to_owned(), json!([{ "url": "/" }]));
    Ok(Json(definition))
}

/// Why a definition is not available.
#[derive(Debug, thiserror::Error)]
enum DefinitionError {
    #[error("the service did not answer the request for its definition")]
    Unavailable(#[source] Refusal),
    #[error("the service answered {0} to the request for its definition")]
    Status(StatusCode),
    #[error("the definition is incomplete or too large")]
    Unreadable(#[source] BoxError),
    #[error("the definition is not a JSON object")]
    NotJson(#[source] serde_json::Error),
}

impl From<DefinitionError> for Problem {
    fn from(error: DefinitionError) -> Self {
        match error {
            DefinitionError::Unavailable(_) => {
                Self::unavailable(error).detail("the service is down, so its API can't be shown")
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
    let answer = upstream.send(request, false, None).await.map_err(DefinitionError::Unavailable)?;
    if answer.status() != StatusCode::OK {
        return Err(DefinitionError::Status(answer.status()));
    }
    let whole = Limited::new(answer.into_body(), MAX_DEFINITION_BYTES).collect().await;
    let whole = whole.map_err(DefinitionError::Unreadable)?.to_bytes();
    serde_json::from_slice(&whole).map_err(DefinitionError::NotJson)
}
