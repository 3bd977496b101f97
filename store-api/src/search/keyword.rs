//! Rules: the words of a search, and where a row has them.

use visible_text::{Lines, Unfit, check, tidy};

use super::folded::{Field, Folded, Stand};
use super::pieces::{NAME_PIECE, TEXT_PIECE, covering};
use super::{Fit, Place, Rank};
use crate::shared::text::normalise;

/// How a word of a search may stand in a text.
const WORD: &[Stand] = &[Stand::Together, Stand::Apart];
/// How a piece of such a word may stand there.
const PIECE: &[Stand] = &[Stand::Together, Stand::Apart, Stand::PartOnly];

/// The words of a search. Every word must be in the text, if only as a part of a longer word. The text may write a word
/// apart, and words together.
///
/// Words and texts are compared as [`Folded`] reads them. No character has a special meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Keyword {
    words: Vec<Vec<char>>,
    /// The letters on both sides of each space.
    spaces: Vec<[char; 2]>,
    /// It has characters, but only such as part words, for example `-`.
    finds_nothing: bool,
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
    /// It shows nothing though it is not empty, or has a character that no name and no description has.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl Keyword {
    /// The most characters.
    pub const MAX_CHARS: usize = 100;
    /// The most words.
    pub const MAX_WORDS: usize = 10;

    /// Reads the text that a client sent.
    pub fn parse(text: &str) -> Result<Self, KeywordFault> {
        let text = tidy(text);
        if text.chars().count() > Self::MAX_CHARS {
            return Err(KeywordFault::TooLong);
        }
        if !text.is_empty() {
            check(&text, Lines::Many)?;
        }
        let normalised = normalise(&text);
        let folded = Folded::of(&normalised, Field::Name);
        if normalised.chars().count().max(folded.letters().len()) > 2 * Self::MAX_CHARS {
            return Err(KeywordFault::TooLong);
        }
        let mut words: Vec<Vec<char>> = Vec::new();
        for word in folded.words() {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        if words.len() > Self::MAX_WORDS {
            return Err(KeywordFault::TooManyWords);
        }
        let finds_nothing = words.is_empty() && !normalised.trim().is_empty();
        Ok(Self { words, spaces: folded.spaces().collect(), finds_nothing })
    }

    /// Whether there is nothing to look for. Then everything matches.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && !self.finds_nothing
    }

    /// Whether nothing can match.
    pub fn finds_nothing(&self) -> bool {
        self.finds_nothing
    }

    /// The words, each once.
    pub fn words(&self) -> &[Vec<char>] {
        &self.words
    }

    /// The letters on both sides of each space.
    pub fn spaces(&self) -> &[[char; 2]] {
        &self.spaces
    }

    /// The fits that a row can have, the best first.
    pub fn fits(&self) -> impl Iterator<Item = Fit> + use<> {
        let has_spaces = !self.spaces.is_empty();
        let can_be_apart = self.words.iter().any(|word| word.len() > 1);
        let is_possible = move |fit: &Fit| match fit {
            Fit::Exact => true,
            Fit::Respelled => has_spaces || can_be_apart,
            Fit::Words => has_spaces,
            Fit::Apart => has_spaces && can_be_apart,
        };
        [Fit::Exact, Fit::Respelled, Fit::Words, Fit::Apart].into_iter().filter(is_possible)
    }

    /// Where the words are in this name and description, which need not be normalised. `None` if a word is in neither.
    ///
    /// The index must give the same rank and fit without reading the row. So if a word is longer than the indexed pieces, this too
    /// compares its pieces and not the word.
    pub fn place(&self, name: &str, description: &str) -> Option<Place> {
        if self.finds_nothing {
            return None;
        }
        if self.words.is_empty() {
            return Some(Place::BEST);
        }
        let name = Folded::of(&normalise(name), Field::Name);
        if self.words.iter().all(|word| name.has(word, WORD)) {
            return Some(Place { rank: Rank::Name, fit: self.fit(&[&name], NAME_PIECE) });
        }
        let description = Folded::of(&normalise(description), Field::Description);
        let both = [&name, &description];
        if !self.words.iter().all(|word| both.iter().any(|text| text.has(word, WORD))) {
            return None;
        }
        if self.words.iter().all(|word| has_pieces(&name, word)) {
            return Some(Place { rank: Rank::Name, fit: self.fit(&[&name], NAME_PIECE) });
        }
        Some(Place { rank: Rank::Text, fit: self.fit(&both, TEXT_PIECE) })
    }

    fn fit(&self, texts: &[&Folded], longest: usize) -> Fit {
        let is_together = |piece: &[char]| texts.iter().any(|text| text.has(piece, &[Stand::Together]));
        let has_space = |letters: &[char; 2]| texts.iter().any(|text| text.has_space(*letters));
        let is_beside = |letters: &[char; 2]| has_space(letters) || is_together(letters);
        let are_together = self.words.iter().flat_map(|word| covering(word, longest)).all(is_together);
        match are_together {
            true if self.spaces.iter().all(has_space) => Fit::Exact,
            _ if self.spaces.iter().all(is_beside) => Fit::Respelled,
            true => Fit::Words,
            false => Fit::Apart,
        }
    }
}

fn has_pieces(text: &Folded, word: &[char]) -> bool {
    let ways = if word.len() > TEXT_PIECE { PIECE } else { WORD };
    covering(word, TEXT_PIECE).into_iter().all(|piece| text.has(piece, ways))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(keyword: &str, name: &str, description: &str) -> Option<(Rank, Fit)> {
        let place = Keyword::parse(keyword).unwrap().place(name, description);
        place.map(|Place { rank, fit }| (rank, fit))
    }

    fn fit(keyword: &str, name: &str) -> Option<Fit> {
        place(keyword, name, "").map(|(_, fit)| fit)
    }

    #[test]
    fn every_word_stands_somewhere_and_names_come_first() {
        assert_eq!(place("케이크", "딸기 생크림케이크", ""), Some((Rank::Name, Fit::Exact)));
        assert_eq!(place("크림 딸기", "딸기 생크림케이크", ""), Some((Rank::Name, Fit::Words)));
        assert_eq!(place("딸기 제철", "딸기 케이크", "제철 과일"), Some((Rank::Text, Fit::Words)));
        assert_eq!(place("제철", "딸기 케이크", "제철 과일"), Some((Rank::Text, Fit::Exact)));
        assert_eq!(place("제철과일", "딸기 케이크", "제철 과일"), Some((Rank::Text, Fit::Respelled)));
        assert_eq!(place("딸기 말차", "딸기 케이크", "제철 과일"), None);
        assert_eq!(place("", "딸기", ""), Some((Rank::Name, Fit::Exact)));
    }

    #[test]
    fn words_that_stand_side_by_side_are_a_better_fit_than_scattered_ones() {
        for (keyword, name, expected) in [
            ("딸기 케이크", "딸기 케이크", Fit::Exact),
            ("딸기 케이크", "생딸기  케이크세트", Fit::Exact),
            ("딸기 케이크", "딸기케이크", Fit::Respelled),
            ("딸기 케이크", "딸기 케 이크", Fit::Respelled),
            ("딸기 케이크", "딸기 초코 케이크", Fit::Words),
            ("딸기 케이크", "케이크 딸기", Fit::Words),
            ("딸기 케이크", "케 이크 딸기", Fit::Apart),
            ("딸기케이크", "딸기 케이크", Fit::Respelled),
            ("1 호", "케이크 1호", Fit::Respelled),
            ("1 호", "1인 호두", Fit::Words),
        ] {
            assert_eq!(fit(keyword, name), Some(expected), "{keyword} in {name}");
        }
        let possible = |keyword| Keyword::parse(keyword).unwrap().fits().count();
        assert_eq!(["", "가", "가나", "가 나", "가나 다"].map(possible), [1, 1, 2, 3, 4]);
    }

    #[test]
    fn each_spelling_finds_the_others_and_itself_first() {
        let spellings =
            ["생크림 케이크", "생크림케이크", "딸기 생크림 케이크", "딸기 생크림케이크", "딸기생크림 케이크"];
        for keyword in &spellings[..2] {
            for name in spellings {
                let is_exact = name.contains(keyword);
                assert_eq!(fit(keyword, name) == Some(Fit::Exact), is_exact, "{keyword} in {name}");
                assert!(fit(keyword, name).is_some(), "{keyword} in {name}");
            }
        }
        for keyword in &spellings[2..] {
            for name in &spellings[2..] {
                assert_eq!(fit(keyword, name) == Some(Fit::Exact), name == keyword, "{keyword} in {name}");
                assert!(fit(keyword, name).is_some(), "{keyword} in {name}");
            }
            assert_eq!(fit(keyword, "생크림 케이크"), None, "no strawberries");
        }
    }

    #[test]
    fn scattered_letters_and_other_fields_are_no_word() {
        assert_eq!(fit("생크림케이크", "크림 케이크, 생일 선물"), None);
        assert_eq!(fit("생크림케이크", "생크림 딸기 케이크"), None);
        assert_eq!(fit("케이크생크림", "생크림 케이크"), None);
        assert_eq!(fit("딸크케", "딸기 크림 케이크"), None);
        assert_eq!(place("케이크딸기", "생크림 케이크", "딸기가 듬뿍"), None, "a name and a description");
        assert_eq!(place("고기", "케이크", "주문하고 기다린"), None);
        assert_eq!(fit("tart", "fruit art"), None);
        assert_eq!(fit("12호", "케이크 1 2호"), None);
        assert_eq!(place("이크쿠", "세트", "케이크. 쿠키"), None, "two sentences");
    }

    #[test]
    fn other_scripts_digits_and_punctuation() {
        for (keyword, name) in [
            ("strawberrycake", "Fresh Strawberry Cake"),
            ("strawberry cake", "strawberrycake"),
            ("Cheese-Cake", "cheesecake"),
            ("cheesecake", "CHEESE-CAKE"),
            ("1호", "케이크 1 호"),
            ("1 호", "케이크 1호"),
            ("5 KG", "5kg"),
            ("5kg", "쌀 5 kg"),
            ("쑥떡", "수제쑥 떡세트"),
            ("쑥 떡", "쑥떡"),
            ("いちごケーキ", "いちご ケーキ"),
            ("草莓蛋糕", "草莓 蛋糕"),
            ("생크림케이크", "생크림·케이크"),
            ("생크림ㆍ케이크", "생크림케이크"),
            ("케이크!", "케이크"),
            ("cafe", "Café 달콤"),
            ("CAFÉ", "cafe\u{301}"),
            ("café달콤", "Cafe 달콤"),
        ] {
            assert!(fit(keyword, name).is_some(), "{keyword} in {name}");
        }
    }

    #[test]
    fn case_width_and_form_make_no_difference_and_nothing_is_special() {
        assert_eq!(fit("ＣＨＯＣＯ", "Chocolate"), Some(Fit::Exact));
        assert_eq!(fit("100%", "１００％ 통밀"), Some(Fit::Exact));
        assert_eq!(fit("딸기\u{3000}\u{A0} 케이크", "딸기  케이크"), Some(Fit::Exact));
        assert_eq!(fit("+케이크 -딸기*", "딸기 케이크"), None);
        for nothing in ["-", "_", "...", "“”"] {
            assert_eq!(fit(nothing, "딸기 - _ ... 케이크"), None, "{nothing:?}");
        }
        assert_eq!(fit("%", "딸기 케이크"), None);
    }

    #[test]
    fn a_keyword_has_an_end() {
        assert_eq!(Keyword::parse(&"가".repeat(101)), Err(KeywordFault::TooLong));
        assert_eq!(Keyword::parse(&"\u{FDFA}".repeat(100)), Err(KeywordFault::TooLong));
        assert_eq!(Keyword::parse("a b c d e f g h i j k"), Err(KeywordFault::TooManyWords));
        assert_eq!(Keyword::parse(" a A ａ  b ").unwrap().words(), [['a'], ['b']]);
        assert!(Keyword::parse(&"\u{1103}\u{1161}\u{11AF}".repeat(100)).is_ok(), "composed, then counted");
        for blank in ["", "  ", "\u{3000}\u{A0}\t"] {
            assert!(Keyword::parse(blank).unwrap().is_empty(), "{blank:?}");
        }
        for invisible in [" \u{200B} ", "\u{3164}", "\u{2800}", "\u{301}"] {
            assert_eq!(
                Keyword::parse(invisible),
                Err(KeywordFault::Unfit(Unfit::Invisible)),
                "{invisible:?}"
            );
        }
        for character in ['\0', '\u{202E}', '\u{2028}', '\u{E0041}'] {
            let fault = KeywordFault::Unfit(Unfit::Character(character));
            assert_eq!(Keyword::parse(&format!("딸{character}기")), Err(fault), "{character:?}");
        }
    }

    /// The words with a space, or several, or none between them.
    fn spaced(words: &[String], spaces: &[u8]) -> String {
        let between =
            |index: usize| ["", " ", "  ", "\u{3000}"][usize::from(spaces[index % spaces.len()] % 4)];
        words.iter().enumerate().map(|(index, word)| format!("{word}{}", between(index))).collect()
    }

    proptest! {
        #[test]
        fn any_spacing_of_the_search_finds_any_spacing_of_a_name(
            words in prop::collection::vec("[가-깋ぁ-ん一-三]{1,4}", 1..6),
            before in "[가-나 ]{0,4}",
            after in "[가-나 ]{0,4}",
            searched in prop::collection::vec(any::<u8>(), 1..6),
            written in prop::collection::vec(any::<u8>(), 1..6),
        ) {
            let name = format!("{before}{}{after}", spaced(&words, &written));
            prop_assert!(place(&spaced(&words, &searched), &name, "").is_some());
        }

        #[test]
        fn words_that_are_written_together_and_apart_find_each_other(
            words in prop::collection::vec("[가-깋]{1,4}|[a-z]{1,8}|[0-9]{1,2}[가-나]", 1..5),
            description in "[가-나a-c. ]{0,20}",
        ) {
            let (together, apart) = (words.concat(), words.join(" "));
            for (searched, written) in [(&together, &apart), (&apart, &together), (&apart, &apart)] {
                prop_assert!(place(searched, written, &description).is_some());
                let description = format!("{description}. {written}");
                prop_assert!(place(searched, "딸기", &description).is_some());
            }
        }

        #[test]
        fn what_is_found_has_the_letters_of_each_word_in_one_row(
            keyword in "[가-라a-c ]{1,6}",
            name in "[가-라a-c ]{1,10}",
            description in "[가-라a-c. ]{0,20}",
        ) {
            let letters = |text: &str| text.replace(' ', "");
            let texts = [letters(&name), letters(&description)];
            let is_there = |word: &str| texts.iter().any(|text| text.contains(word));
            if place(&keyword, &name, &description).is_some() {
                prop_assert!(keyword.split_whitespace().all(is_there));
            }
        }
    }
}
