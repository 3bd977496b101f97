//! What the gateway needs besides its upstream: its settings, a list of instances, and keys for tokens.
//!
//! One small server stands for config-server and for Consul. The settings are those of `config/`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use access::{Jwk, Jwks, MemberId, Principal, Role, SigningKey, UserTokens};
use anyhow::Context as _;
use axum::extract::{Path as Segments, Query, State};
use axum::http::HeaderName;
use axum::response::IntoResponse;
use axum::routing::{get, put};
use axum::{Json, Router};
use clock::Clock;
use serde_json::{Map, Value, json};
use settings::{Environment, PropertySource};
use stack::Program;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::limited;
use super::upstream::Upstream;
use crate::measured_stack::{POLICIES, REQUESTS_A_SECOND};

/// Longer than a run.
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// The running upstream and the server of settings and instances.
pub(super) struct Stage {
    folder: PathBuf,
    upstream: Upstream,
    /// The server of settings and instances.
    address: SocketAddr,
    token: String,
}

struct Shared {
    upstream_port: u16,
    /// The port of the service that can't answer everything.
    limited_port: u16,
    environment: Environment,
}

impl Stage {
    pub(super) async fn start(folder: &Path, nginx: &Program) -> anyhow::Result<Self> {
        let key = SigningKey::from_base64(&SigningKey::generate()?)?;
        let upstream = Upstream::start(folder, nginx, &Jwks { keys: vec![Jwk::from(&key)] })?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let application = document("application")?;
        let token = token(&application, &key)?;
        let shared = Shared {
            upstream_port: upstream.port(),
            limited_port: limited::serve().await?,
            environment: environment(address, application)?,
        };
        let router = Router::new()
            .route("/v1/health/service/{service}", get(instances))
            .route("/v1/status/leader", get(async || Json("127.0.0.1:8300")))
            .route("/v1/agent/{*rest}", put(async || ()))
            .route("/{application}/{profile}", get(settings))
            .with_state(Arc::new(shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { folder: folder.to_owned(), upstream, address, token })
    }

    /// The folder for files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn upstream_port(&self) -> u16 {
        self.upstream.port()
    }

    /// The address of the settings.
    pub(super) fn config_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A customer's token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }
}

/// A file of `config/`.
fn document(name: &str) -> anyhow::Result<Value> {
    let path = stack::checkout().join(format!("config/{name}.yml"));
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(serde_saphyr::from_str(&text)?)
}

/// The settings of the gateway, and over them those of this stage.
fn environment(address: SocketAddr, application: Value) -> anyhow::Result<Environment> {
    use secrecy::ExposeSecret as _;
    let own_key = SigningKey::generate()?;
    let policy = |name: &str| (name.to_owned(), json!({ "requests": REQUESTS_A_SECOND, "window-s": 1 }));
    let policies: Map<String, Value> = POLICIES.into_iter().map(policy).collect();
    let own = json!({
        "consul": { "url": format!("http://{address}") },
        "access": { "service-signing-key": own_key.expose_secret() },
        // More than all idle connections.
        "server": {
            "max-connections": 65_536, "max-connections-per-address": 65_536, "idle-timeout-ms": 600_000,
        },
        "limits": { "policies": policies },
    });
    let sources = [("stage", own), ("gateway", document("gateway")?), ("application", application)];
    let sources = sources.into_iter().map(|(name, document)| {
        let source = settings::flat::flatten(&document)?;
        Ok(PropertySource { name: name.to_owned(), source })
    });
    Ok(Environment {
        name: "gateway".to_owned(),
        profiles: vec!["default".to_owned()],
        label: None,
        version: None,
        state: None,
        property_sources: sources.collect::<anyhow::Result<_>>()?,
    })
}

fn token(application: &Value, key: &SigningKey) -> anyhow::Result<String> {
    let (issuer, audience) = (text(application, "issuer")?, text(application, "audience")?);
    let access = access::Settings::of_users(&issuer, &audience, "member-api");
    let principal =
        Principal { member_id: MemberId(Uuid::new_v4()), role: Role::Customer, session_id: Uuid::new_v4() };
    Ok(UserTokens::new(&access, TOKEN_LIFETIME, Clock::system()).sign(&principal, key)?)
}

fn text(application: &Value, name: &str) -> anyhow::Result<String> {
    let value = application["access"][name].as_str();
    Ok(value.with_context(|| format!("config/application.yml has no access.{name}"))?.to_owned())
}

async fn settings(State(shared): State<Arc<Shared>>) -> Json<Environment> {
    Json(shared.environment.clone())
}

/// The only instance of every service but one is the upstream. A query that waits for a change waits in vain.
async fn instances(
    State(shared): State<Arc<Shared>>,
    Segments(service): Segments<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> impl IntoResponse {
    if query.get("index").is_some_and(|index| index != "0") {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    let port = if service == limited::SERVICE { shared.limited_port } else { shared.upstream_port };
    let entry = json!({
        "Node": { "Address": "127.0.0.1" },
        "Service": { "ID": service, "Address": "127.0.0.1", "Port": port },
        "Checks": [{ "Status": "passing" }],
    });
    ([(HeaderName::from_static("x-consul-index"), "1")], Json(json!([entry])))
}
