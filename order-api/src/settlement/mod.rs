//! Settlement: the job that turns a day's running totals into what each seller is owed.
//!
//! The job `settlement` has the day as its parameter, and three steps:
//!
//! 1. `close-day`: from now on no transaction can begin to add to the totals of the day (`db/settlement_days.rs` says how).
//! 2. `prove-totals`: the step waits for the transactions that have added and are not finished, and compares the totals
//!    with the order lines of the day (`proof`). If they differ, the run fails before it has written anything that could
//!    be paid. No later day is settled until an administrator has run this one.
//! 3. `settle-sellers`: writes a settlement for each seller, in chunks, from the totals in the database.
//!
//! Days are settled in order. A day is settled when it is due and all days before it are settled; missed days are caught
//! up.
//!
//! | file | owns |
//! |---|---|
//! | `http/` | the routes |
//! | `settler` | which days are settled, and when |
//! | `job`, `job_key` | the steps of the job, and its parameter |
//! | `proof` | comparing the totals with the order lines |
//! | `pace` | going slowly while customers buy |
//! | `read_ahead` | summing up the lines of a big day before it ends |
//! | `worker` | settling when it is due, in every instance |
//! | `gauges` | the metrics |
//! | `day` | business days in Asia/Seoul |
//! | `seller_settlement` | a settlement, as it is stored and paid |
//! | `totals`, `counter_shards` | what is added to the running totals, and to which of their rows |
//! | `control_sum` | the sums by which totals are compared with lines |
//! | `resources` | what all of these work with |
//! | `db/` | the SQL |

pub mod control_sum;
pub mod counter_shards;
pub mod day;
pub mod db;
mod gauges;
pub(crate) mod http;
mod job;
mod job_key;
mod pace;
mod proof;
mod read_ahead;
mod resources;
pub mod seller_settlement;
pub mod settler;
pub mod totals;
mod worker;

pub(crate) use job_key::day_of;
pub(crate) use worker::MAX_SILENCE;
