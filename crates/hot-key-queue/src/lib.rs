//! A queue before the database for hot keys. Requests that change the same thing, for example one wallet, run one at a time
//! across all instances of a service. With the setting `at-once`, some requests of one instance run together.
//!
//! The database keeps the thing right: by row locks, conditional updates and constraints. If many requests for one row waited
//! there, each would hold a connection, and no connection would be left for other requests. In this queue they wait without
//! a connection. It is built on a lock in Redis. It decides *when* a request runs, and never *whether* it may run:
//!
//! | case | what the request does |
//! |---|---|
//! | it has waited for `wait-ms` | goes on to the database, which orders it as any other request |
//! | Redis is down | goes on, after the requests of its own process that were there before |
//! | its lease has run out, because the process stood still | goes on; its release does not touch the next holder |
//! | the lock is switched off | goes on |
//!
//! A request goes on rather than being answered with 503, for three reasons. If a holder has died, the others are late by a
//! second for as long as its lease lasts, and are not refused for something that they did not do. A 503 would not spare the
//! database much: the connections of a process are limited, and so is the wait for one. And a 503 would count against the
//! instance at its callers, so that one hot wallet could close the service to everybody.
//!
//! # How requests are queued
//! Requests of one process wait in its memory, in the order of their arrival, and only the first of them asks Redis. It takes
//! the lock with a random token (`SET NX PX`), renews it while the work runs, and releases it by that token only. If other
//! requests of the same process wait, it hands the lock on to the next one instead. So a hot wallet costs a few Redis commands
//! a second, and not two for each request. An instance that finds the lock taken leaves a mark that the lock is wanted. Every
//! 100 ms the holder looks for this mark, and releases the lock if it is there. With `at-once` above one, requests that still
//! run then end while the next holder works already.
//!
//! The lock is released after the answer was sent, and also when the request is cancelled or its handler panics.
//!
//! # Logs and metrics
//! There is a log line when a lock is asked for, taken, handed on or released (debug), when the wait was long (info), and when
//! the wait has run out or the lease was lost (warn). Each has the trace of its request. When Redis fails there is one warning,
//! and one line when it answers again. Metrics: `lock_requests_total{lock,outcome}` with the outcomes `taken`, `handed_on`,
//! `without_redis` and `waited_in_vain`; `lock_wait_seconds{lock}`; `lock_leases_lost_total`; `lock_redis_failures_total`.

mod breaker;
mod hot_key_queue;
mod layer;
mod lease;
mod queue;
mod remote;
mod settings;
mod turn;

pub use hot_key_queue::{HotKeyQueue, HotKeyQueueError};
pub use redis_connection::RedisSettings;
pub use remote::RedisDown;
pub use settings::Settings;
