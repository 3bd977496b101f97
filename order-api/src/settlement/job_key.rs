//! Rules: the name of the job, and its parameter: the day.

use super::day::BusinessDay;
use crate::batch::JobExecution;

/// The name of the job.
pub(super) const JOB: &str = "settlement";

const KEY_PREFIX: &str = "day=";

/// The parameters of the run that settles `day`.
pub(super) fn key_of(day: BusinessDay) -> String {
    format!("{KEY_PREFIX}{day}")
}

/// The day of these parameters.
pub(super) fn day_of_key(job_key: &str) -> Option<BusinessDay> {
    job_key.strip_prefix(KEY_PREFIX)?.parse().ok()
}

/// The day that a run settles.
pub(crate) fn day_of(execution: &JobExecution) -> Option<BusinessDay> {
    day_of_key(&execution.job_key)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn the_parameters_of_a_run_name_its_day() {
        let day = BusinessDay::from_date(date!(2026 - 11 - 22));
        assert_eq!(key_of(day), "day=2026-11-22");
        assert_eq!(day_of_key(&key_of(day)), Some(day));
        assert_eq!((day_of_key("2026-11-22"), day_of_key("day=2026-11-31")), (None, None));
    }
}
