//! The answers that are different on purpose. docs/config-server.md has the same list in words.

/// The name of a case, and the reason.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];
