//! What a process needs to run jobs.

use std::time::Duration;

use clock::Clock;
use database::Database;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

/// Runs jobs, and reads the records of their runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The schema `batch`.
    pub(super) database: Database,
    pub(super) clock: Clock,
    /// How long a lease lasts that is not renewed.
    pub(super) lease: Duration,
    /// The name of this process in the records.
    pub(super) holder: String,
    /// Is cancelled when the process shuts down.
    pub(super) shutdown: CancellationToken,
}

impl Batch {
    /// Works on the schema `batch`. When `shutdown` is cancelled, runs stop between two chunks.
    pub fn new(database: Database, clock: Clock, lease: Duration, shutdown: CancellationToken) -> Self {
        let holder = format!("{}, process {}", clock.new_id(), std::process::id());
        Self { database, clock, lease, holder, shutdown }
    }

    /// When a lease ends that is acquired or renewed now.
    pub(super) fn lease_until(&self) -> OffsetDateTime {
        self.clock.now() + self.lease
    }
}
