//! The parameter `keyword`.

use crate::search::Keyword;

/// A rule of the parameter.
pub(super) fn is_keyword(text: &str, (): &()) -> garde::Result {
    Keyword::parse(text).map(|_| ()).map_err(garde::Error::new)
}

/// The keyword of a parameter that keeps the rule; nothing where there is none.
pub(super) fn keyword(text: Option<&str>) -> Keyword {
    text.and_then(|text| Keyword::parse(text).ok()).unwrap_or_default()
}
