//! Background work: what a process does besides answering requests.
//!
//! There are two shapes of it, and every worker of a service is one of them:
//!
//! * **Rounds.** [`repeat`] does the same work again and again, with a pause after each round: a sweep, a purge, bringing an
//!   index up to date.
//! * **A queue.** A [`QueueWorker`] claims jobs from a table and runs several at once: unfinished checkouts, deliveries of an
//!   outbox. The service says how to claim and how to run ([`Queue`]), and keeps the SQL.
//!
//! # Claiming by lease
//! A job that is claimed belongs to its process until its [`Lease`] ends. Nothing is released when a process dies: its leases
//! run out, and another process claims its jobs. So a job must end within its lease or renew it, and two processes that run
//! the same job for a moment must do no harm. Each claim counts the attempt up; a write that names an old attempt changes
//! nothing. A job that can't be finished now is rescheduled: its lease is set to end after a [`Backoff`]. The [`Backlog`]s of a
//! queue are shown in metrics, by [`BacklogGauges`].
//!
//! # Hanging workers
//! A worker reports its [`Progress`] after each round. [`watch`] restarts a worker that panics or reports nothing for too long.
//! `service-host` does that for every watched worker, and shows it in `/readyz`.
//!
//! # Stopping
//! A worker ends when its shutdown token is cancelled: [`repeat`] after the current round, a [`QueueWorker`] after its running
//! jobs. [`try_now`] runs work that may outlive its request, and [`drain`] waits for it at the end.
//!
//! Metrics: `worker_last_round_seconds{worker}`, `worker_restarts_total{worker,reason}`, `worker_tasks_failed_total{worker}`.

mod backlog;
mod backoff;
mod drain;
mod heartbeat;
mod lease;
mod progress;
mod queue;
mod repeat;
mod slots;
mod try_now;
mod watch;

pub use backlog::{Backlog, BacklogGauges};
pub use backoff::Backoff;
pub use drain::drain;
pub use heartbeat::Heartbeat;
pub use lease::Lease;
pub use progress::{NoSuccess, Progress};
pub use queue::{Queue, QueueWorker};
pub use repeat::{Next, repeat, repeat_after};
pub use try_now::try_now;
pub use watch::watch;
