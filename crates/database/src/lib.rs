//! The MySQL pool, transactions that retry, and what an error means.
//!
//! * [`Database`]: the pool of one service's own schema. [`Database::run_tx`] is the only way to write in more than one
//!   statement: it runs in a task of its own and tries again after a deadlock or a lost connection.
//! * [`Database::run_snapshot`]: reads that must agree with each other.
//! * [`duplicate_key`]: which unique key a write ran into.
//! * [`problem`](fn@problem): the answer to an error that an operation has no word for.
//!
//! # Cancelled requests
//! In sqlx 0.9, a future that is dropped while it sends `BEGIN` gives the pool a connection inside an open transaction,
//! and what its next borrower writes is lost; one that is dropped amid a transaction that began by itself would, too.
//! Two things stand against it, each enough by itself: a transaction runs in a task that a cancelled request does not
//! cancel, and a connection is rolled back before the pool gets it back, unless its borrower has come to the end of what
//! it did and [says so](Lent::give_back).
//! `tests/cancelled_requests.rs` shows both the fault and the cure.

mod error;
mod pool;
mod settings;
mod shelf;
mod snapshot;
mod transaction;

pub use error::{SharedError, duplicate_key, is_transient, is_unavailable, problem};
pub use pool::{ConnectError, Database};
pub use settings::{Settings, Tls};
pub use shelf::Lent;
pub use transaction::TxFuture;
