//! Rules: which email addresses are accepted, and when two are the same.

use std::fmt;

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An email address, trimmed and in lower case, so that two spellings of one address are equal.
///
/// Any text can be converted into it; `problem::Json` validates the email of a request. Only ASCII letters are
/// changed to lower case: other letters are not valid in an address, and some of them would become ASCII letters.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(from = "String")]
#[garde(transparent)]
#[schema(value_type = String, format = Email, min_length = 3, max_length = 254, example = "baker@example.com")]
pub struct Email(#[garde(length(max = 254), email)] String);

impl Email {
    /// The normalised address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Email {
    fn from(text: String) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }
}

/// Hides the address, so that it is not written to a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_good(text: &str) -> bool {
        Email::from(text.to_owned()).validate().is_ok()
    }

    #[test]
    fn it_is_trimmed_and_lower_cased() {
        assert_eq!(Email::from(" Baker@Example.COM\n".to_owned()).as_str(), "baker@example.com");
    }

    #[test]
    fn only_addresses_are_taken() {
        for good in ["a@b.kr", "first.last+cakes@shop.example.com", "O'Hara@example.com"] {
            assert!(is_good(good), "{good}");
        }
        let too_long = format!("{}@{}.com", "a".repeat(64), "b.".repeat(93));
        for bad in [
            "",
            "a",
            "a@",
            "@b.kr",
            "a b@c.kr",
            "a@b..kr",
            "달콤@example.com",
            "\u{212a}im@example.com",
            &too_long,
        ] {
            assert!(!is_good(bad), "{bad}");
        }
    }

    #[test]
    fn it_is_not_written_to_logs() {
        assert!(!format!("{:?}", Email::from("baker@example.com".to_owned())).contains("baker"));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = Email::from(text);
            prop_assert_eq!(Email::from(once.as_str().to_owned()), once);
        }
    }
}
