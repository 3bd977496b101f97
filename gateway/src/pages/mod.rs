//! The pages of the gateway: the documentation of the API, and the pages of problems.

mod docs;
mod layout;
mod problems;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use problem::Problem;

use crate::compression;
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
pub(crate) fn router(table: CurrentTable) -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary("/docs/")))
        .route(
            "/assets/page.css",
            get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLESHEET)),
        )
        .merge(docs::router(table.clone()))
        .merge(problems::router())
        .layer(from_fn_with_state(table, compress))
        .layer(from_fn(add_security_headers))
}

/// Compresses pages for those who ask for it.
async fn compress(State(table): State<CurrentTable>, mut request: Request, next: Next) -> Response {
    let asked = compression::ask(Some(table.load().compression()), &mut request);
    let response = next.run(request).await;
    match asked {
        Some(asked) => asked.answered(response).await.map_err(Problem::from).into_response(),
        None => response,
    }
}

async fn add_security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
