//! `GET /{application}/{profiles}[/{label}]`: the settings of an application, in Spring Cloud Config's JSON.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use headers::{ETag, HeaderMapExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use problem::{Path, Query};
use utoipa::IntoResponses;

use super::accept::{JSON, V2_JSON, choose};
use super::caller::Caller;
use super::lookup::{audit, find_quietly, no_route};
use super::plain_file;
use super::rendering;
use super::request::{Parameters, RenderedName, looks_like_file};
use crate::environment::WithOrigins;
use crate::server::ConfigServer;
use crate::waiting::{Outcome, PREFERENCE_APPLIED, Wish};

/// Settings of an application
///
/// The property sources of an application with flat keys, in order of precedence. An application can read only its own
/// settings. `Accept: application/vnd.spring-cloud.config-server.v2+json` adds the place of each value.
///
/// With the `ETag` in `If-None-Match`, the answer is 304 while nothing has changed. `Prefer: wait=SECONDS` waits for a change, 25
/// seconds at most.
///
/// With a last segment like `{application}-{profiles}.yml`, this is the rendering under the label in the first segment.
#[utoipa::path(
    get,
    path = "/{application}/{profiles}",
    tag = "settings",
    security(("application" = [])),
    params(
        ("application" = String, Path, description = "The application. Several are separated by commas; the last one wins.",
            example = "member-api"),
        ("profiles" = String, Path, description = "Separated by commas. The last one wins.", example = "default"),
        Parameters,
    ),
    responses(EnvironmentResponses),
)]
pub(crate) async fn environment_show(
    State(server): State<Arc<ConfigServer>>,
    caller: Caller,
    Path((application, profiles)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    if looks_like_file(&profiles) {
        return match RenderedName::parse(&profiles) {
            Some(name) => rendering::show(&server, &caller, &name, Some(&application), &parameters),
            None => no_route().into_response(),
        };
    }
    show(&server, &caller, [&application, &profiles], None, &headers).await
}

/// Settings of an application, under a label
///
/// The same, and the files in the subdirectories with the name of the label win over the same files outside of them. With
/// `?useDefaultLabel`, the last segment is the name of a plain file.
#[utoipa::path(
    get,
    path = "/{application}/{profiles}/{label}",
    tag = "settings",
    security(("application" = [])),
    params(
        ("application" = String, Path, description = "The application.", example = "member-api"),
        ("profiles" = String, Path, description = "Separated by commas. The last one wins.", example = "default"),
        ("label" = String, Path, description = "The name of a subdirectory. `(_)` stands for a slash. Of several, separated by commas, the first one wins.",
            example = "canary"),
        Parameters,
    ),
    responses(EnvironmentResponses),
)]
pub(crate) async fn labelled_environment_show(
    State(server): State<Arc<ConfigServer>>,
    caller: Caller,
    Path((application, profiles, label)): Path<(String, String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    if parameters.use_default_label.is_some() {
        return plain_file::show(
            &server,
            &caller,
            [&application, &profiles],
            None,
            &label,
            (&parameters, &headers),
        );
    }
    show(&server, &caller, [&application, &profiles], Some(&label), &headers).await
}

/// The answers of both routes.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the answers for the OpenAPI document")]
enum EnvironmentResponses {
    /// The settings.
    #[response(status = 200)]
    Found(settings::Environment),
    /// The version is that of `If-None-Match`.
    #[response(status = 304)]
    NotModified,
    /// `INVALID_PARAMETER`: a name is not valid.
    #[response(status = 400, content_type = "application/problem+json")]
    BadName(problem::Body),
    /// `UNAUTHENTICATED`: no application has this name and password.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(problem::Body),
    /// `NOT_FOUND`: the settings of another application, or none where the server does not answer with none.
    #[response(status = 404, content_type = "application/problem+json")]
    WrongApplication(problem::Body),
    /// `INVALID_PARAMETER`: the client accepts none of the media types.
    #[response(status = 406, content_type = "application/problem+json")]
    NotAcceptable(problem::Body),
    /// `INTERNAL`: a file is broken. `detail` names it.
    #[response(status = 500, content_type = "application/problem+json")]
    Broken(problem::Body),
}

async fn show(
    server: &ConfigServer,
    caller: &Caller,
    [application, profiles]: [&str; 2],
    label: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let find = || find_quietly(server, caller, [application, profiles], label);
    let media_type = match choose(headers, &[JSON, V2_JSON]) {
        Ok(media_type) => media_type,
        // Who may not read the settings is told that first.
        Err(not_acceptable) => {
            return find().map_or_else(IntoResponse::into_response, |_| not_acceptable.into_response());
        }
    };
    server.instances.note(&caller.0, headers);
    let wish = Wish::of(headers);
    let mut response = match server.waiting.find(&wish, server.environments.changes(), find).await {
        Err(problem) => return problem.into_response(),
        Ok(Outcome::NotModified(tag)) => with_tag(StatusCode::NOT_MODIFIED.into_response(), tag),
        Ok(Outcome::Found(environment, tag)) => {
            audit(caller, &environment);
            let body = if media_type == V2_JSON {
                ([(header::CONTENT_TYPE, V2_JSON)], axum::Json(WithOrigins(environment))).into_response()
            } else {
                axum::Json(environment).into_response()
            };
            with_tag(body, tag)
        }
    };
    if let Some(wait) = wish.wait {
        let applied = HeaderValue::from_str(&format!("wait={}", wait.as_secs()));
        response.headers_mut().extend(applied.ok().map(|applied| (PREFERENCE_APPLIED, applied)));
    }
    response
}

fn with_tag(mut response: Response, tag: ETag) -> Response {
    response.headers_mut().typed_insert(tag);
    response
}
