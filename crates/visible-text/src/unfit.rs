//! Rules: which texts there are, and why one is refused.

/// The most marks that pile up on one letter. Hebrew with points and accents needs four, Tibetan up to eight.
pub const MAX_MARKS: usize = 8;

/// Whether a text may have lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// It is on one line, without tabs.
    One,
    /// It may have line breaks and tabs.
    Many,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has no visible character.
    #[error("must have a visible character")]
    Invisible,
    /// It has a character that is refused here.
    #[error("must not hold U+{:04X}", u32::from(*.0))]
    Character(char),
    /// A letter carries too many marks.
    #[error("must not have more than {MAX_MARKS} marks on a letter")]
    TooManyMarks,
}
