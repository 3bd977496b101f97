//! Rules: whole numbers of any size. They keep their digits.

use std::fmt;

/// A whole number, in decimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Integer(String);

/// A group of nine decimal digits fits into 32 bits.
const GROUP: u64 = 1_000_000_000;

impl Integer {
    /// Reads digits of this base. `None` if there are none, or others.
    pub(crate) fn from_digits(is_negative: bool, digits: &str, base: u32) -> Option<Self> {
        let mut groups: Vec<u64> = vec![0];
        if digits.is_empty() {
            return None;
        }
        for digit in digits.chars() {
            let mut carry = u64::from(digit.to_digit(base)?);
            for group in &mut groups {
                let value = *group * u64::from(base) + carry;
                *group = value % GROUP;
                carry = value / GROUP;
            }
            if carry > 0 {
                groups.push(carry);
            }
        }
        let first = groups.pop().unwrap_or_default().to_string();
        let rest = groups.iter().rev().map(|group| format!("{group:09}"));
        let text: String = std::iter::once(first).chain(rest).collect();
        let is_zero = text == "0";
        Some(Self(if is_negative && !is_zero { format!("-{text}") } else { text }))
    }

    /// The decimal digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<i64> for Integer {
    fn from(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(is_negative: bool, digits: &str, base: u32) -> Option<String> {
        Integer::from_digits(is_negative, digits, base).map(|integer| integer.to_string())
    }

    #[test]
    fn digits_of_every_base_become_decimal() {
        assert_eq!(read(false, "755", 8).unwrap(), "493");
        assert_eq!(read(true, "1f", 16).unwrap(), "-31");
        assert_eq!(read(false, "1000000000", 10).unwrap(), "1000000000");
        assert_eq!(read(false, "0000000001000000000000000001", 10).unwrap(), "1000000000000000001");
        assert_eq!(read(false, &"f".repeat(32), 16).unwrap(), u128::MAX.to_string());
        assert_eq!(read(true, "0", 10).unwrap(), "0");
    }

    #[test]
    fn other_digits_are_refused() {
        assert_eq!(read(false, "", 10), None);
        assert_eq!(read(false, "8", 8), None);
    }
}
