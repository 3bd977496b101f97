//! Rules: which Korean mobile numbers are accepted, and how they are written.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The digits of a Korean mobile number: `01012345678`.
///
/// Hyphens, spaces and the country code `+82` are accepted and removed. Numbers with 010 have eight more digits. Older
/// numbers with 011 or 016 to 019 are still in use and have seven or eight more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(from = "String")]
#[garde(transparent)]
#[schema(value_type = String, min_length = 10, max_length = 24, example = "010-1234-5678")]
pub struct Phone(#[garde(custom(korean_mobile))] String);

impl Phone {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Phone {
    fn from(text: String) -> Self {
        let bare: String = text.trim().chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        Self(match bare.strip_prefix("+82") {
            Some(national) if national.starts_with('0') => national.to_owned(),
            Some(national) => format!("0{national}"),
            None => bare,
        })
    }
}

/// Hides the number, so that it is not written to a log.
impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phone(..)")
    }
}

fn korean_mobile(digits: &str, _: &()) -> garde::Result {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let right_length = match digits.get(..3) {
        Some("010") => digits.len() == 11,
        Some("011" | "016" | "017" | "018" | "019") => matches!(digits.len(), 10 | 11),
        _ => false,
    };
    if all_digits && right_length { Ok(()) } else { Err(garde::Error::new("is not a Korean mobile number")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_it_come_to_the_same_digits() {
        for written in
            ["01012345678", "010-1234-5678", " 010 1234 5678 ", "+82 10-1234-5678", "+82 010-1234-5678"]
        {
            let phone = Phone::from(written.to_owned());
            assert_eq!(phone.as_str(), "01012345678", "{written}");
            assert!(phone.validate().is_ok());
        }
        assert!(Phone::from("011-234-5678".to_owned()).validate().is_ok());
    }

    #[test]
    fn other_numbers_are_refused() {
        let bad = [
            "",
            "010",
            "0101234567",
            "010123456789",
            "02-123-4567",
            "+1 212 555 0100",
            "010-1234-567a",
            "٠١٠١٢٣٤٥٦٧٨",
        ];
        for written in bad {
            assert!(Phone::from(written.to_owned()).validate().is_err(), "{written}");
        }
    }
}
