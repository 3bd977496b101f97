//! Batching of charges (group commit).
//!
//! While two transactions with charges are running, a further charge would wait for the disk of the database, or for the
//! lock on the row of its wallet. Instead it waits here for other charges. Then one transaction records all of them, with
//! one commit and one change of each wallet ([`group_commit`]).
//!
//! A batch does not change the result of a charge. If a charge of the batch is refused or was made before, the transaction
//! is rolled back, and each charge gets a transaction of its own. So a charge of one member never fails that of another.

use std::sync::Arc;

use clock::Clock;
use database::Database;
use group_commit::{Batcher, Work};
use idempotency::KeptAnswer;

use crate::wallet::charge::{Charge, ChargeError, charge};

/// The largest number of charges in one transaction, which holds the locks of their wallets.
const MAX_BATCH_SIZE: usize = 16;

/// Makes charges, in batches under load. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ChargeBatcher(Batcher<ChargeWork>);

struct ChargeWork {
    database: Database,
    clock: Clock,
}

impl ChargeBatcher {
    /// A process needs one.
    pub fn new(database: Database, clock: Clock) -> Self {
        Self(Batcher::new(ChargeWork { database, clock }))
    }

    /// Makes a charge. If this future is dropped, a running transaction still ends, and a waiting charge is not made.
    pub async fn charge(&self, charge: Charge) -> Result<KeptAnswer, ChargeError> {
        let charged = self.0.ask((), charge).await;
        charged.unwrap_or(Err(ChargeError::Database(sqlx::Error::WorkerCrashed)))
    }

    /// The number of waiting charges.
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }
}

impl Work for ChargeWork {
    type Group = ();
    type Item = Charge;
    type Outcome = Result<KeptAnswer, ChargeError>;

    const NAME: &'static str = "charge";
    /// While one transaction waits for the disk, another one can run.
    const AT_ONCE: usize = 2;

    /// A power of two, so that there are few different statements and they stay prepared.
    fn size(waiting: usize) -> usize {
        1 << waiting.min(MAX_BATCH_SIZE).ilog2()
    }

    async fn run(&self, (): &(), charges: Vec<Charge>) -> Vec<Result<KeptAnswer, ChargeError>> {
        let charges: Arc<[Charge]> = charges.into();
        let charge = |charges| charge(&self.database, &self.clock, charges);
        match charge(Arc::clone(&charges)).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) if charges.len() == 1 => vec![Err(error)],
            Err(error) if error.is_database_unavailable() => {
                let error = Arc::new(error);
                charges.iter().map(|_| Err(ChargeError::Shared(Arc::clone(&error)))).collect()
            }
            Err(_) => {
                let mut outcomes = Vec::with_capacity(charges.len());
                for single in charges.iter() {
                    let answers = charge([single.clone()].into()).await;
                    outcomes.push(
                        answers
                            .and_then(|answers| answers.into_iter().next().ok_or(ChargeError::BatchRefused)),
                    );
                }
                outcomes
            }
        }
    }
}
