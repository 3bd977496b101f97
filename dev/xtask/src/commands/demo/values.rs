//! Reading values out of answers, and writing values for people and for queries.

use anyhow::Context as _;
use serde_json::Value;

pub(super) fn text<'a>(value: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    value[field].as_str().with_context(|| format!("no text {field} in {value}"))
}

pub(super) fn number(value: &Value, field: &str) -> anyhow::Result<i64> {
    value[field].as_i64().with_context(|| format!("no number {field} in {value}"))
}

pub(super) fn list<'a>(value: &'a Value, field: &str) -> anyhow::Result<&'a [Value]> {
    Ok(value[field].as_array().with_context(|| format!("no list {field} in {value}"))?)
}

/// "12,000원"
pub(super) fn won(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}{grouped}원", if amount < 0 { "-" } else { "" })
}

/// A text, percent-encoded for a query.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        assert_eq!(won(0), "0원");
        assert_eq!(won(999), "999원");
        assert_eq!(won(38_000), "38,000원");
        assert_eq!(won(-1_234_567), "-1,234,567원");
    }
}
