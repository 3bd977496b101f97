//! Rules: which names are accepted, and when two are the same.

use serde::{Deserialize, Deserializer};
use visible_text::{Lines, Unfit, check, tidy};

use super::deserialize::deserialize_by;
use super::text::{normalise, words};

/// The name of a store.
pub type StoreName = Name<50>;
/// The name of an item.
pub type ItemName = Name<100>;
/// The name of an option.
pub type OptionName = Name<50>;

/// A name of 1 to `MAX` characters on one line, with the key that decides whether another name is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name<const MAX: usize> {
    shown: String,
    key: String,
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It shows nothing, or has a character that no name needs.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Too many characters.
    #[error("must have at most {0} characters")]
    TooLong(usize),
}

impl<const MAX: usize> Name<MAX> {
    /// The column of the key has this many characters. A key can be longer than its name: normalising turns some
    /// characters into up to eighteen.
    const MAX_KEY: usize = if MAX < 100 { 200 } else { 400 };

    /// Reads a name without the white space around it, in Unicode's composed form.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        let shown = tidy(text);
        check(&shown, Lines::One)?;
        let key = words(&normalise(&shown)).collect::<Vec<_>>().join(" ");
        if shown.chars().count() > MAX || key.chars().count() > Self::MAX_KEY {
            return Err(NameFault::TooLong(MAX));
        }
        Ok(Self { shown, key })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The name in normalised form with single spaces. Two names that look the same have the same key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Replaces a stored name and its key.
    pub(crate) fn replace(&self, stored: &mut String, stored_key: &mut String) {
        self.shown.clone_into(stored);
        self.key.clone_into(stored_key);
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Name<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_by(deserializer, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_read_the_same_have_one_key() {
        let key = |text| StoreName::parse(text).unwrap().key().to_owned();
        assert_eq!(key("  Sweet   Lab "), key("ｓｗｅｅｔ lab"));
        assert_ne!(key("달콤 상점"), key("달콤상점"));
        assert_eq!(StoreName::parse(" 달콤  상점 ").unwrap().as_str(), "달콤  상점");
        let decomposed = "\u{1103}\u{1161}\u{11AF}".repeat(50);
        assert_eq!(
            StoreName::parse(&decomposed).unwrap().as_str(),
            "달".repeat(50),
            "composed, then counted"
        );
    }

    #[test]
    fn a_text_that_is_no_name_is_refused_with_the_reason() {
        let long = "가".repeat(50);
        assert!(StoreName::parse(&long).is_ok());
        assert_eq!(StoreName::parse(&format!("{long}가")), Err(NameFault::TooLong(50)));
        assert_eq!(
            StoreName::parse(&"\u{FDFA}".repeat(50)),
            Err(NameFault::TooLong(50)),
            "eighteen letters each"
        );
        for blank in ["", "   ", "\u{200B}", "\u{3164}", "\u{2800}", "\u{301}"] {
            assert_eq!(StoreName::parse(blank), Err(NameFault::Unfit(Unfit::Invisible)), "{blank:?}");
        }
        assert_eq!(StoreName::parse("a\nb"), Err(NameFault::Unfit(Unfit::Character('\n'))));
    }

    proptest! {
        #[test]
        fn a_name_fits_its_columns(text in "\\PC{0,120}|\\p{Any}{0,120}") {
            if let Ok(name) = ItemName::parse(&text) {
                prop_assert!((1..=100).contains(&name.as_str().chars().count()));
                prop_assert!((1..=400).contains(&name.key().chars().count()));
            }
        }
    }
}
