//! The metrics of settlement, beside those of every job (`batch_job_executions_total`).

use super::day::BusinessDay;

/// Shows how far settlement has come: `next` is the first day that is not settled (`None` if nothing was ever sold), and
/// `last_due` is the last day that is due.
pub(super) fn show_progress(next: Option<BusinessDay>, last_due: BusinessDay) {
    let behind = next.map_or(0, |next| days_behind(next, last_due));
    metrics::gauge!("settlement_days_behind").set(f64::from(behind));
    if let Some(next) = next {
        let seconds = (next.start() - time::OffsetDateTime::UNIX_EPOCH).as_seconds_f64();
        metrics::gauge!("settlement_settled_until_timestamp_seconds").set(seconds);
    }
}

/// Shows whether settlement has stopped because totals and lines differ.
pub(super) fn show_stopped(is_stopped: bool) {
    metrics::gauge!("settlement_stopped_totals_differ").set(if is_stopped { 1.0 } else { 0.0 });
}

/// How many days are due and not settled.
fn days_behind(next: BusinessDay, last_due: BusinessDay) -> i32 {
    let days = last_due.date().to_julian_day() - next.date().to_julian_day() + 1;
    days.max(0)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_day_is_behind_from_the_moment_that_it_is_due() {
        let day = |day: u8| BusinessDay::from_date(date!(2026 - 11 - 01).replace_day(day).unwrap());
        assert_eq!(days_behind(day(23), day(22)), 0);
        assert_eq!(days_behind(day(24), day(22)), 0);
        assert_eq!(days_behind(day(22), day(22)), 1);
        assert_eq!(days_behind(day(20), day(22)), 3);
    }
}
