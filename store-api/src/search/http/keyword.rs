//! The parameter `keyword`.

use crate::search::Keyword;

/// The rule of the parameter, for garde.
pub(super) fn is_keyword(text: &str, (): &()) -> garde::Result {
    Keyword::parse(text).map(|_| ()).map_err(garde::Error::new)
}

/// The keyword of a parameter that has passed [`is_keyword`]. Empty if the parameter is missing.
pub(super) fn keyword(text: Option<&str>) -> Keyword {
    text.and_then(|text| Keyword::parse(text).ok()).unwrap_or_default()
}
