//! The MySQL pool, reads, transactions that retry, migrations, and what an error means.
//!
//! * [`Database`]: the pool of one service's own schema, and the only way to a connection:
//!   * [`Database::read`]: single statements that only read.
//!   * [`Database::run_snapshot`]: reads that must agree with each other.
//!   * [`Database::run_autocommit`]: a write that is complete in one statement.
//!   * [`Database::run_tx`]: other writes. It runs in a task of its own and tries again after a deadlock or a lost connection.
//! * [`Connection`]: what these lend to their work.
//! * [`duplicate_key`]: which unique key a write ran into.
//! * [`problem`](fn@problem): the answer to an error that an operation has no word for.
//!
//! # Nobody gets another's answer
//! MySQL's protocol has no request ids: an answer belongs to the oldest question that is not answered yet. A connection
//! on which one answer was left unread gives every later question the answer to the one before.
//!
//! sqlx-mysql 0.9 leaves answers unread when a future is dropped. It counts what it is still owed (`waiting` in
//! `connection/stream.rs`) as one answer for each executed statement, and `wait_until_ready` reads that before the next
//! statement. But preparing a statement (`prepare_statement` in `connection/executor.rs`) has an answer of its own, of
//! several packets, and `ping` (`connection/mod.rs`) has one; neither is counted. Dropped there, the connection is out of
//! step, and sqlx's pool keeps it: the ROLLBACK or the ping that it cleans connections with reads the answer to
//! something else and finds nothing wrong. Also, a future that is dropped while it sends BEGIN leaves a transaction open
//! that the pool does not know of.
//!
//! So here a connection is used again only after the code that ran the work has read the last answer, and is closed
//! otherwise. Nobody can forget to do so: work never owns its connection. Three rules hold this together:
//! * [`Connection`] notes each statement whose answer has not come to its end, and refuses the next one.
//! * Only these methods return a connection to the pool.
//! * A caller that is dropped does not stop the work: it goes on in a task of its own and ends within the time limits
//!   of its statements.
//!
//! `tests/cancelled_requests.rs` shows the fault with sqlx's own pool, and the cure.

mod connection;
mod database;
mod error;
mod pool;
mod read;
mod run_to_end;
mod settings;
mod transaction;

pub use connection::Connection;
pub use database::{ConnectError, Database};
pub use error::{SharedError, duplicate_key, is_transient, is_unavailable, problem};
pub use settings::{Settings, Tls};
pub use transaction::TxFuture;
