//! Rules: which Korean mobile numbers are accepted, and how they are written.

use std::sync::LazyLock;

use garde::Validate;
use regex::Regex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The digits of a Korean mobile number: `01012345678`.
///
/// One hyphen, dot or space between the groups of digits and the country code `+82` are accepted and removed, full-width digits and
/// signs are read as usual ones. Numbers with 010 have eight more digits. Older numbers with 011 or 016 to 019 are still in use and
/// have seven or eight more.
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
        let text: String = text.trim().chars().map(usual_form).collect();
        match WRITTEN.captures(&text) {
            Some(groups) => Self(format!("0{}{}{}", &groups[1], &groups[2], &groups[3])),
            None => Self(text),
        }
    }
}

/// The ways to write a number, with its groups of digits.
static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\+82[-. ]?0?|0)(1[0-9])[-. ]?([0-9]{3,4})[-. ]?([0-9]{4})$")
        .expect("the pattern is well-formed")
});

/// Korean and Japanese input methods write signs in full width, and editors put other spaces and hyphens for the usual ones.
fn usual_form(character: char) -> char {
    match character {
        '\u{FF01}'..='\u{FF5E}' => {
            u32::from(character).checked_sub(0xFEE0).and_then(char::from_u32).unwrap_or(character)
        }
        '\u{A0}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2013}' | '\u{2212}' => '-',
        other => other,
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ways_to_write_it_come_to_the_same_digits() {
        for written in [
            "01012345678",
            "010-1234-5678",
            " 010 1234 5678 ",
            "+82 10-1234-5678",
            "+82 010-1234-5678",
            "010.1234.5678",
            "+82 10 1234 5678",
            "+821012345678",
            "+82.10.1234.5678",
            "０１０－１２３４－５６７８",
            "010‑1234‑5678",
            "010\u{A0}1234\u{A0}5678",
        ] {
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
            "010--1234-5678",
            "010-1234-5678-",
            "-010-1234-5678",
            "0-1-0-1-2-3-4-5-6-7-8",
            "010/1234/5678",
            "010-1234-5678 ext 5",
            "+8210-1234-5678-9",
            "+83 10 1234 5678",
            "82 10 1234 5678",
            "012-1234-5678",
            "010\u{200B}12345678",
            "010\n1234\n5678",
            "010-1234\u{202E}-5678",
        ];
        for written in bad {
            assert!(Phone::from(written.to_owned()).validate().is_err(), "{written}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_digits(text in "[+0-9. ０-９-]{0,20}|\\PC{0,20}") {
            let phone = Phone::from(text);
            if phone.validate().is_ok() {
                prop_assert!(matches!(phone.as_str().len(), 10 | 11));
                prop_assert!(phone.as_str().bytes().all(|byte| byte.is_ascii_digit()));
                prop_assert_eq!(Phone::from(phone.as_str().to_owned()), phone);
            }
        }
    }
}
