//! `GET /{application}/{profiles}[/{label}]`: shows the settings of an application, in Spring Cloud Config's JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use problem::{Code, Path, Problem};
use settings::Environment;
use thiserror::Error;
use tokio::task::JoinError;
use utoipa::IntoResponses;

use super::caller::Caller;
use crate::names::{Name, Profiles};
use crate::repository::{Query, RepositoryError};
use crate::server::ConfigServer;

/// Why settings are not served.
#[derive(Debug, Error)]
pub(crate) enum EnvironmentError {
    #[error("these settings belong to another application")]
    WrongApplication,
    #[error("the files can't be served")]
    Repository(#[from] RepositoryError),
    #[error("reading the files was interrupted")]
    Interrupted(#[from] JoinError),
}

impl From<EnvironmentError> for Problem {
    fn from(error: EnvironmentError) -> Self {
        match error {
            EnvironmentError::WrongApplication => Problem::new(Code::NotFound)
                .detail("there are no settings of this application that you may read"),
            // The caller is one of our own processes, so the answer may name the broken file.
            EnvironmentError::Repository(error) => {
                Problem::new(Code::Internal).detail(telemetry::chain(&error)).caused_by(error)
            }
            EnvironmentError::Interrupted(error) => Problem::internal(error),
        }
    }
}

problem::respond!(EnvironmentError);

/// Settings of an application
///
/// The property sources of an application with flat keys, the one that wins first. An application can read only its own
/// settings.
#[utoipa::path(
    get,
    path = "/{application}/{profiles}",
    tag = "settings",
    security(("application" = [])),
    params(
        ("application" = String, Path, description = "The application.", example = "member-api"),
        ("profiles" = String, Path, description = "Separated by commas. The last one wins.", example = "default"),
    ),
    responses(EnvironmentResponses),
)]
pub(crate) async fn environment_show(
    State(server): State<Arc<ConfigServer>>,
    caller: Caller,
    Path((application, profiles)): Path<(Name, Profiles)>,
) -> Result<Json<Environment>, EnvironmentError> {
    read(server, caller, Query { application, profiles, label: None }).await
}

/// Settings of an application, under a label
///
/// The same, and the files in the subdirectories with the name of the label win over all others.
#[utoipa::path(
    get,
    path = "/{application}/{profiles}/{label}",
    tag = "settings",
    security(("application" = [])),
    params(
        ("application" = String, Path, description = "The application.", example = "member-api"),
        ("profiles" = String, Path, description = "Separated by commas. The last one wins.", example = "default"),
        ("label" = String, Path, description = "The name of a subdirectory.", example = "canary"),
    ),
    responses(EnvironmentResponses),
)]
pub(crate) async fn labelled_environment_show(
    State(server): State<Arc<ConfigServer>>,
    caller: Caller,
    Path((application, profiles, label)): Path<(Name, Profiles, Name)>,
) -> Result<Json<Environment>, EnvironmentError> {
    read(server, caller, Query { application, profiles, label: Some(label) }).await
}

/// The answers of both routes.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the answers for the OpenAPI document")]
enum EnvironmentResponses {
    /// The settings.
    #[response(status = 200)]
    Found(Environment),
    /// `INVALID_PARAMETER`: a name is not valid.
    #[response(status = 400, content_type = "application/problem+json")]
    BadName(problem::Body),
    /// `UNAUTHENTICATED`: no application has this name and password.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(problem::Body),
    /// `NOT_FOUND`: the settings of another application.
    #[response(status = 404, content_type = "application/problem+json")]
    WrongApplication(problem::Body),
    /// `INTERNAL`: a file is broken. `detail` names it.
    #[response(status = 500, content_type = "application/problem+json")]
    Broken(problem::Body),
}

async fn read(
    server: Arc<ConfigServer>,
    Caller(caller): Caller,
    query: Query,
) -> Result<Json<Environment>, EnvironmentError> {
    if query.application != caller {
        return Err(EnvironmentError::WrongApplication);
    }
    let environment = tokio::task::spawn_blocking(move || server.environments.read(&query)).await??;
    Ok(Json(environment))
}
