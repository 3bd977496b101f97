//! Rules: which descriptions are accepted.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use visible_text::{Lines, Unfit, check, tidy};

use super::deserialize::deserialize_by;

/// What a seller says about a store or an item: up to 2,000 characters on any number of lines, or nothing. If it is not empty, it has
/// a visible character. It is kept in Unicode's composed form (NFC), in which its characters are counted, without white space
/// around it. Controls, overrides of direction and other characters that only hide something are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, max_length = 2_000, example = "부드러운 생크림과 제철 딸기")]
pub struct Description(String);

/// Why a text is no description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionFault {
    /// Too many characters.
    #[error("must have at most {} characters", Description::MAX)]
    TooLong,
    /// It shows nothing though it is not empty, or has a character that no description needs.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl Description {
    /// The most characters.
    pub const MAX: usize = 2_000;

    /// Reads a description without the white space around it, in Unicode's composed form.
    pub fn parse(text: &str) -> Result<Self, DescriptionFault> {
        let text = tidy(text);
        if !text.is_empty() {
            check(&text, Lines::Many)?;
        }
        if text.chars().count() > Self::MAX {
            return Err(DescriptionFault::TooLong);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Description {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_by(deserializer, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_have_lines_and_may_be_empty_and_has_an_end() {
        assert_eq!(Description::parse(" 부드러운\r\n 생크림 \n").unwrap().as_str(), "부드러운\n 생크림");
        assert!(Description::parse("").is_ok());
        assert!(Description::parse(&"가".repeat(2_000)).is_ok());
        assert_eq!(Description::parse(&"가".repeat(2_001)), Err(DescriptionFault::TooLong));
        assert_eq!(Description::parse("a\0b"), Err(DescriptionFault::Unfit(Unfit::Character('\0'))));
        assert_eq!(Description::parse("\u{200B}"), Err(DescriptionFault::Unfit(Unfit::Invisible)));
    }
}
