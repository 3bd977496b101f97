//! Rules: the terms of the index, and their bytes.

use money::Won;

use super::ItemSort;
use crate::items::Category;
use crate::search_changes::{Band, Corpus, Scale};

/// A property that items or stores share, in the bytes of the index: corpus, family, value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term(Vec<u8>);

pub(super) mod family {
    pub(super) const CATEGORY: u8 = b'c';
    pub(super) const HEARTS: u8 = b'h';
    pub(super) const IN_STOCK: u8 = b'k';
    pub(super) const PRICE: u8 = b'p';
    pub(super) const PRICE_RANGE: u8 = b'r';
    pub(super) const SOLD: u8 = b's';
    pub(super) const STORE: u8 = b'o';
}

impl Term {
    /// A term as the database has it.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes for the database, at most 80.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn of(corpus: Corpus, family: u8, value: &[u8]) -> Self {
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
