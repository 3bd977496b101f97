//! Rules: what a single character is.

use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory,
    GeneralCategoryGroup, Script, VariationSelector,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// What a character does in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It can be seen.
    Visible,
    /// It changes how the character before it looks.
    Mark,
    /// It chooses between the looks of the character before it.
    VariationSelector,
    /// It joins its neighbours or keeps them apart: ZWJ and ZWNJ.
    Joiner,
    /// A letter of the tag in an emoji of a flag.
    TagLetter,
    /// The end of such a tag.
    TagEnd,
    /// It can't be seen, and does no harm between others.
    Invisible,
    /// A tab or the end of a line.
    Layout,
    /// No text needs it.
    Refused,
}

const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';
/// The base of each flag that has a tag.
pub(crate) const BLACK_FLAG: char = '\u{1F3F4}';

impl Kind {
    pub(crate) fn of(character: char) -> Self {
        let category = CodePointMapData::<GeneralCategory>::new().get(character);
        match character {
            '\n' | '\t' => Self::Layout,
            ZWNJ | ZWJ => Self::Joiner,
            '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}' => Self::TagLetter,
            '\u{E007F}' => Self::TagEnd,
            _ if has::<VariationSelector>(character) => Self::VariationSelector,
            _ if is_blank(character) => Self::Invisible,
            _ => match category {
                GeneralCategory::Control
                | GeneralCategory::Surrogate
                | GeneralCategory::PrivateUse
                | GeneralCategory::Unassigned
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator => Self::Refused,
                GeneralCategory::SpaceSeparator => Self::Invisible,
                GeneralCategory::Format => Self::of_format(character),
                _ if has::<DefaultIgnorableCodePoint>(character) => Self::Invisible,
                category if GeneralCategoryGroup::Mark.contains(category) => Self::Mark,
                _ => Self::Visible,
            },
        }
    }

    /// Of the characters that format, some say where a line or a syllable may end and which way a neutral character runs, and
    /// some are signs of a script that can be seen. The others override or isolate directions, or are tags.
    fn of_format(character: char) -> Self {
        match character {
            // Soft hyphen; Arabic letter mark, left-to-right and right-to-left mark; zero-width space; word joiner, twice.
            '\u{AD}' | '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}' => {
                Self::Invisible
            }
            // Interlinear annotations.
            '\u{FFF9}'..='\u{FFFB}' => Self::Refused,
            _ if has::<DefaultIgnorableCodePoint>(character) => Self::Refused,
            _ => Self::Visible,
        }
    }
}

/// Whether a reader can't see a character: it is white space, or it is invisible in every text or refused in every text.
pub fn is_hidden(character: char) -> bool {
    !matches!(Kind::of(character), Kind::Visible | Kind::Mark)
}

/// Whether ZWJ or ZWNJ can stand behind a character: it is a picture, or a letter of a script that joins letters.
pub(crate) fn can_be_joined(character: char) -> bool {
    let script = CodePointMapData::<Script>::new().get(character);
    let joins_no_letters = matches!(
        script,
        Script::Common
            | Script::Inherited
            | Script::Latin
            | Script::Greek
            | Script::Cyrillic
            | Script::Armenian
            | Script::Georgian
            | Script::Hebrew
            | Script::Hangul
            | Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Bopomofo
    );
    !joins_no_letters || has::<ExtendedPictographic>(character) || is_emoji_modifier(character)
}

/// Whether a mark counts towards the bound on marks: those that take a place of their own do not pile up.
pub(crate) fn piles_up(character: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    let class = CodePointMapData::<CanonicalCombiningClass>::new().get(character);
    // Viramas stand between consonants that are written as one.
    category != GeneralCategory::SpacingMark && class != CanonicalCombiningClass::Virama
}

fn has<P: icu_properties::props::BinaryProperty>(character: char) -> bool {
    CodePointSetData::new::<P>().contains(character)
}

fn is_emoji_modifier(character: char) -> bool {
    matches!(character, '\u{1F3FB}'..='\u{1F3FF}')
}

/// Letters and symbols of which nothing is drawn, though no property of Unicode says so: the empty braille cell, the musical null
/// note, the blanks of hieroglyphs, and the place of an object that is not there.
fn is_blank(character: char) -> bool {
    matches!(character, '\u{2800}' | '\u{1D159}' | '\u{13441}' | '\u{13442}' | '\u{FFFC}')
}
