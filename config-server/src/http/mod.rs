//! The routes: a file for each resource.
//!
//! | path | file |
//! |---|---|
//! | `GET /{application}/{profiles}`, `GET /{application}/{profiles}/{label}` | `environment` |
//! | `POST /encrypt`, `GET /encrypt/status` | `encryption` |
//!
//! `caller` says who asks; every route but the description of the routes wants to know.

mod caller;
mod encryption;
mod environment;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, header};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ConfigServer;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dalkom settings",
        description = "The settings of every process, in Spring Cloud Config's formats.",
    ),
    modifiers(&ApplicationPassword),
    components(schemas(problem::Body, problem::Fault)),
    tags(
        (name = "settings", description = "What an application is told."),
        (name = "sealing", description = "Secrets that may lie in files of settings."),
    )
)]
struct Document;

/// HTTP basic authentication: the name of an application and its password.
struct ApplicationPassword;

impl Modify for ApplicationPassword {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("application", SecurityScheme::Http(basic));
    }
}

/// All routes of the server.
pub fn router(server: Arc<ConfigServer>) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(environment::environment_show))
        .routes(routes!(environment::labelled_environment_show))
        .routes(routes!(encryption::value_seal))
        .routes(routes!(encryption::encryption_status))
        .split_for_parts();
    let document = axum::Json(document);
    router
        .layer(DefaultBodyLimit::max(encryption::VALUE_MAX_BYTES))
        .layer(map_response(keep_out_of_caches))
        .route("/openapi.json", get(async move || document))
        .with_state(server)
}

/// Answers hold opened secrets.
async fn keep_out_of_caches(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
