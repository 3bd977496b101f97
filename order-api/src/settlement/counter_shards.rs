//! Lanes: how those who add to one seller's totals at the same time keep out of each other's way.
//!
//! A row that many transactions add to lets one of them pass at a time. So a seller's total of a day is kept in as many
//! rows, called lanes, as were ever needed at once: whoever adds takes the lowest lane that nobody of this process is
//! in. A seller with a sale now and then has one row a day, which keeps the settlement small; one whose cakes are sold
//! out in a minute has up to sixteen. Processes do not know of each other's lanes: where two of them meet in a row, one
//! waits for the other for the end of a transaction, and nothing is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access::MemberId;

use super::totals::Addition;

/// How many rows a seller's day has at most.
const LANES: usize = 16;

/// Who is where in this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    busy: Arc<Mutex<HashMap<MemberId, [u32; LANES]>>>,
}

/// Additions with their lanes, which are free again when this is dropped.
#[derive(Debug)]
pub struct InLanes {
    lanes: Lanes,
    additions: Vec<(Addition, u8)>,
}

impl Lanes {
    /// Gives each addition a lane of its seller's: the lowest of those with the fewest in them.
    #[must_use]
    pub fn enter(&self, additions: Vec<Addition>) -> InLanes {
        let mut busy = self.busy();
        let additions = additions
            .into_iter()
            .map(|addition| {
                let lanes = busy.entry(addition.seller_id).or_default();
                let fewest = lanes.iter().copied().min().unwrap_or_default();
                let lane = (0_u8..).zip(lanes.iter_mut()).find(|(_, inside)| **inside == fewest);
                let lane = lane.map_or(0, |(lane, inside)| {
                    *inside += 1;
                    lane
                });
                (addition, lane)
            })
            .collect();
        drop(busy);
        InLanes { lanes: self.clone(), additions }
    }

    fn leave(&self, additions: &[(Addition, u8)]) {
        let mut busy = self.busy();
        for (addition, lane) in additions {
            if let Some(lanes) = busy.get_mut(&addition.seller_id) {
                lanes[usize::from(*lane)] -= 1;
                if lanes.iter().all(|inside| *inside == 0) {
                    busy.remove(&addition.seller_id);
                }
            }
        }
    }

    fn busy(&self) -> MutexGuard<'_, HashMap<MemberId, [u32; LANES]>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InLanes {
    /// The additions.
    pub fn additions(&self) -> &[(Addition, u8)] {
        &self.additions
    }
}

impl Drop for InLanes {
    fn drop(&mut self) {
        self.lanes.leave(&self.additions);
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

    fn lanes_of(inside: &InLanes) -> Vec<u8> {
        inside.additions().iter().map(|(_, lane)| *lane).collect()
    }

    #[test]
    fn whoever_comes_alone_is_in_the_first_lane() {
        let lanes = Lanes::default();
        for _ in 0..3 {
            assert_eq!(lanes_of(&lanes.enter(vec![addition(1), addition(2)])), [0, 0]);
        }
        assert!(lanes.busy().is_empty());
    }

    #[test]
    fn those_who_come_together_have_a_lane_each_while_there_are_any() {
        let lanes = Lanes::default();
        let inside: Vec<InLanes> = (0..LANES + 2).map(|_| lanes.enter(vec![addition(1)])).collect();
        let taken: Vec<u8> = inside.iter().flat_map(lanes_of).collect();
        assert_eq!(taken, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1]);
        assert_eq!(lanes_of(&lanes.enter(vec![addition(2)])), [0]);
    }

    #[test]
    fn a_lane_that_was_left_is_taken_again() {
        let lanes = Lanes::default();
        let (first, second) = (lanes.enter(vec![addition(1)]), lanes.enter(vec![addition(1)]));
        drop(first);
        assert_eq!(lanes_of(&lanes.enter(vec![addition(1)])), [0]);
        drop(second);
        assert!(lanes.busy().is_empty());
    }
}
