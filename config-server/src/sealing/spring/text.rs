//! Rules: the parts of the text after `{cipher}` in a Spring file.

/// A value as Spring has sealed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpringText<'text> {
    /// `{key:ALIAS}`: which key of the key store opens it.
    pub(super) alias: Option<&'text str>,
    /// The sealed value, in hexadecimal digits or Base64.
    pub(super) sealed: &'text str,
}

impl<'text> SpringText<'text> {
    /// Splits a text. Other names are skipped (`{secret:…}`, the password of a key in a JKS file, too), and `{plain}` ends the
    /// names.
    pub(super) fn parse(mut text: &'text str) -> Self {
        let mut alias = None;
        while let Some((name, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
            text = rest;
            if name == "plain" {
                break;
            }
            alias = name.strip_prefix("key:").or(alias);
        }
        Self { alias, sealed: text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_before_the_sealed_value() {
        for (text, alias, sealed) in [
            ("00ff", None, "00ff"),
            ("{key:k1}00ff", Some("k1"), "00ff"),
            ("{secret:s}{key:k1}{other:x}00ff", Some("k1"), "00ff"),
            ("{plain}{key:k1}00ff", None, "{key:k1}00ff"),
            ("{key:k1", None, "{key:k1"),
            ("", None, ""),
        ] {
            assert_eq!(SpringText::parse(text), SpringText { alias, sealed }, "{text}");
        }
    }
}
