use std::time::Duration;

use time::OffsetDateTime;

/// The right to a job until a time.
///
/// Each claim counts `attempt` up. So a write that names the attempt (`… WHERE id = ? AND attempt = ?`) changes a row only while
/// the lease still belongs to the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// How often the job was claimed; 1 for a job that is run at once by the process that has written it.
    pub attempt: u32,
    /// When the job can be claimed by others.
    pub until: OffsetDateTime,
}

impl Lease {
    /// The lease of a new job that is run at once by the process that writes it.
    pub fn first(now: OffsetDateTime, length: Duration) -> Self {
        Self { attempt: 1, until: now + length }
    }

    /// How much of it is left.
    pub fn time_left(&self, now: OffsetDateTime) -> Duration {
        Duration::try_from(self.until - now).unwrap_or_default()
    }

    /// Whether less than half of `length` is left, so that it is time to renew it.
    pub fn is_half_over(&self, now: OffsetDateTime, length: Duration) -> bool {
        self.until <= now + length / 2
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_lease_is_renewed_in_its_second_half() {
        let (now, length) = (datetime!(2026-11-22 09:00 UTC), Duration::from_secs(10));
        let lease = Lease::first(now, length);
        let after = |seconds| now + Duration::from_secs(seconds);
        assert_eq!([0, 4, 5, 10].map(|s| lease.is_half_over(after(s), length)), [false, false, true, true]);
        assert_eq!([0, 4, 10, 11].map(|s| lease.time_left(after(s)).as_secs()), [10, 6, 0, 0]);
    }
}
