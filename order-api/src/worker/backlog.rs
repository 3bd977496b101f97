//! The metrics of unfinished tasks.

use time::OffsetDateTime;

/// The unfinished tasks of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The group: a state or a kind.
    pub group: String,
    /// How many tasks are unfinished.
    pub tasks: i64,
    /// When the oldest of them was created.
    pub oldest: OffsetDateTime,
}

/// The names of the gauges that show a backlog.
#[derive(Clone, Copy, Debug)]
pub struct BacklogGauges {
    /// The gauge with the number of tasks.
    pub tasks: &'static str,
    /// The gauge with the age of the oldest task, in seconds.
    pub oldest_seconds: &'static str,
    /// The label with the group.
    pub label: &'static str,
}

impl BacklogGauges {
    /// Sets the gauges of all `groups`. A group without a backlog is shown as 0.
    pub fn show(
        self,
        groups: impl IntoIterator<Item = &'static str>,
        backlogs: &[Backlog],
        now: OffsetDateTime,
    ) {
        for group in groups {
            let backlog = backlogs.iter().find(|backlog| backlog.group == group);
            let age = |backlog: &Backlog| (now - backlog.oldest).as_seconds_f64().max(0.0);
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; no table has 2^53 rows")]
            let tasks = backlog.map_or(0, |backlog| backlog.tasks) as f64;
            metrics::gauge!(self.tasks, self.label => group).set(tasks);
            metrics::gauge!(self.oldest_seconds, self.label => group).set(backlog.map_or(0.0, age));
        }
    }
}
