//! The last list of a service's instances.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::belief::Used;
use crate::instance::Instance;
use crate::recovery;

/// The list, which a watch writes and callers read.
#[derive(Debug)]
pub(crate) struct Snapshot {
    service: String,
    pub(crate) instances: ArcSwap<Vec<Arc<Instance>>>,
    pub(crate) turn: AtomicUsize,
    /// Held while an instance may be ejected, so that two that fail at once do not both count the other as left.
    ejecting: Mutex<()>,
    /// How many of the list are used although their checks fail.
    doubted: AtomicUsize,
    /// Notifies that the list has changed.
    pub(crate) changed: watch::Sender<()>,
}

impl Snapshot {
    pub(crate) fn new(service: &str) -> Self {
        Self {
            service: service.to_owned(),
            instances: ArcSwap::default(),
            turn: AtomicUsize::new(0),
            ejecting: Mutex::default(),
            doubted: AtomicUsize::new(0),
            changed: watch::Sender::default(),
        }
    }

    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// Notes a failure of an instance by `fail`, which ejects it if it may.
    ///
    /// The last instance is never ejected, and of those whose checks pass at most half: a fault of many instances at once is
    /// more often one of the network between, or of a request that hurts each of them.
    pub(crate) fn note(
        &self,
        instance: &Arc<Instance>,
        fail: impl FnOnce(&Instance, &dyn Fn() -> bool) -> bool,
    ) {
        let _ejecting = self.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        if fail(instance, &|| self.may_eject(instance)) {
            tokio::spawn(recovery::watch(Arc::downgrade(instance)));
        }
    }

    fn may_eject(&self, instance: &Instance) -> bool {
        let listed = self.instances.load();
        let others = || listed.iter().filter(|other| other.id() != instance.id());
        if others().all(|other| other.is_ejected()) {
            return false;
        }
        let trusted = listed.iter().filter(|other| !other.is_doubted()).count();
        let ejected = others().filter(|other| !other.is_doubted() && other.is_ejected()).count();
        instance.is_doubted() || (ejected + 1) * 2 <= trusted
    }

    /// Replaces the list. An instance that stays in it keeps its failures and its ejection.
    pub(crate) fn replace(&self, used: Vec<Used>) {
        let before = self.instances.load();
        let known: HashMap<_, _> = before.iter().map(|instance| (instance.id(), instance)).collect();
        let doubted = used.iter().filter(|used| used.is_doubted).count();
        let mut now: Vec<_> = used
            .into_iter()
            .map(|Used { id, address, is_doubted }| {
                let instance = match known.get(id.as_str()) {
                    Some(instance) if instance.address() == address => Arc::clone(instance),
                    _ => Arc::new(Instance::new(id, address)),
                };
                instance.set_doubted(is_doubted);
                instance
            })
            .collect();
        now.sort_by(|a, b| a.id().cmp(b.id()));
        self.report(&before, &now, doubted);
        self.instances.store(Arc::new(now));
        self.changed.send_replace(());
    }

    fn report(&self, before: &[Arc<Instance>], now: &[Arc<Instance>], doubted: usize) {
        let service = self.service.as_str();
        let same = before.iter().map(|instance| instance.id()).eq(now.iter().map(|instance| instance.id()));
        if !same {
            let ids: Vec<_> = now.iter().map(|instance| instance.id()).collect();
            tracing::info!(service, instances = ids.join(" "), "the instances have changed");
        }
        let doubted_before = self.doubted.swap(doubted, Ordering::Relaxed);
        if doubted > 0 && doubted_before == 0 {
            metrics::counter!("discovery_panics_total", "service" => self.service.clone()).increment(1);
            let healthy = now.len() - doubted;
            tracing::warn!(
                service,
                healthy,
                doubted,
                "fewer than half of the instances are healthy for Consul: this is not believed for a while, and all are used"
            );
        } else if doubted == 0 && doubted_before > 0 {
            tracing::info!(
                service,
                healthy = now.len(),
                "only instances that are healthy for Consul are used again"
            );
        }
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("discovery_instances", "service" => self.service.clone()).set(count(now.len()));
        metrics::gauge!("discovery_doubted_instances", "service" => self.service.clone()).set(count(doubted));
    }
}
