//! The answers that are different on purpose. docs/config-server.md has the same list in words.

/// The name of a case, and the reason.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[
    ("properties-utf8-00", "a properties file that is valid UTF-8 is read as UTF-8"),
    ("properties-utf8-02", "a properties file that is valid UTF-8 is read as UTF-8"),
    ("cipher-plain-02", "a value with a blank before `{cipher}` is opened"),
    ("cipher-plain-03", "a value with a blank before `{cipher}` is opened"),
];
