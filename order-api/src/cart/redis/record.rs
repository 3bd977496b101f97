//! The format in which Redis stores a cart line.
//!
//! The name of the field is the option id; the value is `1:{quantity}:{line version}:{JSON}`. The scripts read and write
//! the first three parts and copy the JSON unchanged. `1` is the version of the format. A build with a new format must
//! parse the old one too. A line that a build cannot parse is not in the cart for this build, and stays stored for the others.

use money::Won;
use redis::{FromRedisValue, ParsingError, RedisWrite, ToRedisArgs, ToSingleRedisArg, Value};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cart::line::{CartLine, Seen};
use crate::quantity::Quantity;

const VERSION: &str = "1";

/// The stored value of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Field(Vec<u8>);

/// The JSON. The names are short, because a cart has up to a hundred lines.
#[derive(Debug, Serialize, Deserialize)]
struct SeenRecord<'text> {
    #[serde(rename = "at", with = "time::serde::timestamp::microseconds")]
    added_at: OffsetDateTime,
    #[serde(rename = "item")]
    item_id: Uuid,
    #[serde(rename = "iname")]
    item_name: std::borrow::Cow<'text, str>,
    #[serde(rename = "oname")]
    option_name: std::borrow::Cow<'text, str>,
    price: Won,
}

/// The JSON of a line that was added at `added_at`, with what the customer saw.
pub(super) fn seen_json(seen: &Seen, added_at: OffsetDateTime) -> String {
    let record = SeenRecord {
        added_at,
        item_id: seen.item_id,
        item_name: seen.item_name.as_str().into(),
        option_name: seen.option_name.as_str().into(),
        price: seen.price,
    };
    serde_json::to_string(&record).expect("strings, numbers and ids can be written as JSON")
}

impl Field {
    /// The line, and when it was added; `None` if this build cannot parse it.
    pub(super) fn parse(&self, option_id: &str) -> Option<(CartLine, OffsetDateTime)> {
        let mut parts = std::str::from_utf8(&self.0).ok()?.splitn(4, ':');
        if parts.next()? != VERSION {
            return None;
        }
        let quantity = parts.next()?.parse().ok().and_then(Quantity::new)?;
        let line_version = Uuid::try_parse(parts.next()?).ok()?;
        let record: SeenRecord<'_> = serde_json::from_str(parts.next()?).ok()?;
        let seen = Seen {
            item_id: record.item_id,
            item_name: record.item_name.into_owned(),
            option_name: record.option_name.into_owned(),
            price: record.price,
        };
        let option_id = Uuid::try_parse(option_id).ok()?;
        Some((CartLine { option_id, quantity, line_version, seen }, record.added_at))
    }

    /// The value of the changed line. It keeps the time at which the line was added.
    pub(super) fn rewritten(&self, line: &CartLine) -> Self {
        let added_at =
            self.parse(&line.option_id.to_string()).map_or(OffsetDateTime::UNIX_EPOCH, |(_, at)| at);
        let json = seen_json(&line.seen, added_at);
        Self(format!("{VERSION}:{}:{}:{json}", line.quantity, line.line_version.simple()).into_bytes())
    }
}

impl FromRedisValue for Field {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        Vec::from_redis_value(value).map(Self)
    }
}

impl ToRedisArgs for Field {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        out.write_arg(&self.0);
    }
}

impl ToSingleRedisArg for Field {}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const AT: OffsetDateTime = datetime!(2026-11-22 09:00:00.000001 UTC);
    const OPTION: Uuid = Uuid::from_u128(4);

    fn line() -> CartLine {
        CartLine {
            option_id: OPTION,
            quantity: Quantity::new(12).unwrap(),
            line_version: Uuid::from_u128(5),
            seen: Seen {
                item_id: Uuid::from_u128(1),
                item_name: "쌀:빵 \"1\"".into(),
                option_name: "1호".into(),
                price: Won::new(32_000),
            },
        }
    }

    fn field(line: &CartLine) -> Field {
        let json = seen_json(&line.seen, AT);
        Field(format!("1:{}:{}:{json}", line.quantity, line.line_version.simple()).into_bytes())
    }

    #[test]
    fn a_line_is_parsed_as_it_was_written() {
        assert_eq!(field(&line()).parse(&OPTION.to_string()), Some((line(), AT)));
    }

    #[test]
    fn a_line_of_an_older_build_is_parsed() {
        // It also stored whether the customer was told that the option is sold out.
        let json = seen_json(&line().seen, AT);
        let json = format!("{},\"out\":true}}", json.trim_end_matches('}'));
        let stored = Field(format!("1:12:{}:{json}", line().line_version.simple()).into_bytes());
        assert_eq!(stored.parse(&OPTION.to_string()), Some((line(), AT)));
    }

    #[test]
    fn a_rewritten_line_keeps_its_position() {
        let cheaper = CartLine { seen: Seen { price: Won::new(1_000), ..line().seen }, ..line() };
        assert_eq!(field(&line()).rewritten(&cheaper), field(&cheaper));
    }

    #[test]
    fn a_value_that_this_build_cannot_parse_is_none() {
        for stored in
            ["", "2", "1:0:x:{}", "{\"optionId\":1}", "1:3:00000000000000000000000000000005:{}", "0:1:2:3"]
        {
            assert_eq!(Field(stored.into()).parse(&OPTION.to_string()), None, "{stored}");
        }
        assert_eq!(Field(vec![0xff]).parse(&OPTION.to_string()), None);
        assert_eq!(field(&line()).parse("no uuid"), None);
    }
}
