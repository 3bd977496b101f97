//! The Idempotency-Key layer: a request with a key takes effect at most once, however often it is sent.
//!
//! [`IdempotencyKeys`] wraps the routes that move money or place an order. It demands a key, which belongs to one member, one
//! route and one request (by a fingerprint). It keeps the answer for 24 hours in the service's own schema (the table is in
//! `schema.sql` beside this crate's manifest), and gives each repetition the same bytes. There are two forms:
//!
//! | | [`IdempotencyKeys::guard_transaction`] | [`IdempotencyKeys::guard`] |
//! |---|---|---|
//! | for | an effect that is one transaction: a charge | an effect that takes several steps: a checkout |
//! | the handler extracts | a [`Claim`], and calls [`keep`] in its transaction | an [`Operation`] |
//! | the key and the answer are written | in the transaction of the effect | the key before the first step, the answer after the last |
//! | costs | one statement | two transactions |
//! | after a crash | all or nothing is committed: a repetition is answered, or runs again | a repetition runs again with the same operation id, by which the handler makes its steps idempotent |
//!
//! | the key is | the answer is |
//! |---|---|
//! | missing or malformed | 400 `IDEMPOTENCY_KEY_MISSING`, `IDEMPOTENCY_KEY_INVALID` |
//! | new | the handler's |
//! | known, and its request still runs | 409 `IDEMPOTENCY_KEY_IN_USE` |
//! | known, with another request | 422 `IDEMPOTENCY_KEY_REUSED` |
//! | known, and answered | the first answer, with `Idempotency-Replayed: true` |
//! | known, and its process has died | the handler's, run again |
//!
//! [`IdempotencyKeys::guard_if_sent`] is the second form for routes that honour a key and do not need one.
//!
//! If the effect is one transaction, an instance does not see the requests that run in another instance. The second of two
//! equal requests does the same work up to the key, waits there for the commit of the first, is rolled back, and gives the
//! answer of the first.
//!
//! For a 400 or 422 nothing is kept: the client can correct the request and send it again with its key. For a 408, 429 or 5xx
//! only the operation id is kept, if there is one: the request may have taken effect, and sending it again finds out.
//!
//! If a client hangs up, its request still runs to its end, and the client gets the answer when it asks again. Steps run in a
//! separate task, and so does a transaction (`database`).

mod answer;
mod db;
mod idempotency_keys;
mod key;
mod keyed;
mod running;
mod steps;
mod transaction;

pub use db::forget;
pub use idempotency_keys::IdempotencyKeys;
pub use steps::Operation;
pub use transaction::{AnswerToKeep, Claim, KeepError, KeptAnswer, keep};
