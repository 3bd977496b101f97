//! Rules: the one form of a password, however a keyboard sends it (RFC 8265, `OpaqueString`).

use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, GeneralCategory, HangulSyllableType, JoiningType,
    NoncharacterCodePoint, Script,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';

/// The password in its one form: every space is U+0020, and letters are composed (NFC). `None` if it has a character outside of
/// PRECIS' `FreeformClass` (RFC 8264, 4.3): one that can't be seen or typed, or is not assigned.
///
/// Characters are looked at after normalising (RFC 8264, 7): the parts of a decomposed Hangul syllable are none of the class, and
/// the syllable is.
pub(super) fn opaque_string(typed: &str) -> Option<String> {
    let prepared: String = typed.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect();
    let characters: Vec<char> = prepared.chars().collect();
    let is_fine = !characters.is_empty() && (0..characters.len()).all(|at| is_freeform(&characters, at));
    is_fine.then_some(prepared)
}

fn is_space(character: char) -> bool {
    category(character) == GeneralCategory::SpaceSeparator
}

/// The algorithm of RFC 8264, 8, in its order.
fn is_freeform(text: &[char], at: usize) -> bool {
    let character = text[at];
    match character {
        // Exceptions that are always fine, never, or by what stands around them (RFC 5892, 2.6).
        '\u{DF}' | '\u{3C2}' | '\u{6FD}' | '\u{6FE}' | '\u{F0B}' | '\u{3007}' => return true,
        '\u{640}' | '\u{7FA}' | '\u{302E}' | '\u{302F}' | '\u{3031}'..='\u{3035}' | '\u{303B}' => {
            return false;
        }
        '\u{B7}' | '\u{375}' | '\u{5F3}' | '\u{5F4}' | '\u{30FB}' => return fits_in(text, at),
        '\u{660}'..='\u{669}' => return !text.iter().any(|c| matches!(c, '\u{6F0}'..='\u{6F9}')),
        '\u{6F0}'..='\u{6F9}' => return !text.iter().any(|c| matches!(c, '\u{660}'..='\u{669}')),
        ZWNJ | ZWJ => return joins(text, at),
        _ => {}
    }
    let syllable = CodePointMapData::<HangulSyllableType>::new().get(character);
    let is_old_jamo = matches!(
        syllable,
        HangulSyllableType::LeadingJamo | HangulSyllableType::VowelJamo | HangulSyllableType::TrailingJamo
    );
    let is_ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(character);
    let is_in_no_class = matches!(
        category(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    );
    !(is_old_jamo || is_ignorable || is_in_no_class)
}

/// The rules of RFC 5892, appendices A.3 to A.7.
fn fits_in(text: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| text[before]);
    let after = text.get(at + 1).copied();
    match text[at] {
        '\u{B7}' => before == Some('l') && after == Some('l'),
        '\u{375}' => after.is_some_and(|after| script(after) == Script::Greek),
        '\u{30FB}' => {
            text.iter().any(|&c| matches!(script(c), Script::Hiragana | Script::Katakana | Script::Han))
        }
        _ => before.is_some_and(|before| script(before) == Script::Hebrew),
    }
}

/// The rules of RFC 5892, appendices A.1 and A.2: behind a virama, or, for ZWNJ, between letters that would join.
fn joins(text: &[char], at: usize) -> bool {
    let class = CodePointMapData::<CanonicalCombiningClass>::new();
    if at > 0 && class.get(text[at - 1]) == CanonicalCombiningClass::Virama {
        return true;
    }
    let joining = CodePointMapData::<JoiningType>::new();
    let is_solid = |joining: &JoiningType| *joining != JoiningType::Transparent;
    let before = text[..at].iter().rev().map(|&c| joining.get(c)).find(is_solid);
    let after = text[at + 1..].iter().map(|&c| joining.get(c)).find(is_solid);
    text[at] == ZWNJ
        && matches!(before, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(after, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

fn script(character: char) -> Script {
    CodePointMapData::<Script>::new().get(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 8265, 4.3, tables 7 and 8.
        assert_eq!(opaque_string("correct horse battery staple").unwrap(), "correct horse battery staple");
        assert_eq!(opaque_string("Correct Horse Battery Staple").unwrap(), "Correct Horse Battery Staple");
        assert_eq!(opaque_string("πßå").unwrap(), "πßå");
        assert_eq!(opaque_string("Jack of ♦s").unwrap(), "Jack of ♦s");
        assert_eq!(opaque_string("foo\u{1680}bar").unwrap(), "foo bar");
        assert_eq!(opaque_string(""), None);
        assert_eq!(opaque_string("my cat is a \u{9}by"), None);
    }

    #[test]
    fn letters_are_composed_before_they_are_looked_at() {
        let decomposed = "\u{1107}\u{1175}\u{1106}\u{1175}\u{11AF}";
        assert_eq!(opaque_string(decomposed).unwrap(), "비밀");
        assert_eq!(opaque_string("cafe\u{301}").unwrap(), "café");
        assert_eq!(opaque_string("a\u{3000}b\u{A0}c").unwrap(), "a b c");
        assert_eq!(opaque_string("ＡＢＣ").unwrap(), "ＡＢＣ", "width is kept");
        assert_eq!(opaque_string("🍰 macaron").unwrap(), "🍰 macaron");
    }

    #[test]
    fn what_is_not_of_the_class_is_refused() {
        for character in [
            '\0',
            '\n',
            '\u{7F}',
            '\u{85}',
            '\u{200B}',
            '\u{202E}',
            '\u{2028}',
            '\u{FEFF}',
            '\u{AD}',
            '\u{FE0F}',
            '\u{3164}',
            '\u{1160}',
            '\u{115F}',
            '\u{E0041}',
            '\u{E000}',
            '\u{378}',
            '\u{FFFF}',
            '\u{640}',
            '\u{302E}',
            '\u{1100}',
            '\u{200D}',
            '\u{200C}',
            '\u{B7}',
            '\u{375}',
            '\u{5F3}',
            '\u{30FB}',
        ] {
            assert_eq!(opaque_string(&format!("pass{character}word")), None, "{character:?}");
        }
    }

    #[test]
    fn some_characters_are_fine_where_they_belong() {
        for text in
            ["l·l", "\u{375}α", "ג\u{5F3}", "カ\u{30FB}キ", "٣٤", "۳۴", "क्\u{200D}ष", "می\u{200C}خواهم"]
        {
            assert_eq!(opaque_string(text).as_deref(), Some(text), "{text:?}");
        }
        assert_eq!(opaque_string("٣۴"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_the_form_is_its_own_form(text in any::<String>()) {
            if let Some(prepared) = opaque_string(&text) {
                prop_assert_eq!(opaque_string(&prepared), Some(prepared.clone()));
                let decomposed: String = prepared.nfd().collect();
                prop_assert_eq!(opaque_string(&decomposed), Some(prepared));
            }
        }
    }
}
