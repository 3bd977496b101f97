//! The pages of problems. The member `type` of a problem is the address of one of them.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use problem::{Code, Problem};

use super::layout::page;

/// Returns the routes `/problems` and `/problems/{code}`.
pub(super) fn router() -> Router {
    Router::new().route("/problems", get(problem_list)).route("/problems/{code}", get(problem_show))
}

async fn problem_list() -> Response {
    page(
        "Problems",
        &html! {
            h1 { "Problems" }
            p {
                "An error of the API is a problem in the sense of "
                a href="https://www.rfc-editor.org/rfc/rfc9457" { "RFC 9457" }
                ". Programs should use its " code { "code" } ", whose meaning never changes."
            }
            table {
                thead { tr { th { "Code" } th { "Status" } th { "Meaning" } } }
                tbody {
                    @for code in Code::ALL {
                        tr {
                            td { a href={ "/problems/" (code.as_str()) } { code { (code.as_str()) } } }
                            td { (code.status().as_u16()) }
                            td { (code.title()) }
                        }
                    }
                }
            }
        },
    )
}

async fn problem_show(Path(name): Path<String>) -> Result<Response, Problem> {
    let code = Code::from_name(&name).ok_or_else(|| Problem::new(Code::NotFound))?;
    let status = code.status();
    Ok(page(
        code.as_str(),
        &html! {
            h1 { (code.title()) }
            p { (prose(code.explanation())) }
            dl {
                dt { "code" }
                dd { code { (code.as_str()) } }
                dt { "status" }
                dd { (status.as_u16()) " " (status.canonical_reason().unwrap_or_default()) }
                dt { "type" }
                dd { code { "/problems/" (code.as_str()) } }
            }
            p { "If you ask us about a problem, tell us its " code { "traceId" } "." }
        },
    ))
}

/// Shows the text between backticks as code.
fn prose(text: &str) -> Markup {
    html! {
        @for (position, part) in text.split('`').enumerate() {
            @if position % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}
