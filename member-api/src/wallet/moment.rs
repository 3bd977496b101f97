//! One end of a span of time, as clients write it.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{Date, OffsetDateTime, UtcOffset};

/// Where Dalkom's days begin and end: Asia/Seoul, which has had this offset, and no other in summer, since 1988.
const SEOUL: UtcOffset = offset!(+9);

/// A day in Asia/Seoul, or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `2026-11-22`
    Day(Date),
    /// `2026-11-22T00:00:00Z`
    Time(OffsetDateTime),
}

impl Moment {
    /// Where a span that begins with it begins.
    pub fn start(self) -> OffsetDateTime {
        match self {
            Self::Day(day) => day.midnight().assume_offset(SEOUL).to_offset(UtcOffset::UTC),
            Self::Time(time) => time,
        }
    }

    /// Where a span that ends with it ends: behind the last moment of a day, and right before a time.
    pub fn end(self) -> OffsetDateTime {
        match self {
            Self::Day(day) => Self::Day(day.next_day().unwrap_or(Date::MAX)).start(),
            Self::Time(time) => time,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map(Self::Day);
        let moment = day.or_else(|_| {
            OffsetDateTime::parse(text, &Rfc3339).map(|time| Self::Time(time.to_offset(UtcOffset::UTC)))
        });
        // What a DATETIME column can be compared with, with room for an offset on either side.
        moment.ok().filter(|moment| (1970..=9000).contains(&moment.start().year()))
    }
}

impl<'de> Deserialize<'de> for Moment {
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
    fn a_day_is_one_of_seoul_from_its_midnight_to_the_next() {
        let day = Moment::parse("2026-11-22").unwrap();
        assert_eq!(day.start(), datetime!(2026-11-21 15:00 UTC));
        assert_eq!(day.end(), datetime!(2026-11-22 15:00 UTC));
    }

    #[test]
    fn a_time_is_itself_at_either_end() {
        let time = Moment::parse("2026-11-22T09:00:00+09:00").unwrap();
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
            assert_eq!(Moment::parse(wrong), None, "{wrong}");
        }
    }
}
