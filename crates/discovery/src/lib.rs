//! Everything about Consul: registering a process, watching which instances are alive, and picking one.
//!
//! - [`Consul`] calls the HTTP API of a Consul agent, and [`Consul::keep_registered`] keeps a process in its list.
//! - [`Discovery`] watches the instances of services. A watch begins when a service is first needed, and ends when its
//!   last [`Instances`] is dropped.
//! - [`Instances`] is the last good snapshot of one service. It stays while Consul does not answer, for a time after a restart
//!   in which Consul has lost everything, and for a time after most checks have failed at once (`belief`). Of two instances
//!   the one with fewer outstanding requests is picked. An instance that fails to answer is skipped, whatever Consul says, until it
//!   answers again (`recovery`); then it gets more and more requests ([`Instances::failed`], [`Instances::silent`]).
//!
//! Consul's documents: <https://developer.hashicorp.com/consul/api-docs/features/blocking>.

mod backoff;
mod belief;
mod consul;
mod instance;
mod instances;
mod keep_registered;
mod recovery;
mod registration;
mod settings;
mod snapshot;
mod watch;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

pub use consul::{Consul, ConsulError};
pub use instance::{Instance, Outstanding};
pub use instances::Instances;
pub use registration::Registration;
pub use settings::Settings;

/// Finds the instances of services. Cheap to clone; clones share their watches.
#[derive(Clone, Debug)]
pub struct Discovery {
    source: Source,
    known: Arc<Mutex<HashMap<String, Instances>>>,
}

#[derive(Clone, Debug)]
enum Source {
    Consul(Consul),
    Fixed(Arc<HashMap<String, Vec<SocketAddr>>>),
}

impl Discovery {
    /// Watches services in Consul.
    pub fn new(consul: Consul) -> Self {
        Self { source: Source::Consul(consul), known: Arc::default() }
    }

    /// Knows the given services only, and never changes: for tests, and for tools that get addresses as arguments.
    pub fn fixed<'a>(services: impl IntoIterator<Item = (&'a str, Vec<SocketAddr>)>) -> Self {
        let services = services.into_iter().map(|(service, addresses)| (service.to_owned(), addresses));
        Self { source: Source::Fixed(Arc::new(services.collect())), known: Arc::default() }
    }

    /// The same services, watched separately: it shares neither the failures of instances nor the turns with this one. It is for
    /// calls whose deadline is so short that a failure says little about the instance.
    #[must_use]
    pub fn separate(&self) -> Self {
        Self { source: self.source.clone(), known: Arc::default() }
    }

    /// The instances of `service`. The first call for a service begins to watch it, so it must be made inside of a tokio runtime.
    /// The list is empty until Consul has answered ([`Instances::wait_ready`]).
    pub fn instances(&self, service: &str) -> Instances {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(instances) = known.get(service) {
            return instances.clone();
        }
        let instances = match &self.source {
            Source::Consul(consul) => Instances::watched(service, consul.clone()),
            Source::Fixed(services) => {
                Instances::fixed(service, services.get(service).map_or(&[], Vec::as_slice))
            }
        };
        known.insert(service.to_owned(), instances.clone());
        instances
    }
}
