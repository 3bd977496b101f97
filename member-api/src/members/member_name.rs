//! Rules: which names a member can have.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A member's name: trimmed, 1 to 50 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(from = "String")]
#[garde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 50, example = "김달콤")]
pub struct MemberName(#[garde(length(chars, min = 1, max = 50), custom(no_controls))] String);

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
        Self(text.trim().to_owned())
    }
}

fn no_controls(name: &str, _: &()) -> garde::Result {
    if name.chars().any(char::is_control) {
        return Err(garde::Error::new("has a control character"));
    }
    Ok(())
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
    }

    #[test]
    fn blank_names_and_control_characters_are_refused() {
        for bad in ["", " \t ", "a\u{0}b", "a\nb"] {
            assert!(!is_good(bad), "{bad:?}");
        }
        assert_eq!(MemberName::from("  김 달콤 ".to_owned()).as_str(), "김 달콤");
    }
}
