//! The known instances of one service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::consul::Consul;
use crate::instance::Instance;
use crate::snapshot::Snapshot;
use crate::watch::Watch;

/// The live list of a service's instances. Cheap to clone; clones share the list and its watch.
#[derive(Clone, Debug)]
pub struct Instances {
    snapshot: Arc<Snapshot>,
    /// Ends the watch when the last clone is dropped. A fixed list has no watch.
    _watching: Option<Arc<AbortOnDrop>>,
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
        self.snapshot.service()
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
