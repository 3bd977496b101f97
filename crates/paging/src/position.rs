use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::{Uuid, Variant};

/// What a cursor holds: the sort key of the last row that was shown.
pub trait Position: Serialize + DeserializeOwned {
    /// Whether a row of the list can have it. A cursor that holds another value was made up, and is refused.
    fn is_possible(&self) -> bool;
}

/// A number that the database gives.
impl Position for i64 {
    fn is_possible(&self) -> bool {
        *self >= 0
    }
}

/// An id that we make, a UUID of version 7.
impl Position for Uuid {
    fn is_possible(&self) -> bool {
        self.get_version_num() == 7 && self.get_variant() == Variant::RFC4122
    }
}

/// The position in a list that is sorted by a time: the time of the last row that was shown, and its id, which orders rows of
/// one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimePosition {
    /// The row's time.
    #[serde(with = "microseconds")]
    pub at: OffsetDateTime,
    /// The row's id.
    pub id: Uuid,
}

impl Position for TimePosition {
    fn is_possible(&self) -> bool {
        self.id.is_possible()
    }
}

/// A time in a cursor, as whole microseconds since the Unix epoch; for `#[serde(with = "paging::microseconds")]`.
///
/// Clients can make cursors up. So a time that a `DATETIME` column can't be compared with, or that leaves the calendar when an
/// offset is added, is refused: it has to be of the years 1970 to 9000.
pub mod microseconds {
    use std::ops::RangeInclusive;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use time::OffsetDateTime;

    const YEARS: RangeInclusive<i32> = 1970..=9000;

    /// Writes it.
    pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        // An i128 of nanoseconds of this calendar is an i64 of microseconds.
        serializer.serialize_i64(i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX))
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
        let micros = i64::deserialize(deserializer)?;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
            .ok()
            .filter(|time| YEARS.contains(&time.year()))
            .ok_or_else(|| D::Error::custom("the time is not of the years 1970 to 9000"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn read(micros: i64) -> Option<OffsetDateTime> {
        let position = json!({"at": micros, "id": Uuid::nil()});
        serde_json::from_value::<TimePosition>(position).ok().map(|position| position.at)
    }

    #[test]
    fn a_time_is_read_as_it_was_written() {
        let position =
            TimePosition { at: datetime!(2026-11-22 09:00:00.000_001 UTC), id: Uuid::from_u128(7) };
        let written = serde_json::to_value(position).expect("it can be written");
        assert_eq!(serde_json::from_value::<TimePosition>(written).expect("it can be read"), position);
    }

    #[test]
    fn a_time_at_the_edge_of_the_calendar_is_refused() {
        let micros =
            |time: OffsetDateTime| i64::try_from(time.unix_timestamp_nanos() / 1_000).expect("it fits");
        assert_eq!(read(0), Some(OffsetDateTime::UNIX_EPOCH));
        assert!(read(micros(datetime!(9000-12-31 23:59:59 UTC))).is_some());
        for beyond in [
            -1,
            micros(datetime!(9001-01-01 00:00 UTC)),
            micros(datetime!(9999-12-31 23:59:59 UTC)),
            micros(datetime!(0001-01-01 00:00 UTC)),
            i64::MIN,
            i64::MAX,
        ] {
            assert_eq!(read(beyond), None, "{beyond}");
        }
    }
}
