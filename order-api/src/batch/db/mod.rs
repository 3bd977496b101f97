//! The schema `batch`: what is run, by whom, and how it went. It knows nothing of what the jobs are about.

pub mod executions;
pub mod jobs;
pub mod steps;

use sqlx::migrate::Migrator;

/// What makes the schema `batch`, and brings an older one up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations-batch");
