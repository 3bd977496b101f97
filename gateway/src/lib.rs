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
//! | [`headers`], `forwarded` | removes and sets header fields; `Forwarded` |
//! | `client_address` | the address of the client behind trusted proxies |
//! | [`revocations`] | revoked sessions |
//! | [`rewrite`] | the path for the service, where it is another one |
//! | `upstream` | instances, connections, attempts, timeouts |
//! | `compression` | compressed answers |
//! | `refusal` | the errors of these steps, and the only place that turns them into problems |
//! | `cors`, `origin` | access for web pages of other origins |
//! | `security_headers` | what every answer tells browsers |
//! | `pages` | `/docs`, `/problems` |
//! | `explain` | `/routes` and `/explain` on the management port |

mod client_address;
mod compression;
mod cors;
mod endpoint;
mod entrance;
mod explain;
mod forwarded;
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
use discovery::Discovery;
use futures::future::join_all;
use service_client::ServiceClient;
use service_host::live::Commit;
use service_host::{App, Host, NoCommand, Service, Threads};

use entrance::Entrance;
use revocations::Revocations;
use settings::{Settings, TableSettings};
pub use table::TableError;
use table::{CurrentTable, Table};

/// How long the gateway waits for Consul to list the instances of a service, when it starts or gets the service. Without it, the
/// first requests would find no instance. It is short, so that a service that is down delays nothing.
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
        let at_start = settings.of_table();
        let routing = Routing::new(&at_start, host.discovery(), &revocations)?;
        routing.follow(&settings);
        let member_api = host.service_client(member_client::SERVICE)?;
        routing.wait_for(&at_start.services).await;
        let known = revocations.clone();
        let app = routing
            .app()
            .worker("revocations", until_cancelled(host, revocations, member_api, &settings))
            // Optional, because public routes work without it.
            .optional_check("revocations", move || std::future::ready(known.check_age()));
        Ok(at_start.services.into_iter().fold(app, |app, service| routing.report(app, service)))
    }
}

/// Polls the revocations until the process stops.
fn until_cancelled(
    host: &Host,
    revocations: Revocations,
    member_api: ServiceClient,
    settings: &Settings,
) -> impl Future<Output = ()> + Send + use<> {
    let (shutdown, settings) = (host.shutdown(), settings.revocations.clone());
    async move {
        let _ = shutdown.run_until_cancelled(revocations.poll(member_api, settings)).await;
    }
}

/// Where requests go. It can be replaced while they run. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Routing {
    table: CurrentTable,
    revocations: Revocations,
}

impl Routing {
    /// Checks the settings, and starts to watch their services.
    pub fn new(
        settings: &TableSettings,
        discovery: &Discovery,
        revocations: &Revocations,
    ) -> Result<Self, TableError> {
        let table = CurrentTable::new(Table::new(settings, discovery, revocations)?);
        Ok(Self { table, revocations: revocations.clone() })
    }

    /// Takes each change of the settings, all at once, or none of it if there is a fault.
    pub fn follow(&self, settings: &Settings) {
        let routing = self.clone();
        settings.prepare_table_with(move |settings| {
            let routing = routing.clone();
            async move { routing.prepare(&settings).await.map_err(TableError::unusable) }
        });
    }

    /// Makes the table of other settings. It takes effect by the [`Commit`]. What was counted under a policy that keeps its name
    /// stays counted, and so does what is known of a service.
    pub async fn prepare(&self, settings: &TableSettings) -> Result<Commit, TableError> {
        let (table, new_services) = {
            let current = self.table.load();
            let is_new = |name: &&String| current.upstreams().get(name).is_none();
            let new_services: Vec<_> = settings.services.iter().filter(is_new).cloned().collect();
            (current.with(settings, &self.revocations)?, new_services)
        };
        wait_for_instances(&table, &new_services).await;
        let current = self.table.clone();
        Ok(Box::new(move || current.replace(table)))
    }

    /// Waits until instances of these services are known, but not for long.
    async fn wait_for(&self, services: &[String]) {
        let table = self.table.load_full();
        wait_for_instances(&table, services).await;
    }

    /// Adds a check of a service. It is optional, because the routes of the other services still work. A service that is in the
    /// settings no more lacks nothing.
    fn report(&self, app: App, service: String) -> App {
        let (table, name) = (self.table.clone(), service.clone());
        app.optional_check(service, move || {
            let count = table.load().upstreams().get(&name).map(|upstream| upstream.instances().count());
            async move {
                anyhow::ensure!(count != Some(0), "no instance is known");
                Ok(())
            }
        })
    }

    /// What operators can ask about it.
    pub fn management(&self) -> Router {
        explain::router(self.table.clone())
    }

    /// The gateway that routes by this, without its background work.
    pub fn app(&self) -> App {
        let (table, peers) = (self.table.clone(), self.table.clone());
        // Deny is the default: a path that is neither in the route table nor a page of the gateway is not found.
        App::new(pages::router(table.clone()))
            .front(Entrance::new(table.clone()))
            .public()
            .forwards_bodies()
            .unbounded_peers(move |peer| peers.load().proxies().trusts(peer))
            .management(self.management())
            .around(|router| router.layer(from_fn_with_state(table, entrance::surround)))
    }
}

/// So that the first requests for a service find an instance.
async fn wait_for_instances(table: &Table, services: &[String]) {
    let known = services.iter().filter_map(|name| table.upstreams().get(name));
    let instances: Vec<_> = known.map(|upstream| upstream.instances().clone()).collect();
    join_all(instances.iter().map(|instances| instances.wait_ready(DISCOVERY_TIMEOUT))).await;
}
