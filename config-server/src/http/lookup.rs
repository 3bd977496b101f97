//! Finds what a path names, if the caller may read it.

use problem::{Code, Problem};

use super::caller::Caller;
use super::request::query;
use crate::environment::{Environment, EnvironmentError, PlainFile, RenderingError};
use crate::server::{ConfigServer, NotYours};

/// The settings that a path names.
pub(super) fn find(
    server: &ConfigServer,
    caller: &Caller,
    [application, profiles]: [&str; 2],
    label: Option<&str>,
) -> Result<Environment, Problem> {
    let environment = find_quietly(server, caller, [application, profiles], label)?;
    audit(caller, &environment);
    Ok(environment)
}

/// The same, for who may not show it: who shows it calls [`audit`].
pub(super) fn find_quietly(
    server: &ConfigServer,
    caller: &Caller,
    [application, profiles]: [&str; 2],
    label: Option<&str>,
) -> Result<Environment, Problem> {
    let query = query(application, profiles, label)?;
    server.authorize(&caller.0, &query).map_err(not_yours)?;
    server.environment(&query).map_err(environment_problem)
}

/// Says who has read which sealed values: their keys, and never the values. A log filter with `audit=off` is the only way to
/// miss it.
pub(super) fn audit(caller: &Caller, environment: &Environment) {
    if environment.opened.is_empty() {
        return;
    }
    tracing::info!(
        target: "audit",
        who = %caller.0,
        application = environment.name,
        profiles = environment.profiles[0],
        label = environment.label.as_deref().unwrap_or_default(),
        version = environment.version,
        keys = ?environment.opened,
        "sealed values were read"
    );
}

/// The plain file that a path names.
pub(super) fn find_file(
    server: &ConfigServer,
    caller: &Caller,
    [application, profiles]: [&str; 2],
    label: Option<&str>,
    path: &str,
) -> Result<PlainFile, Problem> {
    let query = query(application, profiles, label)?;
    server.authorize(&caller.0, &query).map_err(not_yours)?;
    let file = server.file(&query, path).map_err(environment_problem)?;
    file.ok_or_else(|| Problem::new(Code::NotFound).detail("there is no such file that you may read"))
}

/// No route has this path.
pub(super) fn no_route() -> Problem {
    Problem::new(Code::NotFound)
        .detail("a rendering is asked for as /{application}-{profiles}.yml, .yaml, .json or .properties")
}

/// Settings that can't be rendered. The caller may read them, so the answer may name a key.
pub(super) fn rendering_problem(error: RenderingError) -> Problem {
    let code = if error.is_by_form() { Code::InvalidParameter } else { Code::Internal };
    Problem::new(code).detail(telemetry::chain(&error)).caused_by(error)
}

fn not_yours(NotYours: NotYours) -> Problem {
    Problem::new(Code::NotFound).detail("there are no settings of this application that you may read")
}

/// The caller is one of our own processes, so the answer may name the broken file.
fn environment_problem(error: EnvironmentError) -> Problem {
    match error {
        EnvironmentError::Empty | EnvironmentError::NoLabel => {
            Problem::new(Code::NotFound).detail(error.to_string())
        }
        EnvironmentError::Repository(_) | EnvironmentError::Broken(_) => {
            Problem::new(Code::Internal).detail(telemetry::chain(&error)).caused_by(error)
        }
    }
}
