use money::Won;

use super::{ItemSort, Keyword};
use crate::items::Category;
use crate::search_changes::{Band, Corpus, Scale};
use crate::shared::text::{normalise, words};

/// A property that items or stores share, in the bytes of the index: corpus, family, value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term(Vec<u8>);

mod family {
    pub(super) const CATEGORY: u8 = b'c';
    pub(super) const HEARTS: u8 = b'h';
    pub(super) const IN_STOCK: u8 = b'k';
    pub(super) const PRICE: u8 = b'p';
    pub(super) const PRICE_RANGE: u8 = b'r';
    pub(super) const SOLD: u8 = b's';
    pub(super) const STORE: u8 = b'o';
    /// A piece of a word of the name.
    pub(super) const NAME: u8 = b'n';
    /// A short piece of a word of the name or of the description.
    pub(super) const TEXT: u8 = b't';
}

/// For the words of names, pieces of up to this many characters are indexed. A search word of up to this length has one
/// term, and the index knows exactly which names contain it.
const NAME_PIECE: usize = 16;
/// For all words, pieces of up to this many characters are indexed. A longer search word is split into such pieces. The
/// rows that have all pieces are read and checked.
const TEXT_PIECE: usize = 3;

impl Term {
    /// A term as the database has it.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes for the database, at most 80.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn of(corpus: Corpus, family: u8, value: &[u8]) -> Self {
        let mut bytes = vec![corpus.byte(), family];
        bytes.extend_from_slice(value);
        Self(bytes)
    }

    /// Items of this category.
    pub fn category(category: Category) -> Self {
        Self::of(Corpus::Items, family::CATEGORY, category.as_str().as_bytes())
    }

    /// Items of the store of this number.
    pub fn store(number: i64) -> Self {
        Self::of(Corpus::Items, family::STORE, &number.to_be_bytes())
    }

    /// Items of which a piece can be bought.
    pub fn in_stock() -> Self {
        Self::of(Corpus::Items, family::IN_STOCK, &[])
    }

    /// Items whose price is in this band of [`Scale::PRICE_RANGES`].
    pub fn price_range(band: Band) -> Self {
        Self::of(Corpus::Items, family::PRICE_RANGE, &band.0.to_be_bytes())
    }

    /// Items whose key of this sort is in this band. `None` for `Latest`, which has no bands.
    pub fn key(sort: ItemSort, scale: Scale, band: Band) -> Option<Self> {
        let family = match sort {
            ItemSort::Latest => return None,
            ItemSort::Popular => family::SOLD,
            ItemSort::Hearts => family::HEARTS,
            ItemSort::PriceAsc | ItemSort::PriceDesc if scale == Scale::PRICES => family::PRICE,
            ItemSort::PriceAsc | ItemSort::PriceDesc => family::PRICE_RANGE,
        };
        Some(Self::of(Corpus::Items, family, &band.0.to_be_bytes()))
    }

    /// The band of a term that [`Term::key`] has made.
    pub fn band(&self) -> Option<Band> {
        let value = self.0.get(2..)?;
        Some(Band(u16::from_be_bytes(value.try_into().ok()?)))
    }

    /// All terms of a corpus are between these two.
    pub fn range_of(corpus: Corpus) -> (Self, Self) {
        (Self(vec![corpus.byte()]), Self(vec![corpus.byte(), 0xFF]))
    }

    /// The first and the last term of each family whose terms an item can lose when its facts change. The store is not
    /// among them: an item never changes its store.
    pub fn ranges_of_facts() -> [(Self, Self); 6] {
        let first = |family| Self::of(Corpus::Items, family, &[]);
        let last = |family| Self::of(Corpus::Items, family, &[0xFF; 16]);
        [family::CATEGORY, family::HEARTS, family::IN_STOCK, family::PRICE, family::PRICE_RANGE, family::SOLD]
            .map(|family| (first(family), last(family)))
    }
}

/// What the index knows about an item besides its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemFacts {
    /// What kind of dessert it is.
    pub category: Category,
    /// The number of its store.
    pub store_number: i64,
    /// The lowest price at which it can be bought.
    pub min_price: Won,
    /// How many hearts it has.
    pub hearts: i64,
    /// How many pieces were sold and have not come back.
    pub sold: i64,
    /// Whether a piece can be bought.
    pub in_stock: bool,
}

impl ItemFacts {
    /// The terms of these facts.
    pub fn terms(&self) -> Vec<Term> {
        let price = self.min_price.get();
        let banded =
            |family, scale: Scale, value| Term::of(Corpus::Items, family, &scale.band(value).0.to_be_bytes());
        let mut terms = vec![
            Term::category(self.category),
            Term::store(self.store_number),
            banded(family::PRICE, Scale::PRICES, price),
            banded(family::PRICE_RANGE, Scale::PRICE_RANGES, price),
            banded(family::HEARTS, Scale::COUNTS, self.hearts),
            banded(family::SOLD, Scale::COUNTS, self.sold),
        ];
        if self.in_stock {
            terms.push(Term::in_stock());
        }
        terms
    }
}

/// Calls `each` with the bytes of every term of a name. Some terms come more than once.
pub fn each_name_term(corpus: Corpus, name: &str, mut each: impl FnMut(&[u8])) {
    each_piece([corpus.byte(), family::NAME], &normalise(name), NAME_PIECE, &mut each);
}

/// Calls `each` with the bytes of every term of an item's name or description. Some terms come more than once.
pub fn each_text_term(text: &str, mut each: impl FnMut(&[u8])) {
    each_piece([Corpus::Items.byte(), family::TEXT], &normalise(text), TEXT_PIECE, &mut each);
}

fn each_piece(prefix: [u8; 2], normalised: &str, longest: usize, each: &mut impl FnMut(&[u8])) {
    let mut bytes = prefix.to_vec();
    for word in words(normalised) {
        for (start, _) in word.char_indices() {
            bytes.truncate(prefix.len());
            for character in word[start..].chars().take(longest) {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                each(&bytes);
            }
        }
    }
}

/// The terms of a keyword, for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTerms {
    /// A name that contains every word has all of these.
    pub terms: Vec<Term>,
    /// Whether a name that has all of these contains every word.
    pub are_exact: bool,
}

impl Keyword {
    /// The terms that a name with every word has.
    pub fn name_terms(&self, corpus: Corpus) -> NameTerms {
        let mut found = NameTerms { terms: Vec::new(), are_exact: true };
        for word in self.words() {
            let pieces = covering(word, NAME_PIECE);
            found.are_exact &= pieces.len() == 1;
            found.terms.extend(pieces.iter().map(|piece| Term::of(corpus, family::NAME, piece.as_bytes())));
        }
        found.terms.sort_unstable();
        found.terms.dedup();
        found
    }

    /// The terms that an item with every word in its name or description has. Other items may have them too.
    pub fn text_terms(&self) -> Vec<Term> {
        let pieces = self.words().flat_map(|word| covering(word, TEXT_PIECE));
        let mut terms: Vec<Term> =
            pieces.map(|piece| Term::of(Corpus::Items, family::TEXT, piece.as_bytes())).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }
}

/// Pieces of a word that together contain every character: one piece of `longest` characters after the other, and the
/// last `longest` characters.
fn covering(word: &str, longest: usize) -> Vec<&str> {
    let starts: Vec<usize> = word.char_indices().map(|(start, _)| start).collect();
    let end_of = |first: usize| starts.get(first + longest).copied().unwrap_or(word.len());
    let last = starts.len().saturating_sub(longest);
    let mut pieces: Vec<&str> =
        (0..last).step_by(longest).map(|first| &word[starts[first]..end_of(first)]).collect();
    if let Some(start) = starts.get(last) {
        pieces.push(&word[*start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn terms_of(name: &str, description: &str) -> BTreeSet<Term> {
        let mut terms = BTreeSet::new();
        each_name_term(Corpus::Items, name, |term| terms.extend([Term(term.to_vec())]));
        for text in [name, description] {
            each_text_term(text, |term| terms.extend([Term(term.to_vec())]));
        }
        terms
    }

    #[test]
    fn a_long_word_is_covered_by_pieces() {
        assert_eq!(covering("chocolate", 3), ["cho", "col", "ate"]);
        assert_eq!(covering("초콜릿케", 3), ["초콜릿", "콜릿케"]);
        assert_eq!(covering("초콜", 3), ["초콜"]);
        assert_eq!(covering("면", 3), ["면"]);
        assert_eq!(covering("a", 16), ["a"]);
    }

    #[test]
    fn a_name_of_one_long_word_fits_the_column() {
        let mut longest = 0;
        each_name_term(Corpus::Items, &"\u{1F370}".repeat(100), |term| longest = longest.max(term.len()));
        assert_eq!(longest, 66);
    }

    proptest! {
        #[test]
        fn whatever_a_search_finds_has_all_of_its_terms(
            name in "[가-깋a-cA-C ]{1,12}",
            description in "[가-깋a-c ]{0,30}",
            keyword in "[가-깋a-cＡ ]{1,8}",
            cut in any::<prop::sample::Index>(),
        ) {
            let from: Vec<char> = format!("{name} {description}").chars().collect();
            let cut = cut.index(from.len());
            let part: String = from[cut..(cut + 5).min(from.len())].iter().collect();
            let terms = terms_of(&name, &description);
            for keyword in [keyword, part] {
                let keyword = Keyword::parse(&keyword).unwrap();
                let rank = keyword.rank(&name, &description);
                let has = |wanted: &[Term]| wanted.iter().all(|term| terms.contains(term));
                if rank.is_some() {
                    prop_assert!(has(&keyword.text_terms()));
                }
                let by_name = keyword.name_terms(Corpus::Items);
                prop_assert!(by_name.are_exact);
                prop_assert_eq!(has(&by_name.terms), rank == Some(super::super::Rank::Name));
            }
        }
    }
}
