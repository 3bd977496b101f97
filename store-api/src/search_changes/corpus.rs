/// What a search is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Corpus {
    /// Items, by name and description.
    Items,
    /// Stores, by name.
    Stores,
}

impl Corpus {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Items, Self::Stores];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Items => "ITEMS",
            Self::Stores => "STORES",
        }
    }

    /// The corpus of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|corpus| corpus.as_str() == name)
    }

    /// The first byte of each of its terms.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Items => b'i',
            Self::Stores => b's',
        }
    }
}
