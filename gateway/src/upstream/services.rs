//! All services behind the gateway.

use std::collections::HashMap;
use std::sync::Arc;

use discovery::Discovery;

use super::pool::Pools;
use super::{ATTEMPTS, Upstream, answer, breaker, concurrency, retry_budget};
use crate::settings::TableSettings;

/// See the module. The services share the pools of connections.
pub(crate) struct Upstreams {
    /// In the order of the settings.
    names: Vec<String>,
    by_name: HashMap<String, Arc<Upstream>>,
    pools: Pools,
    discovery: Discovery,
}

impl Upstreams {
    /// Starts to watch all services of the settings.
    pub(crate) fn new(settings: &TableSettings, discovery: &Discovery) -> Self {
        metrics::describe_counter!(ATTEMPTS, "Requests sent to an instance of a service, by outcome");
        metrics::describe_counter!(
            answer::IDLE_TIMEOUTS,
            "Answers that were cut off because their service sent nothing for too long"
        );
        breaker::describe();
        concurrency::describe();
        retry_budget::describe();
        let none = Self {
            names: Vec::new(),
            by_name: HashMap::new(),
            pools: Pools::new(&settings.upstream),
            discovery: discovery.clone(),
        };
        none.with(settings)
    }

    /// The services of other settings. What has been learnt of those that stay, stays where the settings for it do. Those that are
    /// new are watched.
    pub(crate) fn with(&self, settings: &TableSettings) -> Self {
        let TableSettings { services: names, upstream: settings, .. } = settings;
        let pools = self.pools.with(settings);
        let upstream = |name: &String| match self.by_name.get(name) {
            Some(old) => old.with(settings, pools.clone()),
            None => Upstream::new(name, self.discovery.instances(name), pools.clone(), settings.clone()),
        };
        let by_name = names.iter().map(|name| (name.clone(), Arc::new(upstream(name)))).collect();
        Self { names: names.clone(), by_name, pools, discovery: self.discovery.clone() }
    }

    /// The names of the services, in the order of the settings.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The service with this name.
    pub(crate) fn get(&self, service: &str) -> Option<Arc<Upstream>> {
        self.by_name.get(service).cloned()
    }
}
