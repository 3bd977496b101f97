//! The gateway: the only public entry point.
//!
//! It verifies the caller, finds an instance of the service that the route names, and forwards the request. It contains no
//! business rules.
//!
//! | file | owns |
//! |---|---|
//! | [`settings`] | the keys of `config/gateway.yml` |
//! | [`routes`] | the route table, checked at the start |
//! | `entrance`, `endpoint` | the route of a request; the steps that it goes through, in order: the next rows |
//! | `protocol` | demands exactly one host, and refuses upgrades and transfer codings |
//! | `path` | refuses ambiguous paths |
//! | `guard` | checks token, session and role |
//! | `limits` | counts the requests of addresses and members |
//! | [`headers`] | removes and sets header fields |
//! | `client_address` | the address of the client behind trusted proxies |
//! | [`revocations`] | revoked sessions |
//! | `upstream` | instances, connections, attempts, timeouts |
//! | `refusal` | the errors of these steps, and the only place that turns them into problems |
//! | `cors`, `origin` | access for web pages of other origins |
//! | `pages` | `/docs`, `/problems` |

mod client_address;
mod cors;
mod endpoint;
mod entrance;
mod guard;
pub mod headers;
mod limits;
mod origin;
mod pages;
mod path;
mod protocol;
mod refusal;
pub mod revocations;
pub mod routes;
pub mod settings;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{self, header};
use axum::response::IntoResponse;
use axum::routing::any;
use discovery::{Discovery, Instances};
use futures::future::join_all;
use service_client::ServiceClient;
use service_host::{App, Host, NoCommand, Service, Threads};

use entrance::Entrance;
use limits::Limits;
use revocations::Revocations;
use routes::Routes;
use settings::Settings;
use upstream::Upstreams;

/// How long a starting gateway waits for Consul to list the instances. Without it, the first requests would find no
/// instance. It is short, so that a service that is down does not delay the start.
const DISCOVERY_TIMEOUT: Duration = Duration::from_millis(500);

/// The service gateway.
#[derive(Debug)]
pub struct Gateway;

impl Service for Gateway {
    const NAME: &'static str = "gateway";
    const ABOUT: &'static str =
        "The only public entry point: verifies the caller, finds an instance and forwards the request.";

    const THREADS: Threads = Threads::OwnConnections;

    type Settings = Settings;
    type Command = NoCommand;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<App> {
        let revocations = Revocations::new(host.clock().clone());
        let app = app(&settings, host.discovery(), &revocations)?;
        let member_api = host.service_client(member_client::SERVICE)?;
        let services: Vec<_> =
            settings.services.iter().map(|name| host.discovery().instances(name)).collect();
        join_all(services.iter().map(|instances| instances.wait_ready(DISCOVERY_TIMEOUT))).await;
        let known = revocations.clone();
        let app = app
            .worker("revocations", until_cancelled(host, revocations, member_api, &settings))
            // Optional, because public routes work without it.
            .optional_check("revocations", move || std::future::ready(known.check_age()));
        Ok(services.into_iter().fold(app, report))
    }
}

/// Polls the revocations until the process stops.
fn until_cancelled(
    host: &Host,
    revocations: Revocations,
    member_api: ServiceClient,
    settings: &Settings,
) -> impl Future<Output = ()> + Send + use<> {
    let (shutdown, interval) = (host.shutdown(), settings.revocations.interval());
    async move {
        let _ = shutdown.run_until_cancelled(revocations.poll(member_api, interval)).await;
    }
}

/// Adds a check of a service. It is optional, because the routes of the other services still work.
fn report(app: App, instances: Instances) -> App {
    app.optional_check(instances.service().to_owned(), move || {
        let count = instances.count();
        async move {
            anyhow::ensure!(count > 0, "no instance is known");
            Ok(())
        }
    })
}

/// Returns the gateway without its background work. Fails if the route table or an address in the settings is not valid.
pub fn app(settings: &Settings, discovery: &Discovery, revocations: &Revocations) -> anyhow::Result<App> {
    let table = Routes::new(settings)?;
    let upstreams = Arc::new(Upstreams::new(settings, discovery));
    let cors = cors::layer(&settings.cors.allowed_origins);
    let limits = Limits::new(settings)?;
    let entrance = Entrance::new(&table, &upstreams, revocations, &limits, settings, cors.clone());
    let app = App::new(router(settings, &table, upstreams)).front(entrance).public().forwards_bodies();
    Ok(match cors {
        // Around everything, so that a browser can read all answers, also 404, 413 and 504.
        Some(cors) => app.around(|router| router.layer(cors)),
        None => app,
    })
}

/// Returns the routes that the entrance leaves over: the pages of the gateway, and the paths of the table with other methods
/// than theirs. Deny is the default: a path that is neither in the route table nor a page of the gateway is not found.
fn router(settings: &Settings, table: &Routes, upstreams: Arc<Upstreams>) -> Router {
    let router = pages::router(&settings.services, upstreams);
    table.iter().fold(router, |router, (path, routes)| {
        let listed: Vec<_> = routes.iter().flat_map(|route| entrance::methods(&route.methods)).collect();
        router.route(path, any(move |request| other_method(listed.clone(), request)))
    })
}

/// Refuses a method that the route table does not list for a path.
async fn other_method(listed: Vec<http::Method>, request: Request) -> impl IntoResponse {
    let allowed = listed.iter().map(http::Method::as_str).collect::<Vec<_>>().join(",");
    ([(header::ALLOW, allowed)], problem::method_not_allowed(request).await)
}
