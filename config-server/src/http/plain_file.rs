//! `GET /{application}/{profiles}/{label}/{path}`: a file that is no settings file.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use problem::{Path, Query};

use super::accept::{OCTETS, choose};
use super::caller::Caller;
use super::lookup::{find, find_file, rendering_problem};
use super::request::Parameters;
use crate::environment::fill_in;
use crate::server::ConfigServer;

const TEXT: &str = "text/plain";
const TEXT_UTF_8: &str = "text/plain;charset=UTF-8";

/// A plain file
///
/// The file in the first directory that has it; of a profile `dev`, `x-dev.conf` before `x.conf`. Placeholders are filled in,
/// unless `Accept: application/octet-stream` asks for the bytes. Files of other applications are not found.
#[utoipa::path(
    get,
    path = "/{application}/{profiles}/{label}/{*path}",
    tag = "settings",
    security(("application" = [])),
    params(
        ("application" = String, Path, description = "The application.", example = "member-api"),
        ("profiles" = String, Path, description = "Separated by commas.", example = "default"),
        ("label" = String, Path, description = "The name of a subdirectory.", example = "master"),
        ("path" = String, Path, description = "The path of the file below a directory.", example = "nginx.conf"),
        Parameters,
    ),
    responses(
        (status = 200, description = "The file.", body = String, content_type = "text/plain"),
        (status = 400, description = "`INVALID_PARAMETER`: a name is not valid, or the placeholders lead in a circle.",
            body = problem::Body, content_type = problem::MEDIA_TYPE),
        (status = 401, description = "`UNAUTHENTICATED`: no application has this name and password.",
            body = problem::Body, content_type = problem::MEDIA_TYPE),
        (status = 404, description = "`NOT_FOUND`: there is no such file that the application may read.",
            body = problem::Body, content_type = problem::MEDIA_TYPE),
        (status = 500, description = "`INTERNAL`: a file is broken.", body = problem::Body,
            content_type = problem::MEDIA_TYPE),
    ),
)]
pub(crate) async fn plain_file_show(
    State(server): State<Arc<ConfigServer>>,
    caller: Caller,
    Path((application, profiles, label, path)): Path<(String, String, String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    show(&server, &caller, [&application, &profiles], Some(&label), &path, (&parameters, &headers))
}

pub(super) fn show(
    server: &ConfigServer,
    caller: &Caller,
    names: [&str; 2],
    label: Option<&str>,
    path: &str,
    (parameters, headers): (&Parameters, &HeaderMap),
) -> Response {
    let file = match find_file(server, caller, names, label, path) {
        Ok(file) => file,
        Err(problem) => return problem.into_response(),
    };
    // Every client that does not ask for bytes gets text.
    if choose(headers, &[TEXT, OCTETS]).is_ok_and(|media_type| media_type == OCTETS) {
        return ([(header::CONTENT_TYPE, OCTETS)], file.content.to_vec()).into_response();
    }
    let text = String::from_utf8_lossy(&file.content).into_owned();
    let filled = if parameters.resolve_placeholders.0 {
        find(server, caller, names, label)
            .and_then(|environment| fill_in(&environment.property_sources, &text).map_err(rendering_problem))
    } else {
        Ok(text)
    };
    match filled {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_UTF_8)], text).into_response(),
        Err(problem) => problem.into_response(),
    }
}
