//! Rules: business days, which are dates in Asia/Seoul.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use paging::Position;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime};
use utoipa::ToSchema;

/// From the time zone database in the program, so that it is the same on every machine.
static SEOUL: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZoneDatabase::bundled().get("Asia/Seoul").expect("the bundled time zone database has Asia/Seoul")
});

const FORMAT: StaticFormatDescription = format_description!("[year]-[month]-[day]");

/// A date in Asia/Seoul. As text it is `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = Date, example = "2026-11-22")]
pub struct BusinessDay(Date);

impl BusinessDay {
    /// The day that contains `instant`.
    pub fn of(instant: OffsetDateTime) -> Self {
        let micros = i64::try_from(instant.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        let instant = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
        let day = SEOUL.to_datetime(instant).date();
        let month = Month::try_from(day.month().unsigned_abs()).expect("the months of jiff are 1 to 12");
        let date = Date::from_calendar_date(i32::from(day.year()), month, day.day().unsigned_abs());
        Self(date.expect("every date of jiff is a date of time"))
    }

    /// The business day with this date.
    pub const fn from_date(date: Date) -> Self {
        Self(date)
    }

    /// The date.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The first instant of the day.
    pub fn start(self) -> OffsetDateTime {
        self.at(TimeOfDay::MIDNIGHT)
    }

    /// The instant of `time` on this day.
    pub fn at(self, time: TimeOfDay) -> OffsetDateTime {
        let year =
            i16::try_from(self.0.year()).expect("the years of time have four digits, as those of jiff");
        let month = i8::try_from(u8::from(self.0.month())).expect("a month is 1 to 12");
        let day = i8::try_from(self.0.day()).expect("a day is 1 to 31");
        let instant = SEOUL.to_timestamp(civil::date(year, month, day).at(time.hour, time.minute, 0, 0));
        let seconds = instant.expect("only the first hours of the calendar are not instants").as_second();
        OffsetDateTime::from_unix_timestamp(seconds).expect("every instant of jiff is an instant of time")
    }

    /// The first instant after the day.
    pub fn end(self) -> OffsetDateTime {
        self.next().start()
    }

    /// The next day; the last day of the calendar has itself as the next.
    #[must_use]
    pub fn next(self) -> Self {
        self.0.next_day().map_or(self, Self)
    }

    /// The previous day; the first day of the calendar has itself as the previous.
    #[must_use]
    pub fn previous(self) -> Self {
        self.0.previous_day().map_or(self, Self)
    }
}

/// Whatever is read as a day can be one.
impl Position for BusinessDay {
    fn is_possible(&self) -> bool {
        true
    }
}

/// A time of day in Asia/Seoul, in minutes. As text it is `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl TimeOfDay {
    /// The beginning of a day.
    pub const MIDNIGHT: Self = Self { hour: 0, minute: 0 };

    /// The time of an hour, 0 to 23, and a minute, 0 to 59; `None` if one is out of range.
    pub const fn new(hour: i8, minute: i8) -> Option<Self> {
        match (hour, minute) {
            (0..=23, 0..=59) => Some(Self { hour, minute }),
            _ => None,
        }
    }
}

/// The text is not a day or not a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(&'static str);

impl FromStr for TimeOfDay {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = |text: &str| match text.len() {
            2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        text.split_once(':')
            .and_then(|(hour, minute)| Self::new(digits(hour)?, digits(minute)?))
            .ok_or(Malformed("a time of day is written HH:MM, from 00:00 to 23:59"))
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for BusinessDay {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let date = Date::parse(text, FORMAT)
            .map_err(|_| Malformed("a day is a date that there is, written YYYY-MM-DD"))?;
        if (1900..=9998).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err(Malformed("a day is of the years 1900 to 9998"))
        }
    }
}

impl fmt::Display for BusinessDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for BusinessDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BusinessDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn a_day_changes_at_midnight_in_seoul() {
        let last = BusinessDay::of(datetime!(2026-11-22 14:59:59.999999 UTC));
        let first = BusinessDay::of(datetime!(2026-11-22 15:00 UTC));
        assert_eq!((last.date(), first.date()), (date!(2026 - 11 - 22), date!(2026 - 11 - 23)));
        assert_eq!((last.start(), last.end()), (datetime!(2026-11-21 15:00 UTC), first.start()));
    }

    #[test]
    fn four_in_the_morning_in_seoul_is_19_utc_of_the_day_before() {
        let day = BusinessDay::from_date(date!(2026 - 11 - 23));
        assert_eq!(day.at("04:00".parse().unwrap()), datetime!(2026-11-22 19:00 UTC));
        assert_eq!((day.previous().next(), day.next().date()), (day, date!(2026 - 11 - 24)));
    }

    #[test]
    fn a_time_of_day_is_hours_and_minutes() {
        assert_eq!("00:00".parse(), Ok(TimeOfDay::MIDNIGHT));
        assert_eq!("23:59".parse::<TimeOfDay>().ok(), TimeOfDay::new(23, 59));
        for wrong in ["24:00", "04:60", "4:00", "0400", "+4:00", "04:-1", ""] {
            assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn as_text_it_is_a_date() {
        let day: BusinessDay = serde_json::from_str("\"2026-02-28\"").unwrap();
        assert_eq!(serde_json::to_string(&day).unwrap(), "\"2026-02-28\"");
        for wrong in [
            "\"2026-02-29\"",
            "\"26-02-01\"",
            "\"2026-2-1\"",
            "20260201",
            "\"0001-01-01\"",
            "\"+99999-01-01\"",
        ] {
            assert!(serde_json::from_str::<BusinessDay>(wrong).is_err(), "{wrong}");
        }
    }
}
