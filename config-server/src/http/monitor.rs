//! `POST /monitor`: a git repository has changed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use utoipa::IntoResponses;

use super::caller::Monitor;
use crate::server::ConfigServer;

/// A webhook of the git repository
///
/// The server fetches at once, and not at its next interval. What the webhook sends is not read: the server looks for itself. Many
/// of them at once cause one fetch.
#[utoipa::path(
    post,
    path = "/monitor",
    tag = "settings",
    security(("operator" = []), ("monitor" = [])),
    responses(MonitorResponses),
)]
pub(crate) async fn monitor(State(server): State<Arc<ConfigServer>>, _: Monitor) -> Json<[&'static str; 1]> {
    server.environments.want();
    // As Spring answers: anything may have changed.
    Json(["*"])
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the answers for the OpenAPI document")]
enum MonitorResponses {
    /// It is fetched.
    #[response(status = 200)]
    Wanted(Vec<String>),
    /// `UNAUTHENTICATED`: nobody has this name and password.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(problem::Body),
    /// `WRONG_ROLE`: an application.
    #[response(status = 403, content_type = "application/problem+json")]
    WrongRole(problem::Body),
}
