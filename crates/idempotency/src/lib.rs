//! The Idempotency-Key layer: a request with a key takes effect at most once, however often it is sent.
//!
//! [`Keeper::guard`] wraps the routes that move money or place an order. For each request it
//!
//! 1. demands a key, and claims it for the member and route in the service's own schema (`schema.sql` beside this
//!    crate's manifest is the table), together with a fingerprint of the request and a lease;
//! 2. gives the handler an [`Operation`], whose id is the same for every try of the same request. The handler makes its
//!    effect idempotent by this id (it is the transfer's id, or the order's), so that a request which was interrupted
//!    anywhere can be run again to its end;
//! 3. keeps the answer for 24 hours and gives it again to each repetition, to the byte.
//!
//! | the key is | the answer is |
//! |---|---|
//! | missing or malformed | 400 `IDEMPOTENCY_KEY_MISSING`, `IDEMPOTENCY_KEY_INVALID` |
//! | new | the handler's |
//! | known, and its request still runs | 409 `IDEMPOTENCY_KEY_IN_USE` |
//! | known, with another request | 422 `IDEMPOTENCY_KEY_REUSED` |
//! | known, and answered | the first answer, with `Idempotency-Replayed: true` |
//! | known, and its process died | the handler's, run again with the same operation id |
//!
//! Nothing is kept for a 400 or 422: the request can be mended and sent again with its key. Nothing is kept for a 408,
//! 429 or 5xx either, but the operation id: the request has perhaps taken effect, and sending it again finds out.
//!
//! The handler runs in a task of its own. A client that hangs up does not stop it, and finds the answer when it asks
//! again.

mod db;
mod guard;
mod key;

pub use guard::{Keeper, Operation};
