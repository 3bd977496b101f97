//! Rules: when two texts look the same to a reader.

use unicode_normalization::UnicodeNormalization;

/// The form in which texts are compared, to find taken names and to find words.
///
/// Compatibility composition (NFKC) turns full-width letters, half-width kana and decomposed Hangul into their usual
/// forms. Then all letters become lower case, and invisible characters are removed. The result is composed again, because
/// the removal can bring characters together that compose.
pub fn normalise(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).filter(|character| !is_invisible(*character)).nfkc().collect()
}

/// The words of a normalised text: the parts between white space.
pub fn words(normalised: &str) -> impl Iterator<Item = &str> {
    normalised.split_whitespace()
}

/// Whether a character is invisible: two names that differ only by such characters look the same. The list has those of
/// Unicode's `Default_Ignorable_Code_Point` that occur in texts that people type or paste.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_width_and_unicode_form_make_no_difference() {
        let decomposed: String = "달콤 케이크".nfd().collect();
        assert_ne!(decomposed, "달콤 케이크");
        assert_eq!(normalise(&decomposed), "달콤 케이크");
        assert_eq!(normalise("ＣＡＫＥ　５ｋｇ"), "cake 5kg");
        assert_eq!(normalise("CAFÉ"), normalise("cafe\u{301}"));
        assert_eq!(normalise("ﾏｶﾛﾝ"), "マカロン");
        assert_eq!(normalise("케\u{200B}이크\u{FEFF}"), "케이크");
    }

    proptest! {
        #[test]
        fn what_is_normalised_stays_as_it_is(text in "\\PC{0,40}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
