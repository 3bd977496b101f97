//! Rules: the terms of names, descriptions and the words of a search.

use super::folded::{Field, Folded, Gap, Stand, is_of_spaced_script};
use super::pieces::{NAME_PIECE, TEXT_PIECE, covering};
use super::{Keyword, Term};
use crate::search_changes::Corpus;
use crate::shared::text::{normalise, words};

/// The families of the terms of some texts.
struct Families {
    /// Pieces without a space between their letters.
    together: u8,
    /// Short pieces across a space that may match a whole word of a search. Also, for each space, the letter before it, a space,
    /// and the letter after it.
    apart: u8,
    /// Short pieces across a space that may match only a part of a longer word.
    part_only: u8,
    /// The largest number of letters in a piece without a space.
    longest: usize,
}

/// Of names.
const NAME: Families = Families { together: b'n', apart: b'x', part_only: b'z', longest: NAME_PIECE };
/// Of names and descriptions.
const TEXT: Families = Families { together: b't', apart: b'y', part_only: b'w', longest: TEXT_PIECE };

/// Calls `each` with the bytes of every term of the words of an item or a store. Some terms come more than once.
pub fn each_text_term(corpus: Corpus, name: &str, description: &str, mut each: impl FnMut(&[u8])) {
    match corpus {
        Corpus::Items => {
            each_term_of(corpus, name, Field::Name, &[NAME, TEXT], &mut each);
            each_term_of(corpus, description, Field::Description, &[TEXT], &mut each);
        }
        Corpus::Stores => each_term_of(corpus, name, Field::Name, &[NAME], &mut each),
    }
}

fn each_term_of(
    corpus: Corpus,
    text: &str,
    field: Field,
    families: &[Families],
    each: &mut impl FnMut(&[u8]),
) {
    let normalised = normalise(text);
    let folded = Folded::of(&normalised, field);
    for families in families {
        each_piece(corpus, &folded, families, each);
        each_piece_of_form_1(corpus, &normalised, &folded, families, each);
    }
}

fn each_piece(corpus: Corpus, folded: &Folded, families: &Families, each: &mut impl FnMut(&[u8])) {
    let (letters, gaps) = (folded.letters(), folded.gaps());
    let mut bytes = Vec::new();
    for start in 0..letters.len() {
        bytes.clear();
        bytes.extend([corpus.byte(), families.together]);
        for (index, letter) in letters.iter().enumerate().skip(start).take(families.longest) {
            let length = index - start + 1;
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            bytes[1] = match folded.stand(start, length) {
                Stand::Together => families.together,
                Stand::Apart if length <= TEXT_PIECE => families.apart,
                Stand::PartOnly if length < TEXT_PIECE => continue,
                Stand::PartOnly if length == TEXT_PIECE => families.part_only,
                Stand::Apart | Stand::PartOnly | Stand::Parted => break,
            };
            each(&bytes);
        }
        if gaps[start] == Gap::Space {
            each(space(corpus, families, [letters[start - 1], letters[start]]).as_bytes());
        }
    }
}

/// Builds with the form 1 look for the words between white space, with their accents and hyphens. During a deploy they run at the
/// same time as this build, and read the same index. The form after [`FORM`](super::FORM) does not need these pieces.
fn each_piece_of_form_1(
    corpus: Corpus,
    normalised: &str,
    folded: &Folded,
    families: &Families,
    each: &mut impl FnMut(&[u8]),
) {
    if folded.words().map(String::from_iter).eq(words(normalised)) {
        return;
    }
    let mut bytes = vec![corpus.byte(), families.together];
    for word in words(normalised) {
        for (start, _) in word.char_indices() {
            bytes.truncate(2);
            for character in word[start..].chars().take(families.longest) {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                each(&bytes);
            }
        }
    }
}

fn space(corpus: Corpus, families: &Families, [before, after]: [char; 2]) -> Term {
    Term::of(corpus, families.apart, String::from_iter([before, ' ', after]).as_bytes())
}

/// The terms of a keyword, for names or for all texts of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeywordTerms {
    /// A row has all of these if, and only if, it has each word without a space in it.
    pub words: Vec<Term>,
    /// Among those rows, a row has all of these if, and only if, it also has the same spaces between the words.
    pub spaces: Vec<Term>,
    /// A row has one of each of these if, and only if, the words are side by side in it.
    pub beside: Vec<[Term; 2]>,
    /// Every row that matches has one of each of these. Other rows may have them too.
    pub pieces: Vec<Vec<Term>>,
}

impl KeywordTerms {
    /// All terms, some more than once.
    pub fn all(&self) -> impl Iterator<Item = &Term> {
        self.words.iter().chain(self.beside.iter().flatten()).chain(self.pieces.iter().flatten())
    }

    fn of(keyword: &Keyword, corpus: Corpus, families: &Families) -> Self {
        let term = |family: u8, piece: &[char]| Term::of(corpus, family, String::from_iter(piece).as_bytes());
        let mut found =
            Self { words: Vec::new(), spaces: Vec::new(), beside: Vec::new(), pieces: Vec::new() };
        for word in keyword.words() {
            found
                .words
                .extend(covering(word, families.longest).iter().map(|piece| term(families.together, piece)));
            found.pieces.extend(covering(word, TEXT_PIECE).iter().map(|piece| {
                let mut ways = vec![term(families.together, piece)];
                if piece.len() > 1 {
                    ways.push(term(families.apart, piece));
                }
                if word.len() > TEXT_PIECE && piece.first().is_some_and(|first| is_of_spaced_script(*first)) {
                    ways.push(term(families.part_only, piece));
                }
                ways
            }));
        }
        found.spaces.extend(keyword.spaces().iter().map(|letters| space(corpus, families, *letters)));
        let beside = keyword.spaces().iter().map(|letters| term(families.together, letters));
        found.beside.extend(found.spaces.iter().cloned().zip(beside).map(<[Term; 2]>::from));
        found
    }
}

impl Keyword {
    /// Its terms for the names of items or stores.
    pub fn name_terms(&self, corpus: Corpus) -> KeywordTerms {
        KeywordTerms::of(self, corpus, &NAME)
    }

    /// Its terms for the names and descriptions of items.
    pub fn text_terms(&self) -> KeywordTerms {
        KeywordTerms::of(self, Corpus::Items, &TEXT)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::search::{Fit, Rank};

    fn terms_of(name: &str, description: &str) -> BTreeSet<Term> {
        let mut terms = BTreeSet::new();
        each_text_term(Corpus::Items, name, description, |term| {
            terms.extend([Term::from_bytes(term.to_vec())]);
        });
        terms
    }

    /// The fit that the index tells.
    fn fit(wanted: &KeywordTerms, terms: &BTreeSet<Term>) -> Option<Fit> {
        let has = |wanted: &[Term]| wanted.iter().all(|term| terms.contains(term));
        let has_one_of = |ways: &[Term]| ways.iter().any(|term| terms.contains(term));
        match has(&wanted.words) {
            _ if !wanted.pieces.iter().all(|ways| has_one_of(ways)) => None,
            true if has(&wanted.spaces) => Some(Fit::Exact),
            _ if wanted.beside.iter().all(|ways| has_one_of(ways)) => Some(Fit::Respelled),
            true => Some(Fit::Words),
            false => Some(Fit::Apart),
        }
    }

    #[test]
    fn the_terms_of_a_name_fit_the_column() {
        let mut longest = 0;
        let name = "\u{1F370}".repeat(100);
        each_text_term(Corpus::Items, &name, &name, |term| longest = longest.max(term.len()));
        assert_eq!(longest, 66);
    }

    #[test]
    fn a_space_costs_few_terms() {
        assert_eq!(terms_of("딸기생크림케이크", "").len(), 35 + 20, "in names, and in texts");
        assert_eq!(terms_of("딸기 생크림 케이크", "").len(), 2 * (14 + 2 * 4));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn the_index_knows_rank_and_fit_of_whatever_a_search_finds(
            name in "[가-나a-cA-Cé12.\\-  ]{1,14}",
            description in "[가-나a-cé12.\\-  ]{0,30}",
            keyword in "[가-나a-cＡé12.\\-  ]{1,8}",
            cut in any::<prop::sample::Index>(),
            length in 1..9_usize,
            is_squeezed in any::<bool>(),
        ) {
            let from: Vec<char> = format!("{name} {description}").chars().collect();
            let cut = cut.index(from.len());
            let part: String = from[cut..(cut + length).min(from.len())].iter().collect();
            let part = if is_squeezed { part.replace(' ', "") } else { part };
            let terms = terms_of(&name, &description);
            for keyword in [keyword, part] {
                let Ok(keyword) = Keyword::parse(&keyword) else { continue };
                if keyword.is_empty() {
                    continue;
                }
                let Some(place) = keyword.place(&name, &description) else { continue };
                let by_name = fit(&keyword.name_terms(Corpus::Items), &terms);
                let by_text = fit(&keyword.text_terms(), &terms);
                let told = by_name.map(|fit| (Rank::Name, fit)).or(by_text.map(|fit| (Rank::Text, fit)));
                prop_assert_eq!(told, Some((place.rank, place.fit)));
            }
        }

        #[test]
        fn a_build_of_form_1_finds_what_it_looks_for(
            name in "[가-나a-cé.\\- ]{1,12}",
            cut in any::<prop::sample::Index>(),
        ) {
            let terms = terms_of(&name, "");
            for word in words(&normalise(&name)) {
                let letters: Vec<char> = word.chars().collect();
                let part = &letters[cut.index(letters.len())..];
                prop_assert!(terms.contains(&Term::of(Corpus::Items, b'n', String::from_iter(part).as_bytes())));
            }
        }
    }
}
