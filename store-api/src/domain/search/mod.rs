//! What a search finds and in which order, and the terms by which the index knows it.

mod band;
mod keyword;
mod order;
mod term;

pub use band::{Band, Scale, groups};
pub use keyword::{Keyword, KeywordFault, Rank};
pub use order::{Direction, ItemPlace, ItemSort, StoreKey, StorePlace, StoreSort};
pub use term::{Corpus, ItemFacts, NameTerms, Term, each_name_term, each_text_term};
