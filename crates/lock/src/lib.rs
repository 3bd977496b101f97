//! A queue before the database: of the requests that would change one thing, say one wallet, one is let
//! through at a time, across all instances of a service; or a few, by the setting `at-once`, all of them of one
//! instance.
//!
//! The thing itself is kept right by its database, by row locks, conditional updates and constraints. There,
//! a crowd of requests for one row would wait with a connection each, and nothing would be left for the rest.
//! In this queue they wait with nothing in their hands. So the lock decides *when* a request runs, never
//! *whether* it may:
//!
//! | what happens | what the request does |
//! |---|---|
//! | it has waited for `wait-ms` | goes on to the database, which orders it like any other |
//! | Redis is down | goes on; it still waits its turn among the requests of its own process |
//! | its lease runs out, because the process stood still | goes on; the next holder is not disturbed by its release |
//! | the lock is switched off | goes on |
//!
//! Going on, rather than a 503, is what is best for those who wait: where a holder has died, the others are a
//! second late for as long as its lease lasts, and are not refused for what they did not do. Nor would a 503
//! spare the database much: the connections of a process are bounded, and so is the time for which a request
//! waits for one. And it would count against the instance at whoever calls it, so that one hot wallet could
//! close the service to everybody.
//!
//! # How it is queued
//! Requests of one process wait in its memory, in the order of their arrival, and only the first of them asks
//! Redis. It takes the lock by a random token (`SET NX PX`), renews it while the work runs, and gives it back
//! by that token only. Where others of the same process wait, it hands the lock on to the next of them
//! instead, so that a hot wallet costs a few Redis commands a second and not two for each request. An
//! instance that asks for a lock in vain leaves word that it is wanted; every 100 ms the holder looks for
//! such word, and lets go. Where it lets a few through at once, those that are at work then come to their end beside the
//! next holder's.
//!
//! The lock is given back after the answer is on its way, and also when the request is cancelled or its
//! handler panics.
//!
//! # What can be seen of it
//! Log lines when a lock is asked for, taken, handed on and released (debug), was waited for long (info), was
//! waited for in vain or lost (warn), each with the trace of its request. When Redis fails, one warning, and
//! one line when it is back. Metrics: `lock_requests_total{lock,outcome}` with the outcomes `taken`,
//! `handed_on`, `without_redis` and `waited_in_vain`; `lock_wait_seconds{lock}`; `lock_leases_lost_total`;
//! `lock_redis_failures_total`.

mod breaker;
mod layer;
mod lease;
mod lock;
mod queue;
mod remote;
mod settings;
mod turn;

pub use lock::{Lock, LockError};
pub use remote::RedisDown;
pub use settings::{RedisSettings, Settings};
