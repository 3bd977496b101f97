//! All services behind the gateway.

use std::collections::HashMap;
use std::sync::Arc;

use discovery::Discovery;

use super::pool::Pools;
use super::{ATTEMPTS, Upstream, answer, breaker, concurrency, retry_budget};
use crate::settings::{Settings, UpstreamSettings};

/// See the module. The services share the pools of connections.
pub(crate) struct Upstreams {
    by_name: HashMap<String, Arc<Upstream>>,
    pools: Pools,
}

impl Upstreams {
    /// Starts to watch all services of the settings.
    pub(crate) fn new(settings: &Settings, discovery: &Discovery) -> Self {
        metrics::describe_counter!(ATTEMPTS, "Requests sent to an instance of a service, by outcome");
        metrics::describe_counter!(
            answer::IDLE_TIMEOUTS,
            "Answers that were cut off because their service sent nothing for too long"
        );
        breaker::describe();
        concurrency::describe();
        retry_budget::describe();
        let pools = Pools::new(&settings.upstream);
        let upstream = |service: &String| {
            Upstream::new(service, discovery.instances(service), pools.clone(), settings.upstream.clone())
        };
        let by_name = settings.services.iter().map(|name| (name.clone(), Arc::new(upstream(name)))).collect();
        Self { by_name, pools }
    }

    /// The same services with other settings. What has been learnt of them stays where the settings for it do.
    pub(crate) fn with(&self, settings: &UpstreamSettings) -> Self {
        let pools = self.pools.with(settings);
        let upstream = |upstream: &Arc<Upstream>| Arc::new(upstream.with(settings, pools.clone()));
        let by_name = self.by_name.iter().map(|(name, old)| (name.clone(), upstream(old))).collect();
        Self { by_name, pools }
    }

    /// The service with this name.
    pub(crate) fn get(&self, service: &str) -> Option<Arc<Upstream>> {
        self.by_name.get(service).cloned()
    }
}
