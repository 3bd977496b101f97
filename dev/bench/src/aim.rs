//! Whether an aim is met, as a word.

/// The word for the report.
pub(crate) fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}
