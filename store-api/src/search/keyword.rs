use serde::{Deserialize, Serialize};

use crate::shared::text::{normalise, words};

/// The words of a search. Every word must be in the text, if only as a part of a longer word.
///
/// Words and text are compared in their [normalised](normalise) form. No character has a special meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Keyword {
    words: Vec<String>,
}

/// Why a text is no keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeywordFault {
    /// Too many characters.
    #[error("must have at most {} characters", Keyword::MAX_CHARS)]
    TooLong,
    /// Too many words.
    #[error("must have at most {} words", Keyword::MAX_WORDS)]
    TooManyWords,
}

/// Where the words are. A list shows the rank [`Name`](Rank::Name) before the rank [`Text`](Rank::Text).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Every word is in the name. Without any words, everything has this rank.
    Name,
    /// Every word is in the name or in the description, and not all are in the name.
    Text,
}

impl Keyword {
    /// The most characters.
    pub const MAX_CHARS: usize = 100;
    /// The most words.
    pub const MAX_WORDS: usize = 10;

    /// Reads the text that a client sent.
    pub fn parse(text: &str) -> Result<Self, KeywordFault> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(KeywordFault::TooLong);
        }
        let normalised = normalise(text);
        if normalised.chars().count() > 2 * Self::MAX_CHARS {
            return Err(KeywordFault::TooLong);
        }
        let mut found: Vec<String> = Vec::new();
        for word in words(&normalised) {
            if !found.iter().any(|known| known == word) {
                found.push(word.to_owned());
            }
        }
        if found.len() > Self::MAX_WORDS {
            return Err(KeywordFault::TooManyWords);
        }
        Ok(Self { words: found })
    }

    /// Whether there are no words. Then everything matches.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words, normalised, each once.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Where the words are in this name and description, which need not be normalised. `None` if a word is in neither.
    pub fn rank(&self, name: &str, description: &str) -> Option<Rank> {
        if self.words.is_empty() {
            return Some(Rank::Name);
        }
        let name = normalise(name);
        let mut elsewhere = self.words().filter(|word| !name.contains(word)).peekable();
        if elsewhere.peek().is_none() {
            return Some(Rank::Name);
        }
        let description = normalise(description);
        elsewhere.all(|word| description.contains(word)).then_some(Rank::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(keyword: &str, name: &str, description: &str) -> Option<Rank> {
        Keyword::parse(keyword).unwrap().rank(name, description)
    }

    #[test]
    fn every_word_stands_somewhere_and_names_come_first() {
        assert_eq!(rank("케이크", "딸기 생크림케이크", ""), Some(Rank::Name));
        assert_eq!(rank("크림 딸기", "딸기 생크림케이크", ""), Some(Rank::Name));
        assert_eq!(rank("딸기 제철", "딸기 케이크", "제철 과일"), Some(Rank::Text));
        assert_eq!(rank("제철", "딸기 케이크", "제철 과일"), Some(Rank::Text));
        assert_eq!(rank("딸기 말차", "딸기 케이크", "제철 과일"), None);
        assert_eq!(rank("기케", "딸기 케이크", ""), None, "a word does not reach over a space");
        assert_eq!(rank("", "딸기", ""), Some(Rank::Name));
    }

    #[test]
    fn case_width_and_form_make_no_difference_and_nothing_is_special() {
        assert_eq!(rank("ＣＨＯＣＯ", "Chocolate", ""), Some(Rank::Name));
        assert_eq!(rank("100%", "１００％ 통밀", ""), Some(Rank::Name));
        assert_eq!(rank("+케이크 -딸기*", "딸기 케이크", ""), None);
    }

    #[test]
    fn a_keyword_has_an_end() {
        assert_eq!(Keyword::parse(&"가".repeat(101)), Err(KeywordFault::TooLong));
        assert_eq!(Keyword::parse(&"\u{FDFA}".repeat(100)), Err(KeywordFault::TooLong));
        assert_eq!(Keyword::parse("a b c d e f g h i j k"), Err(KeywordFault::TooManyWords));
        assert_eq!(Keyword::parse(" a A ａ  b ").unwrap().words().collect::<Vec<_>>(), ["a", "b"]);
        assert!(Keyword::parse(" \u{200B} ").unwrap().is_empty());
    }
}
