//! The last list of a service's instances.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::instance::Instance;

/// The list, which a watch writes and callers read.
#[derive(Debug)]
pub(crate) struct Snapshot {
    service: String,
    pub(crate) instances: ArcSwap<Vec<Arc<Instance>>>,
    pub(crate) turn: AtomicUsize,
    /// Notifies that the list has changed.
    pub(crate) changed: watch::Sender<()>,
}

impl Snapshot {
    pub(crate) fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            instances: ArcSwap::default(),
            turn: AtomicUsize::new(0),
            changed: watch::Sender::default(),
        }
    }

    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.instances.load().is_empty()
    }

    /// Replaces the list. An instance that stays in it keeps its failures and its ejection.
    pub(crate) fn replace(&self, listed: Vec<(String, SocketAddr)>) {
        let before = self.instances.load();
        let known: HashMap<_, _> = before.iter().map(|instance| (instance.id(), instance)).collect();
        let mut now: Vec<_> = listed
            .into_iter()
            .map(|(id, address)| match known.get(id.as_str()) {
                Some(instance) if instance.address() == address => Arc::clone(instance),
                _ => Arc::new(Instance::new(id, address)),
            })
            .collect();
        now.sort_by(|a, b| a.id().cmp(b.id()));
        let same = before.iter().map(|instance| instance.id()).eq(now.iter().map(|instance| instance.id()));
        if !same {
            let ids: Vec<_> = now.iter().map(|instance| instance.id()).collect();
            tracing::info!(service = self.service, instances = ids.join(" "), "the instances have changed");
        }
        metrics::gauge!("discovery_instances", "service" => self.service.clone())
            .set(u32::try_from(now.len()).unwrap_or(u32::MAX));
        self.instances.store(Arc::new(now));
        self.changed.send_replace(());
    }
}
