//! Rules: what a text may hold, character by character.

use crate::character::{BLACK_FLAG, Kind, can_be_joined, piles_up};
use crate::unfit::{Lines, MAX_MARKS, Unfit};

/// The longest tag of a flag: a country and its part.
const MAX_TAG: usize = 6;

/// Checks a tidy text.
pub fn check(text: &str, lines: Lines) -> Result<(), Unfit> {
    let mut seen = Seen { lines, before: None, base: None, marks: 0, tag: None, is_visible: false };
    text.chars().try_for_each(|character| seen.take(character))?;
    if seen.tag.is_some_and(|letters| letters > 0) {
        return Err(seen.before.map_or(Unfit::Invisible, |(character, _)| Unfit::Character(character)));
    }
    if seen.is_visible { Ok(()) } else { Err(Unfit::Invisible) }
}

/// What has been seen of a text.
struct Seen {
    lines: Lines,
    before: Option<(char, Kind)>,
    /// The last character that marks and joiners belong to.
    base: Option<char>,
    /// How many marks are on it.
    marks: usize,
    /// How many letters the tag of the flag has. `None` if no flag stands right before.
    tag: Option<usize>,
    is_visible: bool,
}

impl Seen {
    fn take(&mut self, character: char) -> Result<(), Unfit> {
        let kind = Kind::of(character);
        let kind_before = self.before.map(|(_, kind)| kind);
        let tag = self.tag.take();
        let is_in_tag = matches!(kind, Kind::TagLetter | Kind::TagEnd);
        let is_tag_open = tag.is_some_and(|letters| letters > 0);
        let is_fine = match kind {
            _ if is_tag_open && !is_in_tag => false,
            Kind::Visible | Kind::Invisible => true,
            Kind::Mark => {
                self.marks += usize::from(piles_up(character));
                if self.marks > MAX_MARKS {
                    return Err(Unfit::TooManyMarks);
                }
                true
            }
            Kind::VariationSelector => matches!(kind_before, Some(Kind::Visible | Kind::Mark)),
            Kind::Joiner => kind_before != Some(Kind::Joiner) && self.base.is_some_and(can_be_joined),
            Kind::TagLetter => {
                self.tag = tag.map(|letters| letters + 1);
                self.tag.is_some_and(|letters| letters <= MAX_TAG)
            }
            Kind::TagEnd => is_tag_open,
            Kind::Layout => self.lines == Lines::Many,
            Kind::Refused => false,
        };
        if !is_fine {
            return Err(Unfit::Character(character));
        }
        match kind {
            Kind::Visible => {
                self.is_visible = true;
                self.base = Some(character);
                self.marks = 0;
                self.tag = (character == BLACK_FLAG).then_some(0);
            }
            // An invisible character does not take the marks off: they still pile up where it stands.
            Kind::Layout | Kind::Invisible => self.base = None,
            _ => {}
        }
        self.before = Some((character, kind));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{is_hidden, tidy};

    fn line(text: &str) -> Result<(), Unfit> {
        check(&tidy(text), Lines::One)
    }

    #[test]
    fn a_text_of_nothing_but_invisible_characters_is_refused() {
        let samples = [
            "",
            " ",
            "\u{3000}",
            "\u{A0}",
            "\u{2003}",
            "\u{200B}",
            "\u{2060}",
            "\u{FEFF}",
            "\u{AD}",
            "\u{34F}",
            "\u{115F}",
            "\u{1160}",
            "\u{3164}",
            "\u{FFA0}",
            "\u{17B4}",
            "\u{2800}",
            "\u{1D159}",
            "\u{13441}",
            "\u{FFFC}",
            "\u{200E}",
            "\u{200F}",
            "\u{61C}",
            "\u{301}",
            "\u{301}\u{302}",
            "\u{20DD}",
            "\u{93E}",
            "\u{3164}\u{301}",
            "\u{200B}\u{2800} \u{FEFF}",
        ];
        for text in samples {
            assert_eq!(line(text), Err(Unfit::Invisible), "{text:?}");
        }
    }

    #[test]
    fn what_hides_or_reorders_is_refused_between_visible_characters_too() {
        let refused = [
            '\0',
            '\u{1B}',
            '\u{7F}',
            '\u{85}',
            '\u{9F}', // controls
            '\u{202A}',
            '\u{202B}',
            '\u{202C}',
            '\u{202D}',
            '\u{202E}',
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{2028}',
            '\u{2029}', // separators of lines and paragraphs
            '\u{206A}',
            '\u{206F}',
            '\u{2061}',
            '\u{2064}',
            '\u{180E}',
            '\u{1BCA0}',
            '\u{1D173}',
            '\u{FFF9}',
            '\u{FFFB}',
            '\u{E0001}',
            '\u{E0020}',
            '\u{E0041}',
            '\u{E0061}',
            '\u{E007F}', // tags
            '\u{E000}',
            '\u{F8FF}',
            '\u{F0000}',
            '\u{10FFFD}', // private use
            '\u{378}',
            '\u{2065}',
            '\u{E0FFF}', // unassigned
            '\u{FDD0}',
            '\u{FFFE}',
            '\u{FFFF}',
            '\u{1FFFE}',
            '\u{10FFFF}', // no characters
        ];
        for character in refused {
            for lines in [Lines::One, Lines::Many] {
                assert_eq!(
                    check(&format!("달{character}콤"), lines),
                    Err(Unfit::Character(character)),
                    "{character:?}"
                );
            }
            assert!(line(&character.to_string()).is_err(), "{character:?} alone");
        }
    }

    #[test]
    fn all_scripts_are_fine() {
        let samples = [
            "김달콤",
            "ㄱㄴㄷ",
            "ᄒᆞᆫ글",
            "딸기 케이크 (1호)",
            "店長のケーキ",
            "ﾏｶﾛﾝ",
            "ＣＡＫＥ",
            "Crème brûlée",
            "Nguyễn Thị",
            "Ελληνικά",
            "Торт",
            "שָׁלוֹם",
            "בְּרֵאשִׁ֖ית",
            "كعكة",
            "می\u{200C}خواهم",
            "ه\u{200D}",
            "हिन्दी",
            "क्\u{200D}ष",
            "क्\u{200C}ष",
            "ശ്രീ",
            "เค้ก",
            "ខ្ញុំ",
            "မြန်မာ",
            "བོད་ཡིག",
            "ཧྐྵྨླྺྼྻྂ",
            "ᠮᠣᠩᠭᠣᠯ\u{180B}",
            "ሰላም",
            "ߒߞߏ",
            "葛\u{E0100}",
            "Ա",
            "ქ",
            "שלום\u{200F}!",
            "ไทย\u{200B}แลนด์",
            "Zucker\u{AD}bäcker",
            "-",
            "1",
            "₩",
            "𝒞𝒶𝓀ℯ",
            "e\u{301}",
            "\u{600}١٢",
        ];
        for text in samples {
            assert_eq!(line(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn all_emoji_are_fine() {
        let samples = [
            "🍰",
            "❤\u{FE0F}",
            "☎\u{FE0E}",
            "1\u{FE0F}\u{20E3}",
            "🇰🇷",
            "👍🏽",
            "👨\u{200D}👩\u{200D}👧\u{200D}👦",
            "👩🏽\u{200D}🍳",
            "🏳\u{FE0F}\u{200D}🌈",
            "❤\u{FE0F}\u{200D}🔥",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}🍰",
            "🏴\u{200D}☠\u{FE0F}",
            "🏴",
        ];
        for text in samples {
            assert_eq!(line(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn what_belongs_into_emoji_and_scripts_is_refused_elsewhere() {
        for text in [
            "\u{200D}",
            "\u{200C}",
            "a\u{200D}b",
            "달\u{200C}콤",
            "🍰\u{200D}\u{200D}🍰",
            "\u{FE0F}",
            "\u{E0100}",
            "a\u{FE0F}\u{FE0F}",
            " \u{FE0F}a",
            "🏴\u{E0067}\u{E0062}",
            "🏴\u{E0067}b",
            "🏴\u{E007F}",
            "🍰\u{E0067}\u{E007F}",
            "🏴\u{E0067}\u{E0067}\u{E0067}\u{E0067}\u{E0067}\u{E0067}\u{E0067}\u{E007F}",
        ] {
            assert!(matches!(line(text), Err(Unfit::Character(_))), "{text:?} {:?}", line(text));
        }
    }

    #[test]
    fn only_texts_with_lines_have_line_breaks_and_tabs() {
        for text in ["a\nb", "a\tb"] {
            assert!(check(text, Lines::One).is_err(), "{text:?}");
            assert_eq!(check(text, Lines::Many), Ok(()), "{text:?}");
        }
        assert_eq!(tidy("a\r\nb\rc\n"), "a\nb\nc");
        assert_eq!(check("\n\t", Lines::Many), Err(Unfit::Invisible));
    }

    #[test]
    fn marks_do_not_pile_up_without_end() {
        let with = |marks| format!("Z{}algo", "\u{336}".repeat(marks));
        assert_eq!(line(&with(MAX_MARKS)), Ok(()));
        assert_eq!(line(&with(MAX_MARKS + 1)), Err(Unfit::TooManyMarks));
        assert_eq!(line(&format!("Z{}", "\u{336}\u{200B}".repeat(MAX_MARKS + 1))), Err(Unfit::TooManyMarks));
    }

    #[test]
    fn a_text_is_stored_composed_and_without_space_around_it() {
        assert_eq!(tidy(" \u{1103}\u{1161}\u{11AF}\u{3000}"), "달");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_can_be_seen(text in any::<String>()) {
            let tidied = tidy(&text);
            prop_assert_eq!(tidy(&tidied), tidied.clone());
            for lines in [Lines::One, Lines::Many] {
                if check(&tidied, lines).is_ok() {
                    prop_assert!(tidied.chars().any(|character| !is_hidden(character)));
                    prop_assert!(!tidied.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')));
                }
            }
        }

        #[test]
        fn invisible_characters_in_any_order_never_pass(text in "[\u{200B}\u{3164}\u{115F}\u{2800}\u{FEFF}\u{301}\u{FE0F}\u{200D}\u{202E}\u{2028}\u{E0041}\0 ]{0,20}") {
            prop_assert!(line(&text).is_err());
        }
    }
}
