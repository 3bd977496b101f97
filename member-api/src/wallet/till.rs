//! Where charges wait for one another.
//!
//! A charge that comes while others are being written would wait for the database's disk, or for the row of its wallet.
//! Here it waits for those that come after it, and is then made together with them, in one transaction: one commit for
//! all, and one change of each wallet ([`batching`]).
//!
//! Each is all that it would be alone. Where one of them can't be made, or was made before, none is, and each is made in a
//! transaction of its own; so one member's charge never fails another's.

use std::sync::Arc;

use batching::{Batcher, Work};
use clock::Clock;
use database::Database;
use idempotency::Kept;

use crate::wallet::charge::{Charge, ChargeError, charge};

/// So many charges in one transaction: a wallet is locked for the time that they take.
const MOST_TOGETHER: usize = 16;

/// Makes charges. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Till(Batcher<Charging>);

struct Charging {
    database: Database,
    clock: Clock,
}

impl Till {
    /// One for each process.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self(Batcher::new(Charging { database, clock }))
    }

    /// Makes a charge. Where the caller is dropped, what is being written goes on to its end, and what waits is left.
    pub async fn charge(&self, charge: Charge) -> Result<Kept, ChargeError> {
        let charged = self.0.ask((), charge).await;
        charged.unwrap_or(Err(ChargeError::Database(sqlx::Error::WorkerCrashed)))
    }

    /// How many charges wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }
}

impl Work for Charging {
    type Group = ();
    type Item = Charge;
    type Outcome = Result<Kept, ChargeError>;

    const NAME: &'static str = "charge";
    /// While one transaction waits for the disk, another one can be written.
    const AT_ONCE: usize = 2;

    /// A power of two: so that there are few different statements, which stay prepared.
    fn size(waiting: usize) -> usize {
        1 << waiting.min(MOST_TOGETHER).ilog2()
    }

    async fn run(&self, (): &(), charges: Vec<Charge>) -> Vec<Result<Kept, ChargeError>> {
        let charges: Arc<[Charge]> = charges.into();
        let charge = |charges| charge(&self.database, &self.clock, charges);
        match charge(Arc::clone(&charges)).await {
            Ok(kept) => kept.into_iter().map(Ok).collect(),
            Err(error) if charges.len() == 1 => vec![Err(error)],
            Err(error) if error.is_of_the_database() => {
                let error = Arc::new(error);
                charges.iter().map(|_| Err(ChargeError::Shared(Arc::clone(&error)))).collect()
            }
            Err(_) => {
                let mut outcomes = Vec::with_capacity(charges.len());
                for alone in charges.iter() {
                    let kept = charge([alone.clone()].into()).await;
                    outcomes
                        .push(kept.and_then(|kept| kept.into_iter().next().ok_or(ChargeError::NotTogether)));
                }
                outcomes
            }
        }
    }
}
