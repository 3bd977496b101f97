//! Rules: what a text that people read may hold, by Unicode's categories.
//!
//! A name that shows nothing, or that turns the text beside it around, deceives whoever reads it. So each free text has a visible
//! character, and none that is only there to hide or to reorder others. All scripts and all emoji are fine.
//!
//! ```
//! use visible_text::{Lines, Unfit, check, tidy};
//!
//! assert_eq!(tidy("  딸기 케이크 🍰\n"), "딸기 케이크 🍰");
//! assert_eq!(check("딸기 케이크 🍰", Lines::One), Ok(()));
//! assert_eq!(check("\u{3164}", Lines::One), Err(Unfit::Invisible));
//! assert_eq!(check("딸기\u{202E}케이크", Lines::One), Err(Unfit::Character('\u{202E}')));
//! ```

mod character;
mod checker;
mod unfit;

use unicode_normalization::UnicodeNormalization;

pub use character::is_hidden;
pub use checker::check;
pub use unfit::{Lines, MAX_MARKS, Unfit};

/// The form in which a text is counted and stored: without white space at its ends, composed (NFC), its line breaks as `\n`.
pub fn tidy(text: &str) -> String {
    text.trim().replace("\r\n", "\n").replace('\r', "\n").nfc().collect()
}

/// The rule of a tidy text on one line, for garde.
pub fn line<C>(text: &str, _: &C) -> garde::Result {
    check(text, Lines::One).map_err(garde::Error::new)
}

/// The rule of a tidy text that may have lines, for garde.
pub fn lines<C>(text: &str, _: &C) -> garde::Result {
    check(text, Lines::Many).map_err(garde::Error::new)
}
