//! The known instances of one service.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::consul::Consul;
use crate::instance::Instance;
use crate::watch::Watch;

/// The live list of a service's instances. Cheap to clone; clones share the list and its watch.
#[derive(Clone, Debug)]
pub struct Instances {
    snapshot: Arc<Snapshot>,
    /// Ends the watch when the last clone is dropped. A fixed list has no watch.
    _watching: Option<Arc<AbortOnDrop>>,
}

/// The list, which a watch writes and callers read.
#[derive(Debug)]
pub(crate) struct Snapshot {
    service: String,
    instances: ArcSwap<Vec<Arc<Instance>>>,
    turn: AtomicUsize,
    /// Notifies that the list has changed.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Instances {
    /// A list that never changes.
    pub(crate) fn fixed(service: &str, addresses: &[SocketAddr]) -> Self {
        let snapshot = Snapshot::new(service);
        snapshot.replace(addresses.iter().map(|address| (address.to_string(), *address)).collect());
        Self { snapshot: Arc::new(snapshot), _watching: None }
    }

    /// A list that follows Consul's.
    pub(crate) fn watched(service: &str, consul: Consul) -> Self {
        let snapshot = Arc::new(Snapshot::new(service));
        let task = tokio::spawn(Watch::new(consul, Arc::clone(&snapshot)).run());
        Self { snapshot, _watching: Some(Arc::new(AbortOnDrop(task.abort_handle()))) }
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        &self.snapshot.service
    }

    /// The next instance in turn. `None` if none is known.
    pub fn pick(&self) -> Option<Arc<Instance>> {
        self.pick_excluding(&[])
    }

    /// The next instance in turn that is not in `tried`, for a retry. An ejected instance is skipped, unless there is no other:
    /// it is better than none, and this is how its recovery is noticed.
    pub fn pick_excluding(&self, tried: &[&str]) -> Option<Arc<Instance>> {
        let instances = self.snapshot.instances.load();
        let turn = self.snapshot.turn.fetch_add(1, Ordering::Relaxed) % instances.len().max(1);
        let (before, after) = instances.split_at(turn);
        let mut candidates = after.iter().chain(before).filter(|instance| !tried.contains(&instance.id()));
        let first = candidates.next()?;
        let healthy = std::iter::once(first).chain(candidates).find(|instance| !instance.is_ejected());
        Some(Arc::clone(healthy.unwrap_or(first)))
    }

    /// How many instances are known, including ejected ones.
    pub fn count(&self) -> usize {
        self.snapshot.instances.load().len()
    }

    /// Waits until `wanted` is true of the number of known instances.
    pub async fn wait_for_count(&self, mut wanted: impl FnMut(usize) -> bool) {
        let mut changed = self.snapshot.changed.subscribe();
        // The sender is in the snapshot, which lives as long as `self`. So this ends only by the condition.
        let _ = changed.wait_for(|()| wanted(self.count())).await;
    }

    /// Waits until at least one instance is known. False if `timeout` is over before.
    pub async fn wait_ready(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.wait_for_count(|count| count > 0)).await.is_ok()
    }
}

impl Snapshot {
    fn new(service: &str) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Instances {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Instances::fixed("member-api", &[at(1), at(2), at(3)])
    }

    fn ports(instances: &Instances, picks: usize) -> Vec<u16> {
        (0..picks).map(|_| instances.pick().unwrap().address().port()).collect()
    }

    #[test]
    fn instances_take_turns() {
        assert_eq!(ports(&three(), 6), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn nothing_is_picked_from_nothing() {
        assert!(Instances::fixed("member-api", &[]).pick().is_none());
        let instances = three();
        assert!(instances.pick_excluding(&["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"]).is_none());
    }

    #[test]
    fn a_retry_goes_to_another_instance() {
        let instances = three();
        for _ in 0..6 {
            let picked = instances.pick_excluding(&["127.0.0.1:1", "127.0.0.1:3"]).unwrap();
            assert_eq!(picked.address().port(), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_ejected_instance_is_skipped_while_there_is_another() {
        let instances = three();
        let eject = |instance: Arc<Instance>| (0..3).for_each(|_| instance.failed());
        eject(instances.pick().unwrap());
        assert_eq!(ports(&instances, 6).iter().filter(|port| **port == 1).count(), 0);
        eject(instances.pick_excluding(&["127.0.0.1:1", "127.0.0.1:3"]).unwrap());
        eject(instances.pick_excluding(&["127.0.0.1:1", "127.0.0.1:2"]).unwrap());
        assert!(instances.pick().is_some(), "if all are ejected, one of them is picked");
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_stays_listed_stays_ejected() {
        let instances = three();
        let first = instances.pick().unwrap();
        (0..3).for_each(|_| first.failed());
        let listed = |port: u16| (format!("127.0.0.1:{port}"), SocketAddr::from(([127, 0, 0, 1], port)));
        instances.snapshot.replace(vec![listed(1), listed(4)]);
        assert_eq!(ports(&instances, 4), [4, 4, 4, 4]);
    }
}
