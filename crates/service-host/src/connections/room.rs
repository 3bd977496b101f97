//! How many connections there are at once, in all and from one address; and which of them end to make room for others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::activity::Activity;

/// One connection that makes room costs a look at all of them. So some end at once: one in this many.
const SHARE: usize = 128;

/// How long a new connection waits until it looks again for one that can be closed.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Clients with an IPv6 address have a network of at least this size, so all of its addresses count as one.
const IPV6_PREFIX: u32 = 64;

/// See the module.
pub(super) struct Room {
    permits: Arc<Semaphore>,
    /// How many an address may have.
    per_address: Option<usize>,
    /// The addresses from which there may be any number.
    is_unbounded: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    open: Mutex<HashMap<IpAddr, Vec<Arc<Activity>>>>,
}

/// The place of a connection, until it ends.
pub(super) struct Place {
    room: Arc<Room>,
    origin: IpAddr,
    activity: Arc<Activity>,
    /// Taken when there is one.
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new(
        connections: usize,
        per_address: Option<usize>,
        is_unbounded: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    ) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(connections)),
            per_address,
            is_unbounded,
            open: Mutex::default(),
        }
    }

    /// Takes a place for a connection from this address. If all are taken, connections that wait for a request give way; if there is
    /// none, it waits. `None` if the address has too many connections already, and each of them has a request.
    pub(super) async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut place = self.of_address(peer)?;
        let permits = Arc::clone(&self.permits);
        place.permit = if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            Some(permit)
        } else {
            loop {
                self.make_room();
                if let Ok(permit) = timeout(LOOK_AGAIN, Arc::clone(&permits).acquire_owned()).await {
                    break permit.ok();
                }
            }
        };
        place.activity.waits();
        Some(place)
    }

    /// Counts a connection of an address.
    fn of_address(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let origin = origin(peer);
        let activity = Arc::new(Activity::new());
        // It does not give way before it has its place.
        activity.request_begins();
        let mut open = self.open();
        let others = open.entry(origin).or_default();
        if let Some(most) = self.per_address
            && others.len() >= most
            && !(self.is_unbounded)(peer)
        {
            // Those that are told to end count no longer: they do so at once.
            let count = others.iter().filter(|other| !other.is_given_up()).count();
            if count >= most {
                others.iter().filter_map(ranked).min_by_key(|(rank, _)| *rank)?.1.give_up();
            }
        }
        others.push(Arc::clone(&activity));
        drop(open);
        Some(Place { room: Arc::clone(self), origin, activity, permit: None })
    }

    /// Closes the connections that have waited longest.
    fn make_room(&self) {
        let open = self.open();
        let share = open.values().map(Vec::len).sum::<usize>() / SHARE + 1;
        let ending = open.values().flatten().filter(|activity| activity.is_ending()).count();
        let wanted = share.saturating_sub(ending);
        let mut closable: Vec<_> = open.values().flatten().filter_map(ranked).collect();
        if closable.len() > wanted {
            closable.select_nth_unstable_by_key(wanted, |(rank, _)| *rank);
        }
        closable.iter().take(wanted).for_each(|(_, activity)| activity.give_up());
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, Vec<Arc<Activity>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What the connection does.
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut of_address) = self.room.open().entry(self.origin) {
            let others = of_address.get_mut();
            if let Some(at) = others.iter().position(|other| Arc::ptr_eq(other, &self.activity)) {
                others.swap_remove(at);
            }
            if others.is_empty() {
                of_address.remove();
            }
        }
    }
}

fn ranked(activity: &Arc<Activity>) -> Option<((u64, u64), &Arc<Activity>)> {
    Some((activity.rank()?, activity))
}

/// The address by which connections are counted.
fn origin(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6_PREFIX))).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(connections: usize, per_address: usize) -> Arc<Room> {
        let proxy = IpAddr::from([10, 0, 0, 1]);
        Arc::new(Room::new(connections, Some(per_address), Box::new(move |peer| peer == proxy)))
    }

    #[test]
    fn the_addresses_of_one_network_of_ipv6_count_as_one() {
        let of = |text: &str| origin(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[tokio::test]
    async fn an_address_with_too_many_gives_up_its_own_and_is_refused_when_all_have_requests() {
        let room = room(100, 2);
        let (peer, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let neighbour = room.take(other).await.unwrap();
        let first = room.take(peer).await.unwrap();
        first.activity().request_begins();
        let second = room.take(peer).await.unwrap();
        let third = room.take(peer).await.unwrap();
        let given_up = [&neighbour, &first, &second, &third].map(|place| place.activity().is_given_up());
        assert_eq!(given_up, [false, false, true, false]);
        third.activity().request_begins();
        assert!(room.take(peer).await.is_none());
        assert!(room.take(other).await.is_some());
        drop(first);
        assert!(room.take(peer).await.is_some());
        drop((second, third, neighbour));
        assert!(room.open().is_empty());
    }

    #[tokio::test]
    async fn a_trusted_proxy_may_have_any_number() {
        let room = room(100, 1);
        let mut places = Vec::new();
        for _ in 0..10 {
            places.push(room.take([10, 0, 0, 1].into()).await.unwrap());
        }
        assert!(places.iter().all(|place| !place.activity().is_given_up()));
    }

    #[tokio::test]
    async fn the_one_that_has_waited_longest_gives_way() {
        let room = room(3, 10);
        let peer = IpAddr::from([192, 0, 2, 1]);
        let busy = room.take(peer).await.unwrap();
        busy.activity().request_begins();
        let old = room.take(peer).await.unwrap();
        let young = room.take(peer).await.unwrap();
        let next = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.take(peer).await.is_some() }
        });
        old.activity().given_up().await;
        drop(old);
        assert!(next.await.unwrap());
        assert!(!busy.activity().is_given_up() && !young.activity().is_given_up());
    }
}
