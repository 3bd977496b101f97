use time::OffsetDateTime;

/// The jobs of one group that are not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The group: a state or a kind.
    pub group: String,
    /// How many jobs are not done.
    pub jobs: i64,
    /// When the oldest of them was written.
    pub oldest: OffsetDateTime,
}

/// The names of the gauges that show the backlogs of one queue.
#[derive(Clone, Copy, Debug)]
pub struct BacklogGauges {
    /// The gauge with the number of jobs.
    pub jobs: &'static str,
    /// The gauge with the age of the oldest job, in seconds.
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
            let jobs = backlog.map_or(0, |backlog| backlog.jobs) as f64;
            metrics::gauge!(self.jobs, self.label => group).set(jobs);
            metrics::gauge!(self.oldest_seconds, self.label => group).set(backlog.map_or(0.0, age));
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use time::macros::datetime;

    use super::*;

    const GAUGES: BacklogGauges =
        BacklogGauges { jobs: "ovens_busy", oldest_seconds: "ovens_oldest_seconds", label: "kind" };

    #[test]
    fn each_group_is_shown_also_without_a_backlog() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let (oldest, now) = (datetime!(2026-11-22 09:00 UTC), datetime!(2026-11-22 09:01 UTC));
        let backlog = Backlog { group: "TARTS".to_owned(), jobs: 3, oldest };
        GAUGES.show(["CAKES", "TARTS"], &[backlog], now);
        let shown = metrics.render();
        for line in [
            "ovens_busy{kind=\"CAKES\"} 0",
            "ovens_busy{kind=\"TARTS\"} 3",
            "ovens_oldest_seconds{kind=\"CAKES\"} 0",
            "ovens_oldest_seconds{kind=\"TARTS\"} 60",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "no {line} in {shown}");
        }
    }
}
