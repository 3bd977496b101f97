//! Decides which instances of a service are used, also if Consul says that many of them have failed at once.
//!
//! If all checks fail in the same moment, the checking is probably at fault, and not the instances. So an instance whose check
//! has failed is *doubted* for a time. An instance that has left Consul is not used any more. Doubted instances are used only
//! while fewer than half of all are healthy (Envoy calls this the panic threshold). Then requests go to healthy and doubted
//! instances, and callers eject those that do not answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::consul::Record;

/// How long an instance whose check fails may be used. It is longer than most faults of the checking. Callers eject an instance
/// that has really died.
const FAILING_DOUBT: Duration = Duration::from_mins(5);
/// How long an instance that Consul has forgotten may be used. All processes register again within this time.
const MISSING_DOUBT: Duration = Duration::from_secs(15);

/// What is known about the instances of a service.
#[derive(Debug, Default)]
pub(crate) struct Belief {
    known: BTreeMap<String, Known>,
    /// Until this time, an instance that is missing in the list may have been forgotten by Consul.
    missing_doubted_until: Option<Instant>,
}

#[derive(Debug)]
struct Known {
    address: SocketAddr,
    /// Since when it is doubted. `None` while its check passes.
    doubted_since: Option<Instant>,
}

/// An instance to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    /// Its check fails, or Consul has forgotten it.
    pub(crate) is_doubted: bool,
}

impl Belief {
    /// Notes that Consul may have lost its state: it was away, or its index went backwards.
    pub(crate) fn consul_was_lost(&mut self, now: Instant) {
        self.missing_doubted_until = Some(now + MISSING_DOUBT);
    }

    /// Takes a list from Consul, and returns the instances to be used.
    pub(crate) fn update(&mut self, listed: Vec<Record>, now: Instant) -> Vec<Used> {
        // If a single instance is missing, it has left. If all of several instances are missing at once, Consul has probably
        // forgotten them.
        if listed.is_empty() && self.healthy() > 1 && !self.is_missing_doubted(now) {
            self.missing_doubted_until = Some(now + MISSING_DOUBT);
        }
        let mut before = std::mem::take(&mut self.known);
        for Record { id, address, is_passing } in listed {
            let was = before.remove(&id);
            let doubted_since = match (is_passing, was) {
                (true, _) => None,
                (false, Some(was)) => Some(was.doubted_since.unwrap_or(now)),
                // It has never been healthy, so it is not used.
                (false, None) => continue,
            };
            self.known.insert(id, Known { address, doubted_since });
        }
        if self.is_missing_doubted(now) {
            for (id, was) in before {
                let doubted_since = Some(was.doubted_since.unwrap_or(now));
                self.known.insert(id, Known { doubted_since, ..was });
            }
        }
        self.known.retain(|_, known| known.doubted_since.is_none_or(|since| now < since + FAILING_DOUBT));
        self.used()
    }

    fn used(&self) -> Vec<Used> {
        let is_panic = self.healthy() * 2 < self.known.len();
        let used = self.known.iter().filter(|(_, known)| is_panic || known.doubted_since.is_none());
        used.map(|(id, known)| Used {
            id: id.clone(),
            address: known.address,
            is_doubted: known.doubted_since.is_some(),
        })
        .collect()
    }

    fn healthy(&self) -> usize {
        self.known.values().filter(|known| known.doubted_since.is_none()).count()
    }

    fn is_missing_doubted(&self, now: Instant) -> bool {
        self.missing_doubted_until.is_some_and(|until| now < until)
    }

    /// How long until the list has to be looked at again, because a doubt ends. `None` if there is none.
    pub(crate) fn next_end_of_doubt(&self, now: Instant) -> Option<Duration> {
        let failing = self.known.values().filter_map(|known| Some(known.doubted_since? + FAILING_DOUBT));
        let ends = failing.chain(self.missing_doubted_until);
        ends.filter(|end| now < *end).min().map(|end| end - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, is_passing: bool) -> Record {
        let port = u16::from(name.as_bytes()[0]);
        Record { id: name.to_owned(), address: SocketAddr::from(([127, 0, 0, 1], port)), is_passing }
    }

    /// Lists as text: `a b! c` are two instances whose checks pass and one whose check fails.
    fn list(text: &str) -> Vec<Record> {
        let record = |name: &str| record(name.trim_end_matches('!'), !name.ends_with('!'));
        text.split_whitespace().map(record).collect()
    }

    /// The instances to be used, as text: `?` marks one that is doubted.
    fn update(belief: &mut Belief, text: &str, now: Instant) -> String {
        let name = |used: Used| if used.is_doubted { used.id + "?" } else { used.id };
        belief.update(list(text), now).into_iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn after(lists: &[&str]) -> String {
        let (mut belief, now) = (Belief::default(), Instant::now());
        lists.iter().map(|text| update(&mut belief, text, now)).last().unwrap()
    }

    #[test]
    fn while_at_least_half_are_healthy_only_these_are_used() {
        assert_eq!(after(&["a b c d", "a b c! d!"]), "a b");
        assert_eq!(after(&["a b", "a b!"]), "a");
        assert_eq!(after(&["a b c", "a b! c"]), "a c");
    }

    #[test]
    fn when_fewer_than_half_are_healthy_all_are_used() {
        assert_eq!(after(&["a b c", "a b! c!"]), "a b? c?");
        assert_eq!(after(&["a b c d", "a! b! c! d"]), "a? b? c? d");
        assert_eq!(after(&["a b", "a! b!"]), "a? b?");
        assert_eq!(after(&["a", "a!"]), "a?");
    }

    #[test]
    fn an_instance_that_has_left_consul_is_gone_at_once() {
        assert_eq!(after(&["a b c", "a c"]), "a c");
        assert_eq!(after(&["a b", "b"]), "b");
        assert_eq!(after(&["a", ""]), "");
        assert_eq!(after(&["a b", "a! b!", "a!"]), "a?", "also while the others are doubted");
    }

    #[test]
    fn that_all_have_left_in_one_moment_is_not_believed_for_a_while() {
        let (mut belief, now) = (Belief::default(), Instant::now());
        update(&mut belief, "a b", now);
        assert_eq!(update(&mut belief, "", now), "a? b?");
        assert_eq!(belief.next_end_of_doubt(now), Some(MISSING_DOUBT));
        assert_eq!(update(&mut belief, "", now + MISSING_DOUBT), "");
        assert_eq!(belief.next_end_of_doubt(now + MISSING_DOUBT), None);
    }

    #[test]
    fn a_consul_that_has_lost_its_state_is_not_believed_for_a_while() {
        let (mut belief, now) = (Belief::default(), Instant::now());
        update(&mut belief, "a", now);
        belief.consul_was_lost(now);
        assert_eq!(update(&mut belief, "", now), "a?");
        update(&mut belief, "a b c", now);
        assert_eq!(update(&mut belief, "a", now), "a b? c?", "the processes register one after another");
        assert_eq!(update(&mut belief, "a b", now), "a b");
        assert_eq!(update(&mut belief, "a", now + MISSING_DOUBT), "a");
    }

    #[test]
    fn a_check_that_goes_on_failing_is_believed_in_the_end() {
        let (mut belief, now) = (Belief::default(), Instant::now());
        update(&mut belief, "a b", now);
        assert_eq!(update(&mut belief, "a! b!", now), "a? b?");
        let later = now + Duration::from_mins(1);
        assert_eq!(update(&mut belief, "a! b!", later), "a? b?");
        assert_eq!(belief.next_end_of_doubt(later), FAILING_DOUBT.checked_sub(Duration::from_mins(1)));
        assert_eq!(update(&mut belief, "a! b!", now + FAILING_DOUBT), "");
        assert_eq!(
            update(&mut belief, "a b!", now + FAILING_DOUBT),
            "a",
            "one that is healthy again is used again"
        );
    }

    #[test]
    fn an_instance_that_was_never_healthy_is_not_used() {
        assert_eq!(after(&["a!"]), "");
        assert_eq!(after(&["a", "a b! c! d!"]), "a");
    }
}
