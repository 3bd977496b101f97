//! All that is Consul: registering a process, watching who is alive, and picking an instance.
//!
//! - [`Consul`] speaks the HTTP API of a Consul agent, and [`Consul::keep_registered`] keeps a process in its list.
//! - [`Discovery`] watches the healthy instances of services. A watch begins when a service is first asked for, and
//!   lives as long as somebody holds its [`Instances`].
//! - [`Instances`] is the last good snapshot of one service. It outlives Consul: while there is no answer, and for a
//!   while after a restart that lost everything, what was known last stays. Instances that fail to answer are passed
//!   over for a while, whatever Consul says ([`Instance::failed`]).
//!
//! Consul's documents: <https://developer.hashicorp.com/consul/api-docs/features/blocking>.

mod backoff;
mod consul;
mod instance;
mod instances;
mod registration;
mod settings;
mod watch;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

pub use consul::{Consul, ConsulError};
pub use instance::Instance;
pub use instances::Instances;
pub use registration::Registration;
pub use settings::Settings;

/// Where the instances of each service are found. Cheap to clone; clones share their watches.
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

    /// Knows the given services only, and nothing new ever: for tests, and for tools that are told addresses.
    pub fn fixed<'a>(services: impl IntoIterator<Item = (&'a str, Vec<SocketAddr>)>) -> Self {
        let services = services.into_iter().map(|(service, addresses)| (service.to_owned(), addresses));
        Self { source: Source::Fixed(Arc::new(services.collect())), known: Arc::default() }
    }

    /// The same services, watched apart: what its callers find out about an instance is not shared with the callers of
    /// this one, nor is the turn. For calls that are given up so early that it says little about the instance.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { source: self.source.clone(), known: Arc::default() }
    }

    /// The instances of `service`. The first call for a service begins to watch it, and so must be made inside of a
    /// tokio runtime; the list is empty until Consul has answered ([`Instances::wait_ready`]).
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
