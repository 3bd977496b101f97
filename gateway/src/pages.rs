//! The pages that the gateway itself serves: the API's documentation and what is behind a problem's `type`.

mod docs;
mod problems;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};

use crate::upstream::Upstreams;

const STYLESHEET: &str = include_str!("pages/page.css");

/// What every page is answered with. Scripts and styles come from here alone; Swagger UI sets styles in attributes
/// and draws its icons from `data:` addresses.
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

/// `/`, `/docs`, `/problems` and what belongs to them.
pub(crate) fn router(services: &[String], upstreams: Arc<Upstreams>) -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary("/docs/")))
        .route(
            "/assets/page.css",
            get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLESHEET)),
        )
        .merge(docs::router(services, upstreams))
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

/// A page in the one layout that they have.
fn page(title: &str, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Dalkom" }
                link rel="stylesheet" href="/assets/page.css";
            }
            body {
                header { a href="/docs/" { "Dalkom API" } " " a href="/problems" { "Problems" } }
                main { (content) }
            }
        }
    };
    axum::response::Html(page.into_string()).into_response()
}
