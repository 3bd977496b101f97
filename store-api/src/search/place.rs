//! Rules: how well a row matches the words of a search.

use serde::{Deserialize, Serialize};

/// Where the words are. A list shows the rank [`Name`](Rank::Name) before the rank [`Text`](Rank::Text).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Every word is in the name. Without any words, everything has this rank.
    Name,
    /// Every word is in the name or in the description, and not all are in the name.
    Text,
}

/// How the words are written there. Among rows of one rank and one sort key, a list shows the better fit first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// As in the search, with the same spaces between them. Without any words, everything has this fit.
    #[default]
    Exact,
    /// With other spaces: words of the search are written together or apart, and stand side by side.
    Respelled,
    /// Each word is written together, as in the search, but not all stand side by side.
    Words,
    /// A word of the search is written apart, and not all words stand side by side.
    Apart,
}

/// Where the words are, and how they are written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Where the words are.
    pub rank: Rank,
    /// How they are written there.
    pub fit: Fit,
}

impl Place {
    /// The place of everything, if a search has no words.
    pub const BEST: Self = Self { rank: Rank::Name, fit: Fit::Exact };
}

/// For cursors: the best fit need not be said. So a list without words has the cursors that it had before there were fits.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(super) fn is_exact(fit: &Fit) -> bool {
    *fit == Fit::Exact
}
