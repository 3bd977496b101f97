//! The steps from the command line to a process that is about to serve.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use access::Verifier;
use anyhow::Context;
use clock::Clock;
use discovery::{Consul, Discovery, Registration};
use metrics_exporter_prometheus::PrometheusHandle;
use settings::live::{self, Commit, LiveCells};
use settings::{Follower, Live, SettingsError, Tree, Values};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use crate::app::{Routes, UnboundedPeers};
use crate::command_line::Process;
use crate::connections::{self, Drain, Limits, Port, Tls};
use crate::handler::Handler;
use crate::host::Host;
use crate::management::OwnRoutes;
use crate::readiness::{Check, Readiness};
use crate::settings::{Log, Management, Server, TlsFiles};
use crate::{Service, SettingsSource, Threads, advertise, management};

/// The management port has few clients, and all of them are ours.
const MANAGEMENT_LIMITS: Limits = Limits {
    first_byte: Duration::from_secs(5),
    header_read: Duration::from_secs(10),
    body_idle: Duration::from_secs(10),
    write_idle: Duration::from_secs(10),
    idle: Duration::from_secs(75),
    half_close: Duration::from_secs(10),
    drain_idle: Duration::ZERO,
    connections: 256,
    connections_per_address: None,
};

/// The sections that every process has.
const HOST_SECTIONS: [&str; 5] = ["server", "management", "consul", "access", "log"];

/// The settings of a process, checked.
pub(crate) struct AllSettings<S: Service> {
    pub(crate) server: Server,
    pub(crate) management: Management,
    pub(crate) consul: discovery::Settings,
    pub(crate) access: access::Settings,
    pub(crate) log: Live<Log>,
    pub(crate) service: S::Settings,
}

/// What the changes of the settings are compared with.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) version: Option<String>,
    pub(crate) values: Values,
    pub(crate) cells: LiveCells,
}

/// The ports of a process, bound, and the management port served.
pub(crate) struct Ports {
    pub(crate) main: Listeners,
    pub(crate) main_address: SocketAddr,
    pub(crate) management_address: SocketAddr,
}

/// The main port.
pub(crate) enum Listeners {
    /// For all threads.
    Shared(TcpListener),
    /// One for each thread. They are bound, and do not listen yet.
    OfThreads(Vec<TcpSocket>),
}

/// The main port, open.
pub(crate) enum Listening {
    /// For all threads.
    Shared(TcpListener),
    /// One for each thread.
    OfThreads(Vec<std::net::TcpListener>),
}

impl Listeners {
    /// Opens the port.
    pub(crate) fn listen(self) -> std::io::Result<Listening> {
        Ok(match self {
            Self::Shared(listener) => Listening::Shared(listener),
            Self::OfThreads(sockets) => Listening::OfThreads(connections::listen(sockets)?),
        })
    }
}

/// Fetches the settings and reads their sections.
pub(crate) async fn settings<S: Service>(
    source: &impl SettingsSource,
    process: &Process,
) -> anyhow::Result<(AllSettings<S>, Running, Option<Follower>)> {
    let loaded = source.load(S::NAME, &process.profile).await.context("the settings can't be fetched")?;
    let tree = own_sections::<S>(loaded.tree);
    let version = tree.version().map(ToOwned::to_owned);
    let values = tree.values();
    let (settings, cells) = sections::<S>(tree);
    let mut settings =
        settings.map_err(|error| anyhow::anyhow!("the settings are wrong: {}", in_one_line(&error)))?;
    settings.server.address = process.listen.unwrap_or(settings.server.address);
    settings.management.address = process.management.unwrap_or(settings.management.address);
    filter_log(&settings.log, &process.log)?;
    Ok((settings, Running { version, values, cells }, loaded.follower))
}

/// Filters the log by the setting, or by the flag.
fn filter_log(log: &Live<Log>, flag: &str) -> anyhow::Result<()> {
    log.get().filter(flag)?.install();
    let flag: Arc<str> = flag.into();
    log.prepare_with(move |log, _| {
        let filter = log.filter(&flag);
        async move {
            let filter = filter.map_err(|error| telemetry::chain(&error))?;
            Ok::<Commit, String>(Box::new(|| filter.install()))
        }
    });
    Ok(())
}

/// The settings without the sections in shared files that are for others.
pub(crate) fn own_sections<S: Service>(mut tree: Tree) -> Tree {
    let passed_over = tree.pass_over_foreign::<S::Settings>(&HOST_SECTIONS);
    if !passed_over.is_empty() {
        tracing::info!(sections = ?passed_over, "sections of shared files that this process does not know are passed over");
    }
    tree
}

/// Reads the sections of all settings, with the cells in them.
pub(crate) fn sections<S: Service>(mut tree: Tree) -> (Result<AllSettings<S>, SettingsError>, LiveCells) {
    live::collect(|| {
        Ok(AllSettings {
            server: tree.take_section("server")?,
            management: tree.take_section("management")?,
            consul: tree.take_section("consul")?,
            access: tree.take_section("access")?,
            log: tree.take_section("log")?,
            service: tree.finish()?,
        })
    })
}

pub(crate) fn in_one_line(error: &SettingsError) -> String {
    error.faults().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Makes the host.
pub(crate) fn host<S: Service>(
    consul: &discovery::Settings,
    access: &access::Settings,
) -> anyhow::Result<Host> {
    let clock = Clock::system();
    let consul = Consul::from_settings(consul)?;
    let tokens = access.service_tokens(S::NAME, clock.clone())?;
    let services = access.service_keys(S::NAME, clock.clone())?;
    let users = access.user_keys(clock.clone());
    Ok(Host {
        service: S::NAME,
        discovery: Discovery::new(consul.clone()),
        consul,
        http: service_client::http_client().context("the HTTP client can't be made")?,
        tokens,
        access: access.clone(),
        verifier: Verifier::new(users, services),
        clock,
        shutdown: CancellationToken::new(),
        called_services: Mutex::new(BTreeMap::new()),
    })
}

/// The main port of a service.
pub(crate) fn port(
    routes: Routes,
    unbounded_peers: Option<UnboundedPeers>,
    verifier: Verifier,
    settings: &Server,
    tls: Option<Arc<Tls>>,
    drain: Drain,
) -> Arc<Port> {
    let limits = settings.limits(routes.is_public);
    Port::new(Handler::new(routes, verifier, settings), limits, unbounded_peers, tls, drain)
}

/// Reads the certificate of the main port, if it has one.
pub(crate) fn tls(server: &Server) -> anyhow::Result<Option<Arc<Tls>>> {
    let Some(TlsFiles { certificate, key }) = &server.tls else { return Ok(None) };
    let tls = Tls::load(certificate, key).context("the certificate can't be used (server.tls)")?;
    Ok(Some(Arc::new(tls)))
}

/// Binds both ports, and serves the management port until the process ends.
pub(crate) async fn ports<S: Service>(
    server: &Server,
    threads: NonZeroU16,
    management: &Management,
    readiness: Arc<Readiness>,
    metrics: PrometheusHandle,
    own_routes: OwnRoutes,
) -> anyhow::Result<Ports> {
    let (main, main_address) = match S::THREADS {
        Threads::Shared => {
            let (listener, address) = bind(server.address, "server.address").await?;
            (Listeners::Shared(listener), address)
        }
        Threads::OwnConnections => {
            let bound = connections::bind(server.address, threads);
            let bound = bound.and_then(|sockets| Ok((sockets[0].local_addr()?, sockets)));
            let (address, sockets) = bound.with_context(|| cant_listen(server.address, "server.address"))?;
            (Listeners::OfThreads(sockets), address)
        }
    };
    let (listener, management_address) = bind(management.address, "management.address").await?;
    let router = management::router(readiness, metrics, own_routes);
    // It is served until the process exits, so that a draining process can be observed.
    let port = Port::new(Handler::from(router), MANAGEMENT_LIMITS, None, None, Drain::default());
    tokio::spawn(connections::serve(listener, port));
    Ok(Ports { main, main_address, management_address })
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let bind = async || {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        std::io::Result::Ok((listener, bound))
    };
    bind().await.with_context(|| cant_listen(address, setting))
}

fn cant_listen(address: SocketAddr, setting: &str) -> String {
    format!("can't listen on {address} ({setting})")
}

/// The checks of the dependencies that the host itself knows.
pub(crate) fn own_checks<S: Service>(host: &Host) -> Vec<Check> {
    let consul = host.consul.clone();
    let mut checks = vec![Check::new("consul", false, move || {
        let consul = consul.clone();
        async move { consul.check().await }
    })];
    if S::USER_KEYS != crate::UserKeysFrom::Nobody {
        let keys = host.user_keys().clone();
        checks.push(Check::new("user-keys", false, move || {
            let known = keys.are_known();
            async move { if known { Ok(()) } else { Err(anyhow::anyhow!("none has been received")) } }
        }));
    }
    let called_services = host.called_services.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (service, instances) in &*called_services {
        let instances = instances.clone();
        checks.push(Check::new(service, false, move || {
            let count = instances.count();
            async move { if count > 0 { Ok(()) } else { Err(anyhow::anyhow!("no instance is known")) } }
        }));
    }
    checks
}

/// The registration of this process.
pub(crate) fn registration<S: Service>(
    ports: &Ports,
    server: &Server,
    consul: &discovery::Settings,
) -> anyhow::Result<Registration> {
    let address = advertise::address(ports.main_address, server, &consul.url)?;
    let management = advertise::address(ports.management_address, server, &consul.url)?;
    Ok(Registration {
        name: S::NAME.to_owned(),
        // Processes may share a port. No two share a management port.
        id: format!("{}-{}-{}-{}", S::NAME, address.ip(), address.port(), management.port()),
        address,
        check_url: format!("http://{management}/readyz"),
        check_interval: consul.check_interval(),
    })
}
