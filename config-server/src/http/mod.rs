//! The routes: a file for each resource.
//!
//! | path | file |
//! |---|---|
//! | `GET /{application}/{profiles}`, `GET /{application}/{profiles}/{label}` | `environment` |
//! | `GET /{application}-{profiles}.yml` and the other renderings | `rendering` |
//! | `GET /{application}/{profiles}/{label}/{path}` | `plain_file` |
//! | `GET /instances` | `instances` |
//! | `POST /monitor` | `monitor` |
//! | `POST /encrypt`, `GET /encrypt/status`, `POST /decrypt`, `GET /key` | `sealing` |
//!
//! `request` reads the names in a path, `lookup` finds what they name, and `accept` chooses the media type. `caller`
//! authenticates the application or the operator. Every route except `/openapi.json` needs it.

mod accept;
mod caller;
mod environment;
mod instances;
mod lookup;
mod monitor;
mod plain_file;
mod rendering;
mod request;
mod sealing;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderValue, header};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::server::ConfigServer;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dalkom settings",
        description = "The settings of every process, in Spring Cloud Config's formats.",
    ),
    modifiers(&Passwords),
    components(schemas(problem::Body, problem::Fault)),
    tags(
        (name = "settings", description = "The settings of an application."),
        (name = "instances", description = "Which process runs which settings."),
        (name = "sealing", description = "Secrets that can be stored in settings files."),
    )
)]
struct Document;

/// HTTP basic authentication: the name of an application, `operator` or `monitor`, and the password.
struct Passwords;

impl Modify for Passwords {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).build();
        let components = document.components.get_or_insert_default();
        for who in ["application", "operator", "monitor"] {
            components.add_security_scheme(who, SecurityScheme::Http(basic.clone()));
        }
    }
}

/// Returns all routes of the server.
pub fn router(server: Arc<ConfigServer>) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(environment::environment_show))
        .routes(routes!(environment::labelled_environment_show))
        .routes(routes!(rendering::rendering_show))
        .routes(routes!(plain_file::plain_file_show))
        .routes(routes!(instances::instance_list))
        .routes(routes!(monitor::monitor))
        .routes(routes!(sealing::value_seal))
        .routes(routes!(sealing::value_open))
        .routes(routes!(sealing::public_key_show))
        .routes(routes!(sealing::sealing_status))
        .split_for_parts();
    let document = axum::Json(document);
    router
        .route("/encrypt/{application}/{profiles}", post(sealing::value_seal))
        .route("/decrypt/{application}/{profiles}", post(sealing::value_open))
        .route("/key/{application}/{profiles}", get(sealing::public_key_show))
        .layer(DefaultBodyLimit::max(sealing::VALUE_MAX_BYTES))
        .layer(map_response(forbid_caching))
        .route("/openapi.json", get(async move || document))
        .with_state(server)
}

/// Forbids caches to store answers, because they contain opened secrets.
async fn forbid_caching(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
