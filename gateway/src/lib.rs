//! The gateway: the one public entrance.
//!
//! It verifies who is calling, finds an instance of the service that a route names, and passes the request on. It
//! knows nothing of desserts.
//!
//! | file | owns |
//! |---|---|
//! | [`settings`] | what `config/gateway.yml` may say |
//! | [`routes`] | the route table, checked at start |
//! | `stack` | what a request passes through, in order; the layers are the files below |
//! | `protocol`, `path`, `guard`, [`headers`] | one host and no upgrade; unambiguous paths; who may call; header fields |
//! | [`revocations`] | sessions that have ended before their time |
//! | `upstream` | instances, connections, tries, timeouts |
//! | `refusal` | what the layers raise, and the one place that makes problems of it |
//! | `cors` | web pages of other origins |
//! | `pages` | `/docs`, `/problems` |

mod cors;
mod guard;
pub mod headers;
mod pages;
mod path;
mod protocol;
mod refusal;
pub mod revocations;
pub mod routes;
pub mod settings;
mod stack;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter};
use discovery::{Discovery, Instances};
use futures::future::join_all;
use peer::Peer;
use service_host::{Host, NoCommand, Parts, Service};

use revocations::Revocations;
use routes::{Route, Routes, RoutesError};
use settings::{Method, Settings};
use upstream::Upstreams;

/// How long a starting gateway waits to hear from Consul of the instances that are there. Without it, the first
/// requests would find nobody; a service that is down must not hold the others up for longer.
const FIRST_NEWS: Duration = Duration::from_millis(500);

/// The process.
#[derive(Debug)]
pub struct Gateway;

impl Service for Gateway {
    const NAME: &'static str = "gateway";
    const ABOUT: &'static str =
        "The one public entrance: verifies who is calling, finds an instance and passes the request on.";

    type Settings = Settings;
    type Command = NoCommand;

    async fn start(host: &Host, settings: Settings) -> anyhow::Result<Parts> {
        let revocations = Revocations::new(host.clock().clone());
        let router = router(&settings, host.discovery(), &revocations)?;
        let member_api = host.peer(member_client::SERVICE)?;
        let services: Vec<_> =
            settings.services.iter().map(|name| host.discovery().instances(name)).collect();
        join_all(services.iter().map(|instances| instances.wait_ready(FIRST_NEWS))).await;
        let known = revocations.clone();
        let parts = Parts::new(router)
            .entrance()
            .worker("revocations", until_cancelled(host, revocations, member_api, &settings))
            // Without it public routes are served, and so it is no reason for the gateway to be down.
            .optional_check("revocations", move || std::future::ready(known.is_fresh()));
        Ok(services.into_iter().fold(parts, report))
    }
}

/// Asks until the process stops.
fn until_cancelled(
    host: &Host,
    revocations: Revocations,
    member_api: Peer,
    settings: &Settings,
) -> impl Future<Output = ()> + Send + use<> {
    let (shutdown, interval) = (host.shutdown(), settings.revocations.interval());
    async move {
        let _ = shutdown.run_until_cancelled(revocations.keep_informed(member_api, interval)).await;
    }
}

/// A service that is down is reported, and no reason for the gateway to be down.
fn report(parts: Parts, instances: Instances) -> Parts {
    parts.optional_check(instances.service().to_owned(), move || {
        let count = instances.count();
        async move {
            anyhow::ensure!(count > 0, "no instance is known");
            Ok(())
        }
    })
}

/// Everything that is served to the outside. Deny is the default: what is neither in the table nor a page of the
/// gateway's own is not found.
pub fn router(
    settings: &Settings,
    discovery: &Discovery,
    revocations: &Revocations,
) -> Result<Router, RoutesError> {
    let table = Routes::new(settings)?;
    let upstreams = Arc::new(Upstreams::new(settings, discovery));
    let mut router = pages::router(&settings.services, Arc::clone(&upstreams));
    for (path, entries) in table.iter() {
        for entry in entries {
            router = router.route(path, passed_on(entry, &upstreams, revocations, settings));
        }
    }
    // Before the layer below, so that a browser may read this refusal as well as any other.
    let router = router.method_not_allowed_fallback(problem::method_not_allowed);
    Ok(match cors::layer(&settings.cors) {
        Some(cors) => router.layer(cors),
        None => router,
    })
}

/// axum adds HEAD to GET, and answers other methods with 405 and the `Allow` header.
fn passed_on(
    route: &Route,
    upstreams: &Upstreams,
    revocations: &Revocations,
    settings: &Settings,
) -> MethodRouter {
    let upstream = upstreams.get(&route.service).expect("the table names known services only");
    let stack = stack::stack(route, upstream, revocations, settings.public.scheme);
    route
        .methods
        .iter()
        .fold(MethodRouter::new(), |router, method| router.on_service(filter(*method), stack.clone()))
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}
