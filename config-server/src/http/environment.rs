//! `GET /{application}/{profiles}[/{label}]`: the settings of an application, as Spring Cloud Config answers them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use problem::{Code, Path, Problem};
use settings::Environment;
use thiserror::Error;
use tokio::task::JoinError;
use utoipa::IntoResponses;

use super::caller::Caller;
use crate::ConfigServer;
use crate::names::{Name, Profiles};
use crate::repository::{Query, RepositoryError};

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum EnvironmentError {
    #[error("these settings belong to another application")]
    NotYours,
    #[error("the files can't be served")]
    Repository(#[from] RepositoryError),
    #[error("the files could not be read to their end")]
    Interrupted(#[from] JoinError),
}

impl From<EnvironmentError> for Problem {
    fn from(error: EnvironmentError) -> Self {
        match error {
            EnvironmentError::NotYours => Problem::new(Code::NotFound)
                .detail("there are no settings of that application that you may read"),
            // The caller is one of our own processes, and waits for whoever mends the file: it may say which one.
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
/// The sources that apply, the one that wins first, with flat keys. An application reads its own settings only.
#[utoipa::path(
    get,
    path = "/{application}/{profiles}",
    tag = "settings",
    security(("application" = [])),
    params(
        ("application" = String, Path, description = "Whose settings.", example = "member-api"),
        ("profiles" = String, Path, description = "Separated by commas; the last one wins.", example = "default"),
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
/// The same, with the files in the subdirectories of that name before all others.
#[utoipa::path(
    get,
    path = "/{application}/{profiles}/{label}",
    tag = "settings",
    security(("application" = [])),
    params(
        ("application" = String, Path, description = "Whose settings.", example = "member-api"),
        ("profiles" = String, Path, description = "Separated by commas; the last one wins.", example = "default"),
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

/// What both routes answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the answers for the OpenAPI document")]
enum EnvironmentResponses {
    /// The settings.
    #[response(status = 200)]
    Found(Environment),
    /// `INVALID_PARAMETER`: a name can't be one.
    #[response(status = 400, content_type = "application/problem+json")]
    BadName(problem::Body),
    /// `UNAUTHENTICATED`: no application has this name and password.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(problem::Body),
    /// `NOT_FOUND`: the settings of another application.
    #[response(status = 404, content_type = "application/problem+json")]
    NotYours(problem::Body),
    /// `INTERNAL`: a file is broken; `detail` says which.
    #[response(status = 500, content_type = "application/problem+json")]
    Broken(problem::Body),
}

async fn read(
    server: Arc<ConfigServer>,
    Caller(caller): Caller,
    query: Query,
) -> Result<Json<Environment>, EnvironmentError> {
    if query.application != caller {
        return Err(EnvironmentError::NotYours);
    }
    let environment = tokio::task::spawn_blocking(move || server.environments.read(&query)).await??;
    Ok(Json(environment))
}
