//! Rules: how a search reads a text.
//!
//! A search compares letters. Unicode composition, width and case make no difference
//! ([`normalise`](crate::shared::text::normalise)), and accents neither. Every character that is no separator counts as a letter,
//! for example `%`. Between two letters there is a [`Gap`].
//!
//! Korean is written with and without spaces between the same words. So a word of a search may match across the spaces of a text.
//! These limits avoid accidental matches:
//!
//! * A word does not match across the end of a sentence, or across a space between two digits: `12호` is not in `1 2호`.
//! * In a script with spaces between words, for example Latin, a match across a space must begin at the begin of a word:
//!   `strawberrycake` is in `strawberry cake`, and `tart` is not in `fruit art`.
//! * In a description, a match of two syllables across a space must begin or end where a word begins or ends: `고기` is not in
//!   `하고 기다린`. Names are short, and have few accidental matches.

use unicode_normalization::char::decompose_canonical;

/// Which text of a row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The name.
    Name,
    /// The description.
    Description,
}

/// What stands before a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// Another letter.
    None,
    /// White space, a hyphen, a bracket or another separator.
    Space,
    /// The begin of the text, the end of a sentence, or a space between two digits. No word matches across it.
    Border,
}

/// How some consecutive letters are written in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Side by side.
    Together,
    /// With a space between them, and they may match a whole word of a search.
    Apart,
    /// With a space between them, and they may match only a part of a longer word.
    PartOnly,
    /// With a border between them.
    Parted,
}

/// The letters of a text, and the gaps before them.
#[derive(Clone, Debug)]
pub(super) struct Folded {
    field: Field,
    letters: Vec<char>,
    gaps: Vec<Gap>,
}

impl Folded {
    /// Reads a normalised text.
    pub(super) fn of(normalised: &str, field: Field) -> Self {
        let mut characters = Vec::with_capacity(normalised.len());
        normalised.chars().for_each(|character| push_without_accent(character, &mut characters));
        let mut folded = Self { field, letters: Vec::with_capacity(characters.len()), gaps: Vec::new() };
        let mut gap = Gap::Border;
        let mut before = ' ';
        for (index, character) in characters.iter().copied().enumerate() {
            let after = characters.get(index + 1).copied().unwrap_or(' ');
            match Kind::of(before, character, after) {
                Kind::Letter => {
                    folded.push(character, gap);
                    gap = Gap::None;
                }
                Kind::Separator(wider) => gap = gap.max(wider),
                Kind::Silent => {}
            }
            before = character;
        }
        folded
    }

    fn push(&mut self, letter: char, gap: Gap) {
        let is_between_digits = is_digit(letter) && self.letters.last().is_some_and(|last| is_digit(*last));
        self.gaps.push(if gap == Gap::Space && is_between_digits { Gap::Border } else { gap });
        self.letters.push(letter);
    }

    /// The letters.
    pub(super) fn letters(&self) -> &[char] {
        &self.letters
    }

    /// What stands before each letter.
    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The letters between the gaps.
    pub(super) fn words(&self) -> impl Iterator<Item = &[char]> {
        let starts = (0..self.letters.len()).filter(|index| self.gaps[*index] != Gap::None);
        starts.map(|start| {
            let length = self.gaps[start + 1..].iter().take_while(|gap| **gap == Gap::None).count();
            &self.letters[start..=start + length]
        })
    }

    /// The letters on both sides of each space.
    pub(super) fn spaces(&self) -> impl Iterator<Item = [char; 2]> {
        let after = (1..self.letters.len()).filter(|index| self.gaps[*index] == Gap::Space);
        after.map(|index| [self.letters[index - 1], self.letters[index]])
    }

    /// How the `length` letters from `start` on are written in the text.
    pub(super) fn stand(&self, start: usize, length: usize) -> Stand {
        let end = start + length;
        match self.gaps[start + 1..end].iter().max() {
            None | Some(Gap::None) => return Stand::Together,
            Some(Gap::Border) => return Stand::Parted,
            Some(Gap::Space) => {}
        }
        let is_part_only = if is_of_spaced_script(self.letters[start]) {
            !self.begins_word(start)
        } else {
            self.field == Field::Description
                && length == 2
                && !self.begins_word(start)
                && !self.begins_word(end)
        };
        if is_part_only { Stand::PartOnly } else { Stand::Apart }
    }

    /// Whether a word begins here, or the text ends. Where the kind of script changes, a word begins without a space.
    fn begins_word(&self, index: usize) -> bool {
        let Some(gap) = self.gaps.get(index) else { return true };
        *gap != Gap::None
            || is_of_spaced_script(self.letters[index]) != is_of_spaced_script(self.letters[index - 1])
    }

    /// Whether these letters are somewhere in the text, written in one of these ways.
    pub(super) fn has(&self, letters: &[char], ways: &[Stand]) -> bool {
        let places = self.letters.windows(letters.len()).enumerate();
        places
            .filter(|(_, there)| *there == letters)
            .any(|(start, _)| ways.contains(&self.stand(start, letters.len())))
    }

    /// Whether there is a space between these letters somewhere.
    pub(super) fn has_space(&self, letters: [char; 2]) -> bool {
        self.spaces().any(|there| there == letters)
    }
}

/// What a character is for.
enum Kind {
    Letter,
    Separator(Gap),
    /// It stands within a word and says nothing.
    Silent,
}

impl Kind {
    fn of(before: char, character: char, after: char) -> Self {
        let is_in_number = is_digit(before) && is_digit(after);
        match character {
            '.' | ',' | ':' | '/' if is_in_number => Self::Letter,
            '\'' | '\u{2018}' | '\u{2019}' if before.is_alphanumeric() && after.is_alphanumeric() => {
                Self::Silent
            }
            '.' | '!' | '?' | ';' | ':' | '\u{A1}' | '\u{BF}' | '\u{3002}' => Self::Separator(Gap::Border),
            // An old vowel that is much used as a middle dot.
            '\u{119E}' if !('\u{1100}'..='\u{115F}').contains(&before) => Self::Separator(Gap::Space),
            _ if character.is_whitespace() || parts_words(character) => Self::Separator(Gap::Space),
            _ => Self::Letter,
        }
    }
}

/// Hyphens and dashes, middle dots, commas, slashes, brackets and quotation marks.
fn parts_words(character: char) -> bool {
    matches!(character,
        '-' | '_' | '~' | ',' | '/' | '\'' | '"' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>'
        | '\u{AB}' | '\u{B4}' | '\u{B7}' | '\u{BB}' | '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201F}'
        | '\u{2022}' | '\u{2027}' | '\u{2039}' | '\u{203A}' | '\u{2212}' | '\u{2219}' | '\u{22C5}' | '\u{2800}'
        | '\u{3001}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301D}' | '\u{30FB}')
}

/// A letter or digit of a script that writes spaces between words. Hangul is not among them, for many leave its spaces out.
pub(super) fn is_of_spaced_script(letter: char) -> bool {
    letter.is_alphanumeric() && !is_syllabic(letter)
}

/// Hangul, kana, Chinese characters, and the scripts of South-East Asia that write no spaces.
fn is_syllabic(letter: char) -> bool {
    matches!(letter,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1100}'..='\u{11FF}' | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{3130}'..='\u{318F}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

fn is_digit(character: char) -> bool {
    character.is_numeric() && !is_syllabic(character)
}

/// Pushes what is left of a character without its accents. The marks of other scripts, for example of kana, stay: there
/// they make another letter.
fn push_without_accent(character: char, folded: &mut Vec<char>) {
    match character {
        _ if character.is_ascii() || ('\u{AC00}'..='\u{D7A3}').contains(&character) => folded.push(character),
        // Letters that Unicode does not decompose.
        'ß' => folded.extend(['s', 's']),
        'æ' => folded.extend(['a', 'e']),
        'œ' => folded.extend(['o', 'e']),
        'þ' => folded.extend(['t', 'h']),
        'ø' => folded.push('o'),
        'đ' | 'ð' => folded.push('d'),
        'ħ' => folded.push('h'),
        'ı' => folded.push('i'),
        'ł' => folded.push('l'),
        'ŧ' => folded.push('t'),
        'ς' => folded.push('σ'),
        _ => {
            let before = folded.len();
            let mut has_accent = false;
            decompose_canonical(character, |part| {
                has_accent |= is_accent(part);
                if !is_accent(part) {
                    folded.push(part);
                }
            });
            if !has_accent {
                folded.truncate(before);
                folded.push(character);
            }
        }
    }
}

/// A mark on a letter of Latin, Greek or Cyrillic.
fn is_accent(character: char) -> bool {
    matches!(character,
        '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::text::normalise;

    /// The text with one space for each space, and a bar for each border.
    fn read(text: &str) -> String {
        let folded = Folded::of(&normalise(text), Field::Name);
        let gaps = folded.gaps().iter().map(|gap| match gap {
            Gap::None => "",
            Gap::Space => " ",
            Gap::Border => "|",
        });
        gaps.zip(folded.letters()).map(|(gap, letter)| format!("{gap}{letter}")).collect()
    }

    #[test]
    fn every_kind_of_space_is_one_space() {
        for text in [
            "딸기 케이크",
            "  딸기   케이크 ",
            "딸기\u{A0}케이크",
            "딸기\u{3000}케이크",
            "딸기\n\t케이크",
            "딸기-케이크",
            "딸기 – 케이크",
            "딸기·케이크",
            "딸기ㆍ케이크",
            "딸기・케이크",
            "[딸기]케이크",
            "“딸기” 케이크",
            "딸기, 케이크",
            "딸기/케이크",
            "딸기_케이크",
        ] {
            assert_eq!(read(text), "|딸기 케이크", "{text:?}");
        }
        assert_eq!(read("딸\u{200B}기"), "|딸기");
        assert_eq!(read(" -_ "), "");
        assert_eq!(read("ᄒᆞᆫ과"), "|ᄒᆞᆫ과", "the old vowel in a syllable");
    }

    #[test]
    fn sentences_and_digits_have_borders() {
        assert_eq!(read("달아요. 케이크! 쿠키?"), "|달아요|케이크|쿠키");
        assert_eq!(read("1 2호 3-4인"), "|1|2호 3|4인");
        assert_eq!(read("1 호 케이크 1호"), "|1 호 케이크 1호");
        assert_eq!(read("1.5호, 1,000원 10:30 1/2판"), "|1.5호 1,000원 10:30|1/2판");
        assert_eq!(read("100% 5kg+α"), "|100% 5kg+α");
    }

    #[test]
    fn accents_fold_and_the_marks_of_other_scripts_stay() {
        assert_eq!(read("Café CRÈME Brûlée"), "|cafe creme brulee");
        assert_eq!(read("cafe\u{301} Smørrebrød Straße œuf İzmir"), "|cafe smorrebrod strasse oeuf izmir");
        assert_eq!(read("Mom's mom’s"), "|moms moms");
        assert_eq!(read("ガトー か\u{3099}"), "|ガトー が");
        assert_eq!(read("γλυκός ΓΛΥΚΌΣ"), "|γλυκοσ γλυκοσ");
        assert_eq!(read("ขนมปัง"), "|ขนมปัง");
    }

    #[test]
    fn words_and_spaces_are_read() {
        let folded = Folded::of("딸기 케이크. 1호", Field::Name);
        let words: Vec<String> = folded.words().map(String::from_iter).collect();
        assert_eq!(words, ["딸기", "케이크", "1호"]);
        assert_eq!(folded.spaces().collect::<Vec<_>>(), [['기', '케']]);
    }

    #[test]
    fn letters_stand_together_or_apart() {
        let stand = |letters: &str, text: &str, field| {
            let folded = Folded::of(text, field);
            let letters: Vec<char> = letters.chars().collect();
            let start = folded.letters().windows(letters.len()).position(|there| there == letters).unwrap();
            folded.stand(start, letters.len())
        };
        assert_eq!(stand("케이크", "딸기 케이크", Field::Name), Stand::Together);
        assert_eq!(stand("생크림케이크", "딸기생크림 케이크세트", Field::Description), Stand::Apart);
        assert_eq!(stand("쑥떡", "수제쑥 떡세트", Field::Name), Stand::Apart);
        assert_eq!(stand("고기", "하고 기다린", Field::Description), Stand::PartOnly);
        assert_eq!(stand("쑥떡", "수제쑥 떡", Field::Description), Stand::Apart);
        assert_eq!(stand("쑥떡", "쑥 떡세트", Field::Description), Stand::Apart);
        assert_eq!(stand("strawberrycake", "a strawberry cake", Field::Name), Stand::Apart);
        assert_eq!(stand("tart", "fruit art", Field::Name), Stand::PartOnly);
        assert_eq!(stand("setmenu", "케이크set menu", Field::Name), Stand::Apart);
        assert_eq!(stand("요케", "달아요. 케이크", Field::Name), Stand::Parted);
    }
}
