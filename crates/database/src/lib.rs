//! The MySQL pool, reads, transactions that retry, and migrations.
//!
//! * [`Database`]: the pool of one service's schema, and the only way to get a connection:
//!   * [`Database::read`]: single statements that only read.
//!   * [`Database::run_snapshot`]: reads that must agree with each other.
//!   * [`Database::run_autocommit`]: a write that is complete in one statement.
//!   * [`Database::run_tx`]: other writes. It runs in a separate task and is retried after a deadlock or a lost connection.
//! * [`Connection`]: what these methods give to their work.
//! * [`duplicate_key`]: which unique key a write has violated.
//!
//! # Every answer reaches its own statement
//! MySQL's protocol has no request ids: an answer belongs to the oldest statement that has no answer yet. If one answer on a
//! connection is left unread, every later statement reads the answer to the statement before.
//!
//! sqlx-mysql 0.9 leaves answers unread when a future is dropped. It counts one outstanding answer for each executed statement
//! (`waiting` in `connection/stream.rs`), and `wait_until_ready` reads those before the next statement. But preparing a
//! statement (`prepare_statement` in `connection/executor.rs`) has an answer of several packets, and `ping`
//! (`connection/mod.rs`) has one; these are not counted. When the future is dropped there, the connection is out of sync, and
//! sqlx's pool keeps it: the pool cleans it with a ROLLBACK or a ping, which reads the answer to something else and finds
//! nothing wrong. Also, a future that is dropped while it sends BEGIN leaves a transaction open that the pool does not know of.
//!
//! So here a connection is used again only after the code that ran the work has read the last answer, and is closed
//! otherwise. Work never owns its connection, so it can't forget this. Three rules ensure it:
//! * [`Connection`] notes each statement whose answer has not been read to its end, and refuses the next statement.
//! * Only the methods above return a connection to the pool.
//! * A caller that is dropped does not stop the work. The work goes on in a separate task and ends within the time limits of
//!   its statements.
//!
//! `tests/own_answers.rs` shows the fault with sqlx's own pool, and that this pool does not have it.

mod account;
mod connection;
mod database;
mod db;
mod pool;
mod read;
mod run_to_end;
mod settings;
mod transaction;

pub use ::settings::{Password, Username};
pub use connection::Connection;
pub use database::{ConnectError, Database};
pub use database_error::{SharedError, duplicate_key, is_transient, is_unavailable};
pub use settings::{Settings, Tls};
pub use transaction::TxFuture;
