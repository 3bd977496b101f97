//! Rules: what an operator posts to `/encrypt` and `/decrypt`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// A value that is to be sealed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ToSeal<'text> {
    /// `{key:NAME}`: which key seals it.
    pub(crate) key: Option<&'text str>,
    pub(crate) value: &'text str,
}

impl<'text> ToSeal<'text> {
    /// Splits a text. `{secret:…}` is skipped, and `{plain}` ends the names: the value can begin with `{key:…}` behind it.
    /// All other braces belong to the value.
    pub(crate) fn parse(mut text: &'text str) -> Self {
        let mut key = None;
        while let Some((name, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
            if name == "plain" {
                text = rest;
                break;
            } else if let Some(name) = name.strip_prefix("key:") {
                key = Some(name);
            } else if !name.starts_with("secret:") {
                break;
            }
            text = rest;
        }
        Self { key, value: text }
    }
}

/// The text of a body. `None` if it is not UTF-8.
///
/// `curl -d` sends text as a form that has one name and no value. Then escapes are resolved and the `=` at the end is dropped,
/// as in Spring.
pub(crate) fn text(body: &[u8], is_form: bool) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(body).ok()?;
    if !is_form {
        return Some(Zeroizing::new(text.to_owned()));
    }
    let text = Zeroizing::new(text.replace('+', " "));
    let decoded: Cow<'_, str> = percent_decode_str(&text).decode_utf8().ok()?;
    let decoded = Zeroizing::new(decoded.into_owned());
    Some(Zeroizing::new(decoded.strip_suffix('=').unwrap_or(&decoded).to_owned()))
}

/// A sealed text of a body, with or without `{cipher}`. In a form, a `+` of Base64 has become a space, and a `=` at the end
/// may belong to Base64.
pub(crate) fn sealed_text(body: &[u8], is_form: bool) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    if !is_form {
        return Some(text.trim().to_owned());
    }
    let decoded = percent_decode_str(text.trim()).decode_utf8().ok()?.replace(' ', "+");
    let candidate = decoded.strip_suffix('=').unwrap_or(&decoded);
    let sealed = candidate.rsplit('}').next().unwrap_or_default();
    let is_whole = hex::decode(sealed).is_ok() || sealed.len().is_multiple_of(4);
    Some(if is_whole { candidate.to_owned() } else { decoded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_keys_are_taken_from_a_value() {
        for (text, key, value) in [
            ("hunter2", None, "hunter2"),
            ("{key:new}hunter2", Some("new"), "hunter2"),
            ("{secret:s}{key:new}hunter2", Some("new"), "hunter2"),
            ("{plain}{key:new}hunter2", None, "{key:new}hunter2"),
            ("{\"a\": 1}", None, "{\"a\": 1}"),
            ("{", None, "{"),
            ("", None, ""),
        ] {
            assert_eq!(ToSeal::parse(text), ToSeal { key, value }, "{text}");
        }
    }

    #[test]
    fn a_form_is_read_as_spring_reads_it() {
        for (body, is_form, expected) in
            [("a+b=", false, "a+b="), ("a+b=", true, "a b"), ("a%2Bb=", true, "a+b"), ("a", true, "a")]
        {
            assert_eq!(text(body.as_bytes(), is_form).unwrap().as_str(), expected, "{body}");
        }
        assert!(text(b"%ff", true).is_none());
        assert!(text(b"\xff", false).is_none());
    }

    #[test]
    fn base64_in_a_form_keeps_its_end() {
        for (body, expected) in [
            ("00ff=", "00ff"),
            ("{key:k}AB+DEFG=", "{key:k}AB+DEFG="),
            ("{key:k}AB+DEFG==", "{key:k}AB+DEFG="),
            ("AB%2BDEFGH=", "AB+DEFGH"),
            (" {cipher}00ff\n", "{cipher}00ff"),
        ] {
            assert_eq!(sealed_text(body.as_bytes(), true).unwrap(), expected, "{body}");
        }
        assert_eq!(sealed_text(b"AB+D\n", false).unwrap(), "AB+D");
    }
}
