//! The clients that a gateway remembers: a bounded number of them.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use super::client::Client;

/// So many parts have a lock each, which is nearly always free.
const PARTS: usize = 64;

/// Whose requests are counted, under the policy with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) policy: usize,
    /// The address or the member.
    pub(super) who: u128,
}

/// The clients, by their keys. Cheap to clone; clones share what they remember.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    hasher: RandomState,
    parts: Arc<[Mutex<Part>]>,
    /// How many clients each half of a part holds.
    half: usize,
}

/// Two halves: when the young one is full, it becomes the old one, and those in the old one who were not seen meanwhile are
/// forgotten.
#[derive(Debug, Default)]
struct Part {
    young: HashMap<Key, Client, RandomState>,
    old: HashMap<Key, Client, RandomState>,
}

impl Memory {
    /// Remembers so many clients at most.
    pub(super) fn new(most: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            parts: std::iter::repeat_with(Mutex::default).take(PARTS).collect(),
            half: half_of(most),
        }
    }

    /// The same clients, of whom so many are remembered at most from now on.
    pub(super) fn with_most(&self, most: usize) -> Self {
        Self { half: half_of(most), ..self.clone() }
    }

    /// Works with what is remembered of a client. The work must be short: others wait for it.
    pub(super) fn with<T>(&self, key: Key, work: impl FnOnce(&mut Client) -> T) -> T {
        let hash = self.hasher.hash_one(key);
        let place = usize::try_from(hash % PARTS as u64).unwrap_or_default();
        let mut part = self.parts[place].lock().unwrap_or_else(PoisonError::into_inner);
        work(part.client(key, self.half))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let len = |part: &Mutex<Part>| {
            let part = part.lock().unwrap();
            part.young.len() + part.old.len()
        };
        self.parts.iter().map(len).sum()
    }
}

fn half_of(most: usize) -> usize {
    (most / (2 * PARTS)).max(1)
}

impl Part {
    fn client(&mut self, key: Key, half: usize) -> &mut Client {
        if !self.young.contains_key(&key) {
            let known = self.old.remove(&key).unwrap_or_default();
            if self.young.len() >= half {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key, known);
        }
        self.young.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::Decision;
    use super::super::gcra::Rate;
    use super::*;

    const RATE: Rate = Rate { interval: 1_000_000_000, quota: 1 };

    fn is_allowed(memory: &Memory, who: u128) -> bool {
        let key = Key { policy: 0, who };
        memory.with(key, |client| matches!(client.decide_alone(RATE, 0), Decision::Allow(_)))
    }

    #[test]
    fn clients_and_policies_are_counted_apart() {
        let memory = Memory::new(10_000);
        assert!(is_allowed(&memory, 1) && is_allowed(&memory, 2));
        assert!(!is_allowed(&memory, 1) && !is_allowed(&memory, 2));
        let other = Key { policy: 1, who: 1 };
        assert!(memory.with(other, |client| matches!(client.decide_alone(RATE, 0), Decision::Allow(_))));
    }

    #[test]
    fn a_flood_of_addresses_fills_no_more_than_the_memory_and_who_comes_again_is_remembered() {
        let memory = Memory::new(6_400);
        assert!(is_allowed(&memory, 0));
        for who in 1..100_000 {
            is_allowed(&memory, who);
            if who % 100 == 0 {
                assert!(!is_allowed(&memory, 0), "forgotten after {who}");
            }
        }
        assert!(memory.len() <= 6_400, "{}", memory.len());
    }
}
