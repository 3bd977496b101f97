//! Rules: which names a member can have.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A member's name on one line, with at least one visible character. It is kept in Unicode's composed form (NFC), in which its
/// characters are counted, without white space around it. Controls,
/// overrides of direction and other characters that only hide something are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(from = "String")]
#[garde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 50, example = "김달콤")]
pub struct MemberName(#[garde(length(chars, max = 50), custom(visible_text::line))] String);

impl MemberName {
    /// The name of every closed account.
    pub const CLOSED_ACCOUNT: &'static str = "탈퇴한 회원";

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for MemberName {
    fn from(text: String) -> Self {
        Self(visible_text::tidy(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_good(text: &str) -> bool {
        MemberName::from(text.to_owned()).validate().is_ok()
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert!(is_good(&"달".repeat(50)));
        assert!(!is_good(&"달".repeat(51)));
        assert!(is_good(&"\u{1103}\u{1161}\u{11AF}".repeat(50)), "composed, then counted");
    }

    #[test]
    fn names_that_show_nothing_or_hide_something_are_refused() {
        for bad in [
            "",
            " \t ",
            "a\u{0}b",
            "a\nb",
            "\u{3164}",
            "\u{200B}",
            "\u{2800}",
            "김\u{202E}달콤",
            "김\u{E0041}",
        ] {
            assert!(!is_good(bad), "{bad:?}");
        }
        assert_eq!(MemberName::from("  김 달콤 ".to_owned()).as_str(), "김 달콤");
    }
}
