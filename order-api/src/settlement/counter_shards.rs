//! Sharded counters: transactions that add to the totals of one seller at the same time use different rows.
//!
//! Only one transaction at a time can add to a row. So the total of a seller and a day is the sum of several rows, the
//! *shards*: as many as were ever used at the same time. A transaction uses the lowest shard that no other transaction of
//! this process uses. A seller with a sale now and then has one row for each day, which keeps the settlement small; a
//! seller who sells out within a minute has up to sixteen. Processes do not know the shards that others use. If two of them
//! use the same row, one waits until the transaction of the other has ended, and nothing is lost.
//!
//! The table calls the shard `lane`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access::MemberId;

use super::totals::Addition;

/// How many shards a seller's day has at most.
const SHARDS: usize = 16;

/// The shards that this process uses now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct CounterShards {
    /// For each seller, how many transactions use each shard.
    in_use: Arc<Mutex<HashMap<MemberId, [u32; SHARDS]>>>,
}

/// Additions with their shards. Dropping it releases the shards.
#[derive(Debug)]
pub struct ShardedAdditions {
    shards: CounterShards,
    additions: Vec<(Addition, u8)>,
}

impl CounterShards {
    /// Assigns a shard to each addition: the lowest of the least used shards of its seller.
    #[must_use]
    pub fn assign(&self, additions: Vec<Addition>) -> ShardedAdditions {
        let mut in_use = self.in_use();
        let additions = additions
            .into_iter()
            .map(|addition| {
                let shards = in_use.entry(addition.seller_id).or_default();
                let fewest = shards.iter().copied().min().unwrap_or_default();
                let shard = (0_u8..).zip(shards.iter_mut()).find(|(_, users)| **users == fewest);
                let shard = shard.map_or(0, |(shard, users)| {
                    *users += 1;
                    shard
                });
                (addition, shard)
            })
            .collect();
        drop(in_use);
        ShardedAdditions { shards: self.clone(), additions }
    }

    fn release(&self, additions: &[(Addition, u8)]) {
        let mut in_use = self.in_use();
        for (addition, shard) in additions {
            if let Some(shards) = in_use.get_mut(&addition.seller_id) {
                shards[usize::from(*shard)] -= 1;
                if shards.iter().all(|users| *users == 0) {
                    in_use.remove(&addition.seller_id);
                }
            }
        }
    }

    fn in_use(&self) -> MutexGuard<'_, HashMap<MemberId, [u32; SHARDS]>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShardedAdditions {
    /// The additions, each with its shard.
    pub fn additions(&self) -> &[(Addition, u8)] {
        &self.additions
    }
}

impl Drop for ShardedAdditions {
    fn drop(&mut self) {
        self.shards.release(&self.additions);
    }
}

#[cfg(test)]
mod tests {
    use money::Won;
    use time::macros::date;
    use uuid::Uuid;

    use super::*;
    use crate::settlement::day::BusinessDay;

    fn addition(seller: u128) -> Addition {
        Addition {
            seller_id: MemberId(Uuid::from_u128(seller)),
            day: BusinessDay::from_date(date!(2026 - 11 - 22)),
            gross: Won::new(1),
            refunds: Won::ZERO,
        }
    }

    fn shards_of(assigned: &ShardedAdditions) -> Vec<u8> {
        assigned.additions().iter().map(|(_, shard)| *shard).collect()
    }

    #[test]
    fn a_single_transaction_uses_the_first_shard() {
        let shards = CounterShards::default();
        for _ in 0..3 {
            assert_eq!(shards_of(&shards.assign(vec![addition(1), addition(2)])), [0, 0]);
        }
        assert!(shards.in_use().is_empty());
    }

    #[test]
    fn transactions_at_the_same_time_use_different_shards_while_there_are_any() {
        let shards = CounterShards::default();
        let assigned: Vec<ShardedAdditions> =
            (0..SHARDS + 2).map(|_| shards.assign(vec![addition(1)])).collect();
        let used: Vec<u8> = assigned.iter().flat_map(shards_of).collect();
        assert_eq!(used, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1]);
        assert_eq!(shards_of(&shards.assign(vec![addition(2)])), [0]);
    }

    #[test]
    fn a_released_shard_is_used_again() {
        let shards = CounterShards::default();
        let (first, second) = (shards.assign(vec![addition(1)]), shards.assign(vec![addition(1)]));
        drop(first);
        assert_eq!(shards_of(&shards.assign(vec![addition(1)])), [0]);
        drop(second);
        assert!(shards.in_use().is_empty());
    }
}
