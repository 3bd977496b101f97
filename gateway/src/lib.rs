//! The gateway: the only public entry point.
//!
//! It verifies the caller, finds an instance of the service that the route names, and forwards the request. It contains no
//! business rules.
//!
//! | file | owns |
//! |---|---|
//! | [`settings`] | the keys of `config/gateway.yml` |
//! | [`routes`], [`predicates`] | the routes of the settings, checked; what they ask of a request besides path and method |
//! | `table` | where requests go, replaced as a whole |
//! | `entrance`, `endpoint` | the route of a request; the steps that it goes through, in order: the next rows |
//! | `protocol` | demands exactly one host, and refuses upgrades and transfer codings |
//! | `path` | refuses ambiguous paths |
//! | `guard` | checks token, session and role |
//! | `limits` | counts the requests of addresses and members |
//! | [`headers`] | removes and sets header fields |
//! | `client_address` | the address of the client behind trusted proxies |
//! | [`revocations`] | revoked sessions |
//! | [`rewrite`] | the path for the service, where it is another one |
//! | `upstream` | instances, connections, attempts, timeouts |
//! | `refusal` | the errors of these steps, and the only place that turns them into problems |
//! | `cors`, `origin` | access for web pages of other origins |
//! | `security_headers` | what every answer tells browsers |
//! | `pages` | `/docs`, `/problems` |
//! | `explain` | `/routes` and `/explain` on the management port |

mod client_address;
mod cors;
mod endpoint;
mod entrance;
mod explain;
mod guard;
pub mod headers;
mod limits;
mod origin;
mod pages;
mod path;
pub mod predicates;
mod protocol;
mod refusal;
pub mod revocations;
pub mod rewrite;
pub mod routes;
mod security_headers;
pub mod settings;
mod table;
mod upstream;

use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use discovery::{Discovery, Instances};
use futures::future::join_all;
use service_client::ServiceClient;
use service_host::{App, Host, NoCommand, Service, Threads};

use client_address::TrustedProxies;
use entrance::Entrance;
use limits::Limits;
use revocations::Revocations;
use settings::Settings;
pub use table::TableError;
use table::{CurrentTable, Table};
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
    Ok(Routing::new(settings, discovery, revocations)?.app(settings))
}

/// Where requests go. It can be replaced while they run.
pub struct Routing {
    table: CurrentTable,
    revocations: Revocations,
}

impl Routing {
    /// Checks the routes of the settings, and starts to watch their services.
    pub fn new(
        settings: &Settings,
        discovery: &Discovery,
        revocations: &Revocations,
    ) -> anyhow::Result<Self> {
        let upstreams = Upstreams::new(settings, discovery);
        let limits = Limits::new(settings)?;
        let table = CurrentTable::new(Table::new(settings, upstreams, revocations, limits)?);
        Ok(Self { table, revocations: revocations.clone() })
    }

    /// Takes the routes, origins, limits and times of other settings, all at once, or none of them if there is a fault. The
    /// services stay those of the start. What was counted under a policy that keeps its name stays counted.
    pub fn replace(&self, settings: &Settings) -> Result<(), TableError> {
        self.table.replace(settings, &self.revocations)
    }

    /// What operators can ask about it.
    pub fn management(&self) -> Router {
        explain::router(self.table.clone())
    }

    /// The gateway that routes by this.
    pub fn app(&self, settings: &Settings) -> App {
        let proxies = TrustedProxies::new(&settings.public.trusted_proxies);
        let table = self.table.clone();
        // Deny is the default: a path that is neither in the route table nor a page of the gateway is not found.
        App::new(pages::router(&settings.services, table.clone()))
            .front(Entrance::new(table.clone()))
            .public()
            .forwards_bodies()
            .unbounded_peers(move |peer| proxies.trusts(peer))
            .management(self.management())
            .around(|router| router.layer(from_fn_with_state(table, entrance::surround)))
    }
}
