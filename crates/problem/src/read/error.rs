//! What serde reports of a value that it can't read, as data: the kind of fault, the place and a text for people.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::Fault;

/// The first fault that serde found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReadError {
    kind: Kind,
    /// The members and indexes that lead to it, the innermost first.
    steps: Vec<String>,
    detail: String,
}

/// What kind of fault it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A member is missing.
    Missing,
    /// The type has no member of this name.
    UnknownField,
    /// It is a text, and not one of the texts that are allowed.
    UnknownVariant {
        /// One of those that are allowed.
        allowed: Option<&'static str>,
    },
    /// It is of another type than the one that is read.
    WrongType,
    /// It is of the right type and breaks a rule, or stands twice.
    Invalid,
}

impl ReadError {
    fn new(kind: Kind, detail: impl Display) -> Self {
        Self { kind, steps: Vec::new(), detail: detail.to_string() }
    }

    /// A member of this value, by its name.
    fn of_member(kind: Kind, member: &str, detail: &str) -> Self {
        Self { kind, steps: vec![member.to_owned()], detail: detail.to_owned() }
    }

    pub(crate) fn wrong_type(detail: impl Display) -> Self {
        Self::new(Kind::WrongType, detail)
    }

    /// The same fault, seen from the value that has `step` as a member or an index.
    pub(crate) fn inside(mut self, step: impl Display) -> Self {
        self.steps.push(step.to_string());
        self
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The member of the whole value that is at fault; `None` if the whole value is at fault.
    pub(crate) fn outermost_step(&self) -> Option<&str> {
        self.steps.last().map(String::as_str)
    }

    /// Where it is: a JSON pointer (RFC 6901).
    pub(crate) fn pointer(&self) -> String {
        self.steps.iter().rev().map(|step| format!("/{}", escaped(step))).collect()
    }

    /// The fault as clients read it.
    pub(crate) fn fault(&self) -> Fault {
        let code = match self.kind {
            Kind::Missing => "MISSING",
            Kind::UnknownField => "UNKNOWN_FIELD",
            Kind::UnknownVariant { .. } | Kind::WrongType => "WRONG_TYPE",
            Kind::Invalid => "INVALID",
        };
        Fault { pointer: self.pointer(), code: code.into(), detail: self.detail.clone() }
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ReadError {}

/// Every method is written out, also those that the trait has a default for: the defaults make a text of what is known.
impl de::Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Kind::Invalid, message)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::WrongType, format_args!("is {}, and must be {}", Found(found), Wanted(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::Invalid, format_args!("is {}, and must be {}", Found(found), Wanted(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(Kind::Invalid, format_args!("has the length {length}, and must have {}", Wanted(expected)))
    }

    fn unknown_variant(variant: &str, allowed: &'static [&'static str]) -> Self {
        let kind = Kind::UnknownVariant { allowed: allowed.first().copied() };
        Self::new(kind, format_args!("is `{variant}`, and must be {}", OneOf(allowed)))
    }

    fn unknown_field(field: &str, _known: &'static [&'static str]) -> Self {
        Self::of_member(Kind::UnknownField, field, "is not a member of this body")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of_member(Kind::Missing, field, "is missing")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of_member(Kind::Invalid, field, "stands more than once")
    }
}

/// What was found instead, in the words of JSON.
struct Found<'a>(Unexpected<'a>);

impl Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Unit => f.write_str("null"),
            Unexpected::Bool(value) => write!(f, "`{value}`"),
            Unexpected::Unsigned(number) => write!(f, "the number `{number}`"),
            Unexpected::Signed(number) => write!(f, "the number `{number}`"),
            Unexpected::Float(number) => write!(f, "the number `{number}`"),
            Unexpected::Seq => f.write_str("an array"),
            Unexpected::Map => f.write_str("an object"),
            Unexpected::Str(text) => write!(f, "the string {text:?}"),
            other => other.fmt(f),
        }
    }
}

/// What was expected, in the words of JSON: serde says the names of Rust's types.
struct Wanted<'a>(&'a dyn Expected);

impl Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = self.0.to_string();
        f.write_str(match wanted.as_str() {
            "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number in its range",
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number in its range, not below 0",
            "f32" | "f64" => "a number",
            "a boolean" => "`true` or `false`",
            "a sequence" => "an array",
            "a map" => "an object",
            other => other,
        })
    }
}

struct OneOf(&'static [&'static str]);

impl Display for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("nothing"),
            [only] => write!(f, "`{only}`"),
            [one, other] => write!(f, "`{one}` or `{other}`"),
            [first, others @ ..] => {
                write!(f, "one of `{first}`")?;
                others.iter().try_for_each(|other| write!(f, ", `{other}`"))
            }
        }
    }
}

/// A member's name as a step of a JSON pointer (RFC 6901).
pub(super) fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroU8;

    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Deserializer};
    use serde_json::{Value, json};

    use super::*;
    use crate::read::json_value::JsonValue;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Thing {
        name: String,
        inner: Option<Box<Thing>>,
    }

    #[derive(Debug, Deserialize)]
    enum Size {
        Small,
        Large,
    }

    /// Answers with an error of its own, as types with rules do.
    #[derive(Debug)]
    struct Never;

    impl<'de> Deserialize<'de> for Never {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(de::Error::custom("never"))
        }
    }

    fn error_of<T: DeserializeOwned + fmt::Debug>(value: &Value) -> (Kind, String, String) {
        let error = T::deserialize(JsonValue(value)).expect_err("it has a fault");
        (error.kind.clone(), error.pointer(), error.detail)
    }

    fn wrong_type(detail: &str) -> (Kind, String, String) {
        (Kind::WrongType, String::new(), detail.to_owned())
    }

    #[test]
    fn a_member_that_is_missing_or_unknown_is_named_with_its_place() {
        let inner = |inner: Value| json!({"name": "a", "inner": inner});
        assert_eq!(
            error_of::<Thing>(&inner(json!({}))),
            (Kind::Missing, "/inner/name".to_owned(), "is missing".to_owned())
        );
        assert_eq!(
            error_of::<Thing>(&inner(json!({"a/b~c": 1}))),
            (Kind::UnknownField, "/inner/a~1b~0c".to_owned(), "is not a member of this body".to_owned())
        );
    }

    #[test]
    fn an_unknown_variant_tells_those_that_there_are() {
        let found = error_of::<Vec<Size>>(&json!(["Small", "Medium"]));
        let detail = "is `Medium`, and must be `Small` or `Large`";
        assert_eq!(
            found,
            (Kind::UnknownVariant { allowed: Some("Small") }, "/1".to_owned(), detail.to_owned())
        );
    }

    #[test]
    fn a_value_of_another_type_is_told_what_was_expected() {
        for (value, found) in [
            (json!(null), "null"),
            (json!(true), "`true`"),
            (json!(-3), "the number `-3`"),
            (json!(1.5), "the number `1.5`"),
            (json!([]), "an array"),
            (json!({}), "an object"),
        ] {
            let expected = format!("is {found}, and must be a string");
            assert_eq!(error_of::<String>(&value), wrong_type(&expected), "{value}");
        }
        assert_eq!(
            error_of::<i32>(&json!("5")),
            wrong_type("is the string \"5\", and must be a whole number in its range")
        );
        assert_eq!(error_of::<Size>(&json!(5)).0, Kind::WrongType);
        assert_eq!(error_of::<Thing>(&json!(5)).0, Kind::WrongType);
        assert_eq!(error_of::<Thing>(&json!(["a", null])), wrong_type("is an array, and must be an object"));
        for value in [json!({"Small": null}), json!({"Small": null, "Large": null}), json!(["Small"])] {
            assert_eq!(error_of::<Size>(&value).0, Kind::WrongType, "{value}");
        }
    }

    #[test]
    fn a_value_of_the_right_type_that_breaks_a_rule_is_invalid() {
        for (kind, pointer, detail) in [
            error_of::<u8>(&json!(256)),
            error_of::<NonZeroU8>(&json!(0)),
            error_of::<[u8; 2]>(&json!([1])),
            error_of::<[u8; 2]>(&json!([1, 2, 3])),
            error_of::<Never>(&json!(1)),
        ] {
            assert_eq!((kind, pointer.as_str()), (Kind::Invalid, ""), "{detail}");
        }
        assert_eq!(error_of::<BTreeMap<String, u8>>(&json!({"a": 256})).1, "/a");
    }

    #[test]
    fn a_member_that_stands_twice_is_invalid() {
        let error: ReadError = de::Error::duplicate_field("name");
        assert_eq!((error.kind(), error.pointer()), (&Kind::Invalid, "/name".to_owned()));
    }
}
