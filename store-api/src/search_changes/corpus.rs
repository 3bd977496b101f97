//! Rules: what can be searched.

use strum::{EnumString, IntoStaticStr, VariantArray};

/// What a search is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Corpus {
    /// Items, by name and description.
    Items,
    /// Stores, by name.
    Stores,
}

impl Corpus {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The first byte of each of its terms.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Items => b'i',
            Self::Stores => b's',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_names_are_those_in_the_statements() {
        assert_eq!([Corpus::Items, Corpus::Stores].map(Corpus::as_str), ["ITEMS", "STORES"]);
        assert!(Corpus::VARIANTS.iter().all(|corpus| corpus.as_str().parse() == Ok(*corpus)));
    }
}
