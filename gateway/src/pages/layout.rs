//! The layout of a page.

use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

/// Returns a page with a title and a content.
pub(super) fn page(title: &str, content: &Markup) -> Response {
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
    Html(page.into_string()).into_response()
}
