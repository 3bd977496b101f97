//! `GET /{application}-{profiles}.{yml,yaml,json,properties}`: all settings in one text.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use problem::{Path, Problem, Query};

use super::caller::Caller;
use super::lookup::{find, no_route, rendering_problem};
use super::request::{Parameters, RenderedName};
use crate::environment::Rendering;
use crate::server::ConfigServer;

/// All settings in one text
///
/// The sources are merged, and placeholders are filled in. `/{label}/{application}-{profiles}.yml` is the same under a
/// label. The last profile can't have a hyphen.
#[utoipa::path(
    get,
    path = "/{file}",
    tag = "settings",
    security(("application" = [])),
    params(
        ("file" = String, Path, description = "`{application}-{profiles}`, and `.yml`, `.yaml`, `.json` or `.properties`.",
            example = "member-api-default.yml"),
        Parameters,
    ),
    responses(
        (status = 200, description = "The settings.", body = String, content_type = "text/plain"),
        (status = 400, description = "`INVALID_PARAMETER`: a name is not valid, or the settings have no such form.",
            body = problem::Body, content_type = problem::MEDIA_TYPE),
        (status = 401, description = "`UNAUTHENTICATED`: no application has this name and password.",
            body = problem::Body, content_type = problem::MEDIA_TYPE),
        (status = 404, description = "`NOT_FOUND`: the settings of another application.", body = problem::Body,
            content_type = problem::MEDIA_TYPE),
        (status = 500, description = "`INTERNAL`: a file is broken, or a list is set as something else, too.",
            body = problem::Body, content_type = problem::MEDIA_TYPE),
    ),
)]
pub(crate) async fn rendering_show(
    State(server): State<Arc<ConfigServer>>,
    caller: Caller,
    Path(file): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Response {
    match RenderedName::parse(&file) {
        Some(name) => show(&server, &caller, &name, None, &parameters),
        None => no_route().into_response(),
    }
}

pub(super) fn show(
    server: &ConfigServer,
    caller: &Caller,
    name: &RenderedName<'_>,
    label: Option<&str>,
    parameters: &Parameters,
) -> Response {
    let media_type = match name.rendering {
        Rendering::Json => "application/json",
        Rendering::Yaml | Rendering::Properties => "text/plain;charset=UTF-8",
    };
    match render(server, caller, name, label, parameters) {
        Ok(text) => ([(header::CONTENT_TYPE, media_type)], text).into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn render(
    server: &ConfigServer,
    caller: &Caller,
    name: &RenderedName<'_>,
    label: Option<&str>,
    parameters: &Parameters,
) -> Result<String, Problem> {
    let environment = find(server, caller, [name.application, name.profiles], label)?;
    let text = name.rendering.render(&environment.property_sources, parameters.resolve_placeholders.0);
    text.map_err(rendering_problem)
}
