//! The pages of the gateway: the documentation of the API, and the pages of problems.

mod docs;
mod layout;
mod problems;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Redirect, Response};
use axum::routing::get;

use crate::table::CurrentTable;

const STYLESHEET: &str = include_str!("page.css");

/// The security headers of every page. Scripts and styles may come only from the gateway. Swagger UI needs inline styles,
/// and `data:` URLs for its icons.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Returns the routes `/`, `/docs` and `/problems` with their files.
pub(crate) fn router(services: &[String], table: CurrentTable) -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary("/docs/")))
        .route(
            "/assets/page.css",
            get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLESHEET)),
        )
        .merge(docs::router(services, table))
        .merge(problems::router())
        .layer(from_fn(add_security_headers))
}

async fn add_security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
