//! The Idempotency-Key layer: a request with a key takes effect at most once, however often it is sent.
//!
//! [`IdempotencyKeys::guard`] wraps routes. A key belongs to one member, one route and one request (by a fingerprint). It keeps the
//! answer for 24 hours in the service's own schema (the table is in `schema.sql` beside this crate's manifest), and gives each
//! repetition the same status, headers and bytes. A [`Guard`] says how:
//!
//! | | [`Guard::transaction`] | [`Guard::steps`] |
//! |---|---|---|
//! | for | an effect that is one transaction: a charge, an edit | an effect that takes several steps: a checkout |
//! | the handler extracts | a [`Claim`], and keeps its answer in its transaction: by a [`Reply`], or several at once by [`keep`] | an [`Operation`] |
//! | the key and the answer are written | in the transaction of the effect | the key before the first step, the answer after the last |
//! | costs | one statement | two transactions |
//! | after a crash | all or nothing is committed: a repetition is answered, or runs again | a repetition runs again with the same operation id, by which the handler makes its steps idempotent |
//!
//! A key is demanded, as where money moves or an order is placed; with [`Guard::if_sent`] it is honoured and not demanded.
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
//! A process that stands still looks dead. When it goes on, its request has been taken over: it can't begin its effect any more
//! ([`Operation::hold`]) nor decide what is kept, and its client gets `IDEMPOTENCY_KEY_IN_USE`. An effect in Redis is only made
//! once; it can still follow a refusal that the repetition was given.
//!
//! If the effect is one transaction, an instance does not see the requests that run in another instance. The second of two
//! equal requests does the same work up to the key, waits there for the commit of the first, is rolled back, and gives the
//! answer of the first.
//!
//! What took effect is kept (2xx), and what is refused for good (404, 409). For what says "not like this" or "not now" (400, 401,
//! 403, 412, 413, 415, 422; `CART_EMPTY`, `ACCOUNT_CLOSED`, `DAY_NOT_OVER`, `SETTLEMENT_RUNNING`) nothing is kept: the client can
//! correct the request, or send it later, with its key. So a request that was sent twice, and is late once, can still succeed
//! after such an answer. A refusal that is to be kept and can't be is answered as an error of the database. For a 408, 429 or 5xx only the operation id is kept, if there is one: the
//! request may have taken effect, and sending it again finds out. `RateLimit` headers are never kept.
//!
//! Before there is a member, a key belongs to the client's address ([`Guard::from_anonymous`]). The secrets of such a request are
//! no part of the fingerprint, which is a fast hash; the service compares them itself before a repetition is answered.
//!
//! If a client hangs up, its request still runs to its end, and the client gets the answer when it asks again. Steps run in a
//! separate task, and so does a transaction (`database`).

mod answer;
mod db;
mod guard;
mod idempotency_keys;
mod key;
mod keyed;
mod reply;
mod running;
mod sender;
mod steps;
mod transaction;

pub use db::{forget, forget_made};
pub use guard::Guard;
pub use idempotency_keys::IdempotencyKeys;
pub use reply::Reply;
pub use sender::Anonymous;
pub use steps::{Operation, TakenOver};
pub use transaction::{AnswerToKeep, Claim, KeepError, KeptAnswer, keep};
