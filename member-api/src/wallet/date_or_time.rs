//! Rules: the start or end of a period, as clients send it.

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
        let date = Date::parse(text, format_description!("[year]-[month]-[day]")).map(Self::Date);
        let parsed = date.or_else(|_| {
            OffsetDateTime::parse(text, &Rfc3339).map(|time| Self::Time(time.to_offset(UtcOffset::UTC)))
        });
        // These years can be compared with a DATETIME column, also after a change of the offset.
        parsed.ok().filter(|bound| (1970..=9000).contains(&bound.start().year()))
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
        ] {
            assert_eq!(DateOrTime::parse(wrong), None, "{wrong}");
        }
    }
}
