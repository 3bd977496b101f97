//! The SQL of the schema `batch`, a file for each table.

pub mod executions;
pub mod jobs;
pub mod steps;

use sqlx::migrate::Migrator;

/// Creates the schema `batch`, or migrates it to the newest version.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations-batch");
