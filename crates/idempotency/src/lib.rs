//! The Idempotency-Key layer: a request with a key takes effect at most once, however often it is sent.
//!
//! A [`Keeper`] wraps the routes that move money or place an order. It demands a key, which belongs to one member, one
//! route and one request (by a fingerprint), and keeps the answer for 24 hours in the service's own schema (`schema.sql`
//! beside this crate's manifest is the table), to give it again to each repetition, to the byte. It comes in two forms:
//!
//! | | [`Keeper::guard_transaction`] | [`Keeper::guard`] |
//! |---|---|---|
//! | for | what is done in one transaction: a charge | what takes several steps: a checkout |
//! | the handler extracts | a [`Claim`], and calls [`keep`] in its transaction | an [`Operation`] |
//! | the key and the answer are written | with the effect: all of it is committed, or nothing | before the first step, and after the last |
//! | costs | one statement | two transactions |
//! | after a crash | nothing is left, or all: a repetition runs anew, or is answered | a repetition runs again with the same operation id, by which the handler makes its steps idempotent |
//!
//! | the key is | the answer is |
//! |---|---|
//! | missing or malformed | 400 `IDEMPOTENCY_KEY_MISSING`, `IDEMPOTENCY_KEY_INVALID` |
//! | new | the handler's |
//! | known, and its request still runs | 409 `IDEMPOTENCY_KEY_IN_USE` |
//! | known, with another request | 422 `IDEMPOTENCY_KEY_REUSED` |
//! | known, and answered | the first answer, with `Idempotency-Replayed: true` |
//! | known, and its process died | the handler's, run again |
//!
//! Where the effect is one transaction, an instance does not see the requests that run in another: their twin does the
//! same work up to the key, waits there for the other's commit, is rolled back, and gives the other's answer.
//!
//! Nothing is kept for a 400 or 422: the request can be mended and sent again with its key. Nothing is kept for a 408,
//! 429 or 5xx either, but the operation id, where there is one: the request has perhaps taken effect, and sending it
//! again finds out.
//!
//! A client that hangs up stops nothing halfway, and finds the answer when it asks again: steps run in a task of their
//! own, and so does a transaction (`database`).

mod answer;
mod db;
mod keeper;
mod key;
mod keyed;
mod running;
mod steps;
mod transaction;

pub use keeper::Keeper;
pub use steps::Operation;
pub use transaction::{Answered, Claim, KeepError, Kept, keep};
