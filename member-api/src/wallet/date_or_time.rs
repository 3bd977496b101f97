//! Rules: the start or end of a period, as clients send it.

use problem::range::Bound;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{Date, OffsetDateTime, UtcOffset};

/// The offset of Asia/Seoul, whose days are Dalkom's days. It has been the same in summer and winter since 1988.
const SEOUL: UtcOffset = offset!(+9);

/// A date in Asia/Seoul, or a time. It is serialized only to tell which cursors belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DateOrTime {
    /// `2026-11-22`
    Date(Date),
    /// `2026-11-22T00:00:00Z`
    Time(OffsetDateTime),
}

impl DateOrTime {
    /// The start of a period that starts with it.
    pub fn start(self) -> OffsetDateTime {
        match self {
            Self::Date(date) => date.midnight().assume_offset(SEOUL).to_offset(UtcOffset::UTC),
            Self::Time(time) => time,
        }
    }

    /// The exclusive end of a period that ends with it. A date is included, a time is not.
    pub fn end(self) -> OffsetDateTime {
        match self {
            Self::Date(date) => Self::Date(date.next_day().unwrap_or(Date::MAX)).start(),
            Self::Time(time) => time,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        // These years can be compared with a DATETIME column, also after a change of the offset.
        let has_room = |year| (1970..=9000).contains(&year);
        if let Ok(date) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
            return has_room(date.year()).then_some(Self::Date(date));
        }
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
        has_room(time.year()).then_some(Self::Time(time))
    }
}

/// Only of a date that ends a period, all of its day belongs to the period.
impl Bound for DateOrTime {
    fn ends_before(&self, start: &Self) -> bool {
        match self {
            Self::Date(_) => self.end() <= start.start(),
            Self::Time(_) => self.end() < start.start(),
        }
    }
}

impl<'de> Deserialize<'de> for DateOrTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("expected a day, 2026-11-22, or a time, 2026-11-22T09:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    #[test]
    fn a_date_is_a_day_in_seoul_from_midnight_to_midnight() {
        let date = DateOrTime::parse("2026-11-22").unwrap();
        assert_eq!(date.start(), datetime!(2026-11-21 15:00 UTC));
        assert_eq!(date.end(), datetime!(2026-11-22 15:00 UTC));
    }

    #[test]
    fn a_time_is_itself_as_start_and_as_end() {
        let time = DateOrTime::parse("2026-11-22T09:00:00+09:00").unwrap();
        assert_eq!([time.start(), time.end()], [datetime!(2026-11-22 00:00 UTC); 2]);
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            "today",
            "2026-11",
            "2026-02-30",
            "2026-11-22T09:00:00",
            "1",
            "0000-01-01",
            "9999-12-31",
            "-2026-11-22",
            "-9999-01-01",
            "+9999-12-31",
            "9999-12-31T23:59:59-23:59",
            "0000-01-01T00:00:00+23:59",
            "2026-11-22T00:00:00+24:00",
        ] {
            assert_eq!(DateOrTime::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_period_ends_before_it_starts_if_no_moment_is_in_it_and_it_is_not_of_one_moment() {
        let ends_before = |from: &str, to: &str| {
            DateOrTime::parse(to).unwrap().ends_before(&DateOrTime::parse(from).unwrap())
        };
        for (from, to) in [
            ("2026-11-22", "2026-11-22"),
            ("2026-11-21", "2026-11-22"),
            ("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"),
            ("2026-11-22", "2026-11-21T15:00:00Z"),
            ("2026-11-22T14:59:59Z", "2026-11-22"),
        ] {
            assert!(!ends_before(from, to), "{from} to {to}");
        }
        for (from, to) in [
            ("2026-11-22", "2026-11-21"),
            ("2026-11-22T00:00:01Z", "2026-11-22T00:00:00Z"),
            ("2026-11-22", "2026-11-21T14:59:59Z"),
            ("2026-11-22T15:00:00Z", "2026-11-22"),
        ] {
            assert!(ends_before(from, to), "{from} to {to}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(
            text in r"[+-]?[0-9]{4,6}-(0[0-9]|1[0-2])-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-][0-2][0-9]:[0-5][0-9]))?",
            other in r"(0000|1970|9000|9999)-(01-01|12-31)(T(00:00:00|23:59:59)[+-]23:59)?",
        ) {
            for text in [text, other] {
                if let Some(bound) = DateOrTime::parse(&text) {
                    prop_assert!(bound.start() <= bound.end());
                }
            }
        }
    }
}
