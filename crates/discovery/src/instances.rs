//! The known instances of one service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::belief::Used;
use crate::consul::Consul;
use crate::instance::Instance;
use crate::recovery;
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
    /// How long an instance may take to answer the question whether it answers at all.
    pub const PATIENCE: Duration = recovery::PATIENCE;

    /// A list that never changes.
    pub(crate) fn fixed(service: &str, addresses: &[SocketAddr]) -> Self {
        let snapshot = Snapshot::new(service);
        let used =
            |address: &SocketAddr| Used { id: address.to_string(), address: *address, is_doubted: false };
        snapshot.replace(addresses.iter().map(used).collect());
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

    /// An instance for a request. `None` if none is known.
    pub fn pick(&self) -> Option<Arc<Instance>> {
        self.pick_excluding(&[])
    }

    /// An instance that is not in `tried`, for a retry. Of two, the one with fewer outstanding requests is picked ([the power of
    /// two choices](https://www.eecs.harvard.edu/~michaelm/postscripts/handbook2001.pdf)); which two these are changes with each
    /// pick. An ejected instance is skipped, unless there is no other: it is better than none.
    pub fn pick_excluding(&self, tried: &[&str]) -> Option<Arc<Instance>> {
        let instances = self.snapshot.instances.load();
        let untried = || instances.iter().filter(|instance| !tried.contains(&instance.id()));
        let usable = || untried().filter(|instance| !instance.is_ejected());
        let turn = self.snapshot.turn.fetch_add(1, Ordering::Relaxed);
        let picked = match usable().count() {
            0 => {
                let count = untried().count();
                turn.checked_rem(count).and_then(|nth| untried().nth(nth))
            }
            1 => usable().next(),
            count => {
                let (round, nth) = (turn / count, turn % count);
                let other = (nth + 1 + round % (count - 1)) % count;
                match (usable().nth(nth), usable().nth(other)) {
                    (Some(first), Some(second)) => Some(better(first, second, round)),
                    (first, second) => first.or(second),
                }
            }
        };
        // `None` also if the last usable one was ejected in this moment.
        picked.or_else(|| untried().next()).cloned()
    }

    /// Whether there is an instance that is neither ejected nor in `tried`.
    pub fn has_usable_excluding(&self, tried: &[&str]) -> bool {
        let instances = self.snapshot.instances.load();
        instances.iter().any(|instance| !instance.is_ejected() && !tried.contains(&instance.id()))
    }

    /// A caller could not reach an instance of this list, or got no answer. After three failures in a row it is ejected: it is
    /// skipped until it answers a question, after a second at the earliest. If it answers and fails again, that is twice as long
    /// each time, up to 30 s. Consul notices a dead process, but not one that only this process can't reach. The last instance is
    /// never ejected, and of those that are healthy for Consul at most half.
    pub fn failed(&self, instance: &Arc<Instance>) {
        self.snapshot.note(instance, |instance, may_eject| instance.failed(may_eject));
    }

    /// An instance has requests for too long, and answers none at all ([`Outstanding::is_silent`](crate::Outstanding::is_silent)).
    /// It is ejected at once, with the same bounds, and asked: if it answers, it was only slow, and is used as before.
    /// [`Self::PATIENCE`] later it is known whether it stands still ([`Instance::is_ejected`]).
    pub fn silent(&self, instance: &Arc<Instance>) {
        self.snapshot.note(instance, |instance, may_eject| instance.silent(may_eject));
    }

    /// All instances that are known, including ejected ones.
    pub fn all(&self) -> Vec<Arc<Instance>> {
        self.snapshot.instances.load().to_vec()
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

/// The one of two instances that gets a request. One that has just returned gets the first of its turns only, and then more and
/// more of them.
fn better<'a>(first: &'a Arc<Instance>, second: &'a Arc<Instance>, round: usize) -> &'a Arc<Instance> {
    let has_turn = |instance: &Instance| ((round % 10) as u64) < instance.tenths();
    match (has_turn(first), has_turn(second)) {
        (true, false) => first,
        (false, true) => second,
        _ if second.outstanding() < first.outstanding() => second,
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Instances {
        of(&[1, 2, 3])
    }

    fn ports(instances: &Instances, picks: usize) -> Vec<u16> {
        (0..picks).map(|_| instances.pick().unwrap().address().port()).collect()
    }

    #[test]
    fn instances_take_turns() {
        assert_eq!(ports(&three(), 6), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn of_two_instances_the_one_with_fewer_requests_is_picked() {
        let instances = of(&[1, 2]);
        let _busy = at(&instances, 1).begin();
        assert_eq!(ports(&instances, 4), [2, 2, 2, 2]);
        let _busier = [at(&instances, 2).begin(), at(&instances, 2).begin()];
        assert_eq!(ports(&instances, 4), [1, 1, 1, 1]);
    }

    #[test]
    fn each_instance_is_compared_with_each_other_one() {
        let instances = of(&[1, 2, 3, 4]);
        let _busy: Vec<_> = [2, 3, 4].iter().map(|port| at(&instances, *port).begin()).collect();
        // Four turns each; in each turn of another instance, instance 1 is the other candidate every third time.
        let picked = ports(&instances, 12).iter().filter(|port| **port == 1).count();
        assert_eq!(picked, 3 + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_is_back_gets_few_requests_at_first() {
        let instances = of(&[1, 2]);
        fail(&instances, 1);
        at(&instances, 1).has_recovered();
        let picks = |instances: &Instances| ports(instances, 200).iter().filter(|port| **port == 1).count();
        let first = picks(&instances);
        tokio::time::advance(Duration::from_secs(5)).await;
        let later = picks(&instances);
        tokio::time::advance(Duration::from_secs(5)).await;
        let in_the_end = picks(&instances);
        assert!(first > 0 && first < later && later < in_the_end, "{first}, {later}, {in_the_end}");
        assert_eq!(in_the_end, 100);
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

    fn of(ports: &[u16]) -> Instances {
        let at = |port: &u16| SocketAddr::from(([127, 0, 0, 1], *port));
        Instances::fixed("member-api", &ports.iter().map(at).collect::<Vec<_>>())
    }

    fn at(instances: &Instances, port: u16) -> Arc<Instance> {
        let listed = instances.snapshot.instances.load();
        Arc::clone(listed.iter().find(|instance| instance.address().port() == port).unwrap())
    }

    fn fail(instances: &Instances, port: u16) {
        (0..3).for_each(|_| instances.failed(&at(instances, port)));
    }

    fn used(port: u16, is_doubted: bool) -> Used {
        Used { id: format!("127.0.0.1:{port}"), address: ([127, 0, 0, 1], port).into(), is_doubted }
    }

    #[tokio::test(start_paused = true)]
    async fn an_ejected_instance_is_skipped_while_there_is_another() {
        let instances = three();
        fail(&instances, 1);
        assert_eq!(ports(&instances, 4), [2, 3, 2, 3]);
        let only = instances.pick_excluding(&["127.0.0.1:2", "127.0.0.1:3"]).unwrap();
        assert_eq!(only.address().port(), 1, "for a retry, an ejected instance is better than none");
    }

    #[tokio::test(start_paused = true)]
    async fn the_only_instance_is_never_ejected() {
        let instances = of(&[1]);
        (0..10).for_each(|_| fail(&instances, 1));
        assert!(!at(&instances, 1).is_ejected());
    }

    #[tokio::test(start_paused = true)]
    async fn at_most_half_of_the_instances_are_ejected() {
        for (count, most) in [(2_u16, 1), (3, 1), (4, 2), (5, 2)] {
            let ports: Vec<_> = (1..=count).collect();
            let instances = of(&ports);
            for port in &ports {
                fail(&instances, *port);
            }
            let ejected = ports.iter().filter(|port| at(&instances, **port).is_ejected()).count();
            assert_eq!(ejected, most, "of {count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_was_spared_is_ejected_when_others_are_back() {
        let instances = of(&[1, 2]);
        fail(&instances, 1);
        fail(&instances, 2);
        assert!(at(&instances, 1).is_ejected() && !at(&instances, 2).is_ejected());
        at(&instances, 1).succeeded();
        instances.failed(&at(&instances, 2));
        assert!(at(&instances, 2).is_ejected());
        let first_ejection = at(&instances, 2).probe_at().map(|at| at - tokio::time::Instant::now());
        assert_eq!(first_ejection, Some(Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn of_doubted_instances_all_but_the_last_are_ejected() {
        let instances = of(&[1, 2, 3]);
        instances.snapshot.replace(vec![used(1, true), used(2, true), used(3, false)]);
        for port in [1, 2, 3] {
            fail(&instances, port);
        }
        assert_eq!([1, 2, 3].map(|port| at(&instances, port).is_ejected()), [true, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_stays_listed_stays_ejected() {
        let instances = three();
        fail(&instances, 1);
        instances.snapshot.replace(vec![used(1, false), used(4, false)]);
        assert_eq!(ports(&instances, 4), [4, 4, 4, 4]);
    }
}
