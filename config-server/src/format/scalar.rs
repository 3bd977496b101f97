//! Rules: single values, and how YAML 1.1 reads them.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::integer::Integer;
use super::java;

/// A value of a settings file, of a kind that JSON has.
#[derive(Clone, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    Bool(bool),
    Integer(Integer),
    Float(f64),
}

/// What a plain scalar of YAML stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plain {
    Null,
    /// The key `<<`.
    Merge,
    Value(Scalar),
}

/// Longer numbers stay texts.
const NUMBER_MAX_BYTES: usize = 1024;

/// Whole numbers in base 2, 8, 16, 10 and 60, as <https://yaml.org/type/int.html> has them.
static INTEGER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:[-+]?0b_*[01][01_]*|[-+]?0_*[0-7][0-7_]*|[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*|[-+]?(?:0|[1-9][0-9_]*)|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
    )
});

/// <https://yaml.org/type/float.html>, and numbers with an exponent and no point.
static FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    )
});

/// <https://yaml.org/type/timestamp.html>.
static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$",
    )
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant")
}

/// Whether other readers of YAML 1.1 take a text for a date or a time. Spring takes it for a text.
pub(crate) fn looks_like_timestamp(text: &str) -> bool {
    TIMESTAMP.is_match(text)
}

/// Whether other readers take a text for a number with leading zeros: `SnakeYAML` quotes it, though it does not read it as one.
pub(crate) fn looks_like_octal(text: &str) -> bool {
    text.strip_prefix('0').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    })
}

/// Reads a plain scalar by the rules of YAML 1.1, as `SnakeYAML` does. Timestamps stay texts, as in Spring.
pub(crate) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "<<" => Plain::Merge,
        _ => Plain::Value(
            truth(text)
                .map(Scalar::Bool)
                .or_else(|| number(text))
                .unwrap_or_else(|| Scalar::Text(text.to_owned())),
        ),
    }
}

fn number(text: &str) -> Option<Scalar> {
    if text.len() > NUMBER_MAX_BYTES
        || !text.starts_with(|first: char| first.is_ascii_digit() || "-+.".contains(first))
    {
        return None;
    }
    if INTEGER.is_match(text) {
        return integer(text).map(Scalar::Integer);
    }
    FLOAT.is_match(text).then(|| float(text)).flatten().map(Scalar::Float)
}

/// `yes`, `on`, `true` and their opposites.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Reads a whole number in any of the bases.
pub(super) fn integer(text: &str) -> Option<Integer> {
    let (is_negative, digits) = sign(text);
    if digits == "0" {
        return Integer::from_digits(false, "0", 10);
    }
    if let Some(digits) = digits.strip_prefix("0b") {
        return Integer::from_digits(is_negative, digits, 2);
    }
    if let Some(digits) = digits.strip_prefix("0x") {
        return Integer::from_digits(is_negative, digits, 16);
    }
    if let Some(digits) = digits.strip_prefix('0') {
        return Integer::from_digits(is_negative, digits, 8);
    }
    if !digits.contains(':') {
        return Integer::from_digits(is_negative, &digits, 10);
    }
    let value = digits
        .split(':')
        .try_fold(0_i64, |value, part| value.checked_mul(60)?.checked_add(part.parse().ok()?))?;
    Some(Integer::from(if is_negative { -value } else { value }))
}

/// Reads a number with a point or an exponent.
pub(super) fn float(text: &str) -> Option<f64> {
    let (is_negative, digits) = sign(text);
    let value = match digits.to_ascii_lowercase().as_str() {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ => {
            // From the last part, so that the sum is rounded as SnakeYAML rounds it.
            let (mut value, mut weight) = (0.0, 1.0);
            for part in digits.rsplit(':') {
                value += part.parse::<f64>().ok()? * weight;
                weight *= 60.0;
            }
            value
        }
    };
    Some(if is_negative { -value } else { value })
}

/// Splits off the sign, and removes underscores.
fn sign(text: &str) -> (bool, String) {
    let text = text.replace('_', "");
    match text.strip_prefix('-') {
        Some(digits) => (true, digits.to_owned()),
        None => (false, text.strip_prefix('+').unwrap_or(&text).to_owned()),
    }
}

/// The text that Java makes of the value.
impl fmt::Display for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Bool(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Float(value) => formatter.write_str(&java::double(*value)),
        }
    }
}

/// Shows the kind and not the value, which may be a secret.
impl fmt::Debug for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "Text",
            Self::Bool(_) => "Bool",
            Self::Integer(_) => "Integer",
            Self::Float(_) => "Float",
        })
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => {
                // A raw value keeps the digits of numbers beyond 64 bits.
                RawValue::from_string(value.to_string())
                    .map_err(serde::ser::Error::custom)?
                    .serialize(serializer)
            }
            Self::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Self::Float(value) => serializer.serialize_str(&java::double(*value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            Plain::Null => "null".to_owned(),
            Plain::Merge => "merge".to_owned(),
            Plain::Value(value) => format!("{value:?} {}", serde_json::to_string(&value).unwrap()),
        }
    }

    #[test]
    fn plain_scalars_are_read_by_yaml_1_1() {
        for (text, expected) in [
            ("yes", "Bool true"),
            ("oFf", "Text \"oFf\""),
            ("y", "Text \"y\""),
            ("0755", "Integer 493"),
            ("0o17", "Text \"0o17\""),
            ("08", "Text \"08\""),
            ("1_000", "Integer 1000"),
            ("0b101", "Integer 5"),
            ("-0x1F", "Integer -31"),
            ("1:30", "Integer 90"),
            ("-1:30", "Integer -90"),
            ("1:60", "Text \"1:60\""),
            ("0:0", "Text \"0:0\""),
            ("190:20:30.15", "Float 685230.15"),
            ("1e3", "Float 1000.0"),
            ("1.", "Float 1.0"),
            (".5", "Float 0.5"),
            (".", "Text \".\""),
            (".inf", "Float \"Infinity\""),
            ("-.INF", "Float \"-Infinity\""),
            (".NaN", "Float \"NaN\""),
            ("2001-12-14", "Text \"2001-12-14\""),
            ("123456789012345678901234567890", "Integer 123456789012345678901234567890"),
            ("-9223372036854775809", "Integer -9223372036854775809"),
            ("nULL", "Text \"nULL\""),
            ("~", "null"),
            ("<<", "merge"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
