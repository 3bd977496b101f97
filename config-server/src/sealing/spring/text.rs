//! Rules: what stands behind `{cipher}` in a file of Spring's.

/// A value as Spring has sealed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpringText<'text> {
    /// `{key:ALIAS}`: which key of the key store opens it.
    pub(super) alias: Option<&'text str>,
    /// `{secret:TEXT}`: the password of this key, if it is another one than that of the key store.
    pub(super) secret: Option<&'text str>,
    /// The sealed value, in hexadecimal digits or Base64.
    pub(super) sealed: &'text str,
}

impl<'text> SpringText<'text> {
    /// Splits a text. Names that nobody knows are skipped, and `{plain}` ends the names.
    pub(super) fn parse(mut text: &'text str) -> Self {
        let (mut alias, mut secret) = (None, None);
        while let Some((name, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
            text = rest;
            match name.split_once(':') {
                Some(("key", value)) => alias = Some(value),
                Some(("secret", value)) => secret = Some(value),
                Some(_) => {}
                None if name == "plain" => break,
                None => {}
            }
        }
        Self { alias, secret, sealed: text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_before_the_sealed_value() {
        for (text, alias, secret, sealed) in [
            ("00ff", None, None, "00ff"),
            ("{key:k1}00ff", Some("k1"), None, "00ff"),
            ("{secret:s}{key:k1}{other:x}00ff", Some("k1"), Some("s"), "00ff"),
            ("{plain}{key:k1}00ff", None, None, "{key:k1}00ff"),
            ("{key:k1", None, None, "{key:k1"),
            ("", None, None, ""),
        ] {
            assert_eq!(SpringText::parse(text), SpringText { alias, secret, sealed }, "{text}");
        }
    }
}
