//! `GET /instances`: which process runs which version of its settings.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::caller::Operator;
use crate::instances::Instance;
use crate::server::ConfigServer;

/// The processes that have asked for changes lately
///
/// Each process says so itself, in the header `Dalkom-Settings` of its requests for changes. Values of settings are never shown. A
/// process asks one of several servers, so each server shows only its own.
#[utoipa::path(
    get,
    path = "/instances",
    tag = "instances",
    security(("operator" = [])),
    responses(InstancesResponses),
)]
pub(crate) async fn instance_list(
    State(server): State<Arc<ConfigServer>>,
    _: Operator,
) -> Json<InstanceList> {
    let instances = server.instances.all().into_iter().map(InstanceBody::from).collect();
    Json(InstanceList { instances })
}

/// The processes, by application and name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstanceList {
    instances: Vec<InstanceBody>,
}

/// A process.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct InstanceBody {
    /// The application as which it has authenticated.
    application: String,
    /// The name that it gives itself.
    instance: String,
    /// The version that it runs.
    applied: Option<String>,
    /// The version that it has refused since.
    refused: Option<RefusedBody>,
    /// Keys of its version that take effect when it starts again.
    restart_pending: Vec<String>,
    /// How long ago it asked.
    seen_seconds_ago: u64,
}

/// A version that a process can't use.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedBody {
    /// The version.
    version: Option<String>,
    /// What is wrong, by keys.
    faults: Vec<FaultBody>,
}

/// What is wrong with a key.
#[derive(Debug, Serialize, ToSchema)]
struct FaultBody {
    /// The key.
    key: String,
    /// What is wrong.
    problem: String,
    /// The file.
    origin: Option<String>,
}

impl From<Instance> for InstanceBody {
    fn from(instance: Instance) -> Self {
        let refused = instance.refused.map(|refused| RefusedBody {
            version: refused.version,
            faults: refused
                .faults
                .into_iter()
                .map(|fault| FaultBody { key: fault.key, problem: fault.problem, origin: fault.origin })
                .collect(),
        });
        Self {
            application: instance.application,
            instance: instance.name,
            applied: instance.applied,
            refused,
            restart_pending: instance.restart_pending,
            seen_seconds_ago: instance.seen_seconds_ago,
        }
    }
}

#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes the answers for the OpenAPI document")]
enum InstancesResponses {
    /// The processes.
    #[response(status = 200)]
    Found(InstanceList),
    /// `UNAUTHENTICATED`: nobody has this name and password.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(problem::Body),
    /// `WRONG_ROLE`: not the operator.
    #[response(status = 403, content_type = "application/problem+json")]
    WrongRole(problem::Body),
}
