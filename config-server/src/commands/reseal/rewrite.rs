//! Rules: the new content of a file. Only the sealed values are replaced, so comments, blanks and the order of keys stay. The
//! new content is read again and compared before anybody writes it.

use std::sync::LazyLock;

use regex::bytes::Regex;
use sealing::Sealed;
use secrecy::ExposeSecret as _;

use crate::format::{Document, Format, Scalar};
use crate::sealing::Keyring;

/// A sealed value, wherever it stands: in quotes, in a block, in a comment.
static SEALED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{cipher\}(?:\{[a-z]+(?::[^{}\s'\x22]*)?\})*[A-Za-z0-9+/]*=*").expect("it is a pattern")
});

/// What became of a file.
pub(super) struct Rewritten {
    pub(super) content: Vec<u8>,
    /// The place of each value that is sealed again, and the key that it was sealed with.
    pub(super) done: Vec<(String, String)>,
    /// The place of each value that stays as it was, and the reason.
    pub(super) left: Vec<(String, String)>,
}

/// Replaces the values that another key than the first has sealed.
pub(super) fn rewrite(content: &[u8], documents: &[Document], keyring: &Keyring) -> Rewritten {
    let mut rewritten = Rewritten { content: Vec::new(), done: Vec::new(), left: Vec::new() };
    let mut end = 0;
    let mut found = Vec::new();
    for token in SEALED.find_iter(content) {
        // The pattern is ASCII.
        let Ok(text) = std::str::from_utf8(token.as_bytes()) else { continue };
        let key = key_of(documents, text);
        let line = content[..token.start()].split(|&byte| byte == b'\n').count();
        let place = key.map_or_else(|| format!("line {line}"), |key| format!("line {line}, {key}"));
        found.push(text);
        match seal_again(text, keyring) {
            Ok(Some((sealed, before))) => {
                rewritten.content.extend_from_slice(&content[end..token.start()]);
                rewritten.content.extend_from_slice(sealed.as_bytes());
                end = token.end();
                rewritten.done.push((place, before));
            }
            Err(reason) if key.is_some() => rewritten.left.push((place, reason)),
            // It is sealed with the first key, or it is a comment or a text that only mentions the mark.
            Ok(None) | Err(_) => {}
        }
    }
    rewritten.content.extend_from_slice(&content[end..]);
    // A value that is written with escapes or on several lines is not found in the text.
    for (key, text) in sealed_values(documents).filter(|(_, text)| !found.contains(&text.trim())) {
        if seal_again(text, keyring).is_ok_and(|again| again.is_none()) {
            continue;
        }
        rewritten.left.push((key.to_owned(), "it is written with escapes or on several lines".to_owned()));
    }
    rewritten
}

impl Rewritten {
    /// Whether the new content has the same keys with the same opened values, in the same order.
    pub(super) fn is_same_for(&self, before: &[Document], format: Format, keyring: &Keyring) -> bool {
        let Ok(after) = format.read(&self.content) else { return false };
        let is_same_value = |before: &Scalar, after: &Scalar| match (before, after) {
            (Scalar::Text(before), Scalar::Text(after)) if Sealed::is_marked(before) && before != after => {
                match (keyring.open(before.trim()), keyring.open(after.trim())) {
                    (Ok(before), Ok(after)) => before.expose_secret() == after.expose_secret(),
                    _ => false,
                }
            }
            _ => before == after,
        };
        let is_same_document = |(before, after): (&Document, &Document)| {
            before.entries.len() == after.entries.len()
                && before.entries.iter().zip(&after.entries).all(
                    |((key, entry), (after_key, after_entry))| {
                        key == after_key && is_same_value(&entry.value, &after_entry.value)
                    },
                )
        };
        before.len() == after.len() && before.iter().zip(&after).all(is_same_document)
    }
}

/// The value, sealed with the first key, and the name of the key before. `None` if the first key has sealed it.
fn seal_again(text: &str, keyring: &Keyring) -> Result<Option<(String, String)>, String> {
    let opened = keyring.open(text.trim()).map_err(|error| telemetry::chain(&error))?;
    let key = keyring.sealing_key(None).ok_or("there is no key that seals")?;
    let before = text.parse::<Sealed>().ok().filter(|sealed| keyring.has(sealed.key_name()));
    if before.as_ref().is_some_and(|sealed| sealed.key_name() == key.name()) {
        return Ok(None);
    }
    let before =
        before.map_or_else(|| "a key of Spring".to_owned(), |sealed| format!("`{}`", sealed.key_name()));
    let sealed = key.seal(opened.expose_secret()).map_err(|error| telemetry::chain(&error))?;
    Ok(Some((sealed.to_string(), before)))
}

fn sealed_values(documents: &[Document]) -> impl Iterator<Item = (&str, &str)> {
    documents.iter().flat_map(|document| &document.entries).filter_map(|(key, entry)| match &entry.value {
        Scalar::Text(text) if Sealed::is_marked(text) => Some((key.as_str(), text.as_str())),
        _ => None,
    })
}

fn key_of<'documents>(documents: &'documents [Document], sealed: &str) -> Option<&'documents str> {
    sealed_values(documents).find(|(_, text)| text.trim() == sealed).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sealing::OpeningKey;

    use super::*;
    use crate::sealing::spring::{SpringKeys, SpringSettings};

    /// Spring's documented value: the key `foo`, the value `mysecret`.
    const SPRING: &str = "{cipher}682bc583f4641835fa2db009355293665d2647dade3375c0ee201de2a49f7bda";

    fn keyring() -> Keyring {
        let key = |name: &str| OpeningKey::generate(name.parse().unwrap());
        let spring = SpringSettings { key: Some("foo".to_owned().into()), ..SpringSettings::default() };
        Keyring::new(vec![key("new"), key("old")]).unwrap().with_spring(SpringKeys::read(&spring).unwrap())
    }

    fn seal(keyring: &Keyring, name: &str, value: &str) -> String {
        keyring.sealing_key(Some(name)).unwrap().seal(value).unwrap().to_string()
    }

    fn run(format: Format, content: &str, keyring: &Keyring) -> Rewritten {
        let documents = format.read(content.as_bytes()).unwrap();
        let rewritten = rewrite(content.as_bytes(), &documents, keyring);
        assert!(rewritten.is_same_for(&documents, format, keyring), "{content}");
        rewritten
    }

    #[test]
    fn only_what_another_key_has_sealed_is_replaced() {
        let keyring = keyring();
        let (old, new) = (seal(&keyring, "old", "first"), seal(&keyring, "new", "second"));
        let content = format!(
            "# before: '{old}'\r\nb: '{old}'  # why\na: \"{new}\"\n---\nlist:\n  - {{x: '{SPRING}'}}\nblock: >-\n  {old}\n"
        );

        let rewritten = run(Format::Yaml, &content, &keyring);

        let text = String::from_utf8(rewritten.content).unwrap();
        assert!(rewritten.left.is_empty(), "{:?}", rewritten.left);
        let places: Vec<&str> = rewritten.done.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["line 1, b", "line 2, b", "line 6, list[0].x", "line 8, b"]);
        assert!(!text.contains("{key:old}") && !text.contains(SPRING), "{text}");
        let names = SEALED.replace_all(text.as_bytes(), b"SEALED".as_slice());
        assert_eq!(
            String::from_utf8(names.into_owned()).unwrap(),
            "# before: 'SEALED'\r\nb: 'SEALED'  # why\na: \"SEALED\"\n---\nlist:\n  - {x: 'SEALED'}\nblock: >-\n  SEALED\n"
        );
        assert!(text.contains(&new));
    }

    #[test]
    fn what_no_key_opens_stays_and_is_named() {
        let keyring = keyring();
        let content = format!(
            "# {{cipher}}AAAA is only shown\na={{cipher}}{{key:gone}}AAAA\nb={}\nc={{cipher}}\n",
            seal(&keyring, "old", "x")
        );

        let rewritten = run(Format::Properties, &content, &keyring);

        let left: Vec<&str> = rewritten.left.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(left, ["line 2, a", "line 4, c"]);
        assert_eq!(rewritten.done.len(), 1);
    }

    #[test]
    fn a_value_that_is_written_with_escapes_is_named() {
        let keyring = keyring();
        let old = seal(&keyring, "old", "x");
        let (head, tail) = old.split_at(30);

        let rewritten = run(Format::Properties, &format!("a={head}\\\n  {tail}\n"), &keyring);

        assert!(
            rewritten.left.iter().any(|(place, reason)| place == "a" && reason.contains("several lines"))
        );
        assert!(rewritten.done.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Whatever stands around a sealed value stays to the byte.
        #[test]
        fn everything_else_stays(
            parts in prop::collection::vec(("([ab:?\\-\\[\\]{},&*!|>'\"%#=<\n é]|a: |- |\n  |---\n|#---\n|b=){0,12}", 0..5_usize), 0..6),
            is_yaml in any::<bool>(),
        ) {
            let keyring = keyring();
            let sealed = [seal(&keyring, "old", "x"), seal(&keyring, "new", "y"), SPRING.to_owned(), "{cipher}AAAA".to_owned()];
            let mut content = String::new();
            for (text, number) in parts {
                content.push_str(&text);
                content.push_str(sealed.get(number).map_or("", String::as_str));
            }
            let format = if is_yaml { Format::Yaml } else { Format::Properties };
            let Ok(documents) = format.read(content.as_bytes()) else { return Ok(()) };

            let rewritten = rewrite(content.as_bytes(), &documents, &keyring);

            let around = |content: &[u8]| SEALED.replace_all(content, b"SEALED".as_slice()).into_owned();
            prop_assert_eq!(around(&rewritten.content), around(content.as_bytes()), "{}", content);
        }
    }
}
