//! The reason for a change of an order line.

use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

/// A body with a reason.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Reason)]
pub(crate) struct ReasonBody {
    #[garde(dive)]
    reason: ReasonText,
}

/// A reason for people to read, with at least one visible character. It may have lines. It is kept in Unicode's composed form
/// (NFC), in which its characters are counted, without white space around it. Controls, overrides of direction and other characters
/// that only hide something are refused.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(from = "String")]
#[garde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 500, example = "도착했을 때 케이크가 무너져 있었어요")]
struct ReasonText(#[garde(length(chars, max = 500), custom(visible_text::lines))] String);

impl ReasonBody {
    /// The reason.
    pub(crate) fn into_text(self) -> String {
        self.reason.0
    }
}

impl From<String> for ReasonText {
    fn from(text: String) -> Self {
        Self(visible_text::tidy(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_can_be_read() {
        let is_good = |text: &str| ReasonText::from(text.to_owned()).validate().is_ok();
        for good in ["무너졌어요", "첫째 줄\r\n둘째 줄", "😢", &"\u{1103}\u{1161}\u{11AF}".repeat(500)]
        {
            assert!(is_good(good), "{good:?}");
        }
        for bad in [
            "",
            " \n ",
            "\u{3164}",
            "\u{200B}",
            "\u{301}",
            "a\u{202E}b",
            "a\u{2028}b",
            "a\0b",
            &"가".repeat(501),
        ] {
            assert!(!is_good(bad), "{bad:?}");
        }
    }
}
