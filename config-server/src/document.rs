//! Reads a YAML file strictly: a duplicate key is an error.

use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use settings::{DocumentError, PropertySource};
use thiserror::Error;

/// Why a file can't be used as settings.
#[derive(Debug, Error)]
pub enum YamlError {
    /// The file is not UTF-8.
    #[error("it is not UTF-8")]
    Encoding(#[source] std::str::Utf8Error),
    /// The file is not well-formed YAML, or has a duplicate key.
    #[error("it is not well-formed YAML{}", position(source))]
    Syntax {
        /// The cause. It never shows lines of the file, which may contain secrets.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// The YAML has a value that settings can't have.
    #[error("it can't be used as settings")]
    Document(#[source] DocumentError),
}

/// Converts the content of a file into a property source with this name.
pub(crate) fn read(name: &str, content: &[u8]) -> Result<PropertySource, YamlError> {
    let text = std::str::from_utf8(content).map_err(YamlError::Encoding)?;
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        // `no`, `on`, `0755` and `1_000` stay texts. The type that reads a value decides its kind.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    let document = match serde_saphyr::from_str_with_options(text, options) {
        Ok(Value::Null) => Value::Object(serde_json::Map::new()),
        Ok(document) => document,
        Err(source) => return Err(YamlError::Syntax { source: Box::new(source) }),
    };
    PropertySource::from_document(name.to_owned(), &document).map_err(YamlError::Document)
}

fn position(error: &serde_saphyr::Error) -> String {
    error
        .location()
        .map(|location| format!(" at line {}, column {}", location.line(), location.column()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flat(text: &str) -> Value {
        json!(read("x.yml", text.as_bytes()).unwrap().source)
    }

    #[test]
    fn values_keep_their_type() {
        assert_eq!(
            flat("a: 1\nb: true\nc: text\nd: \"2\"\ne: 0.5\nf: no\ng: 0755\nh: 1_000\ni: .inf\nj:\nk: -7"),
            json!({
                "a": 1, "b": true, "c": "text", "d": "2", "e": 0.5, "f": "no", "g": "0755", "h": "1_000",
                "i": ".inf", "j": "", "k": -7,
            })
        );
    }

    #[test]
    fn anchors_and_merges_are_resolved() {
        assert_eq!(
            flat("base: &base {a: 1, b: 2}\nover:\n  <<: *base\n  b: 3"),
            json!({"base.a": 1, "base.b": 2, "over.a": 1, "over.b": 3})
        );
    }

    #[test]
    fn a_file_of_comments_has_no_settings() {
        assert_eq!(flat(""), json!({}));
        assert_eq!(flat("# nothing yet\n"), json!({}));
        assert_eq!(flat("---\n"), json!({}));
    }

    #[test]
    fn a_duplicate_key_is_refused_with_its_position() {
        let error = read("x.yml", b"a:\n  b: 1\n  b: 2\n").unwrap_err();

        assert_eq!(error.to_string(), "it is not well-formed YAML at line 3, column 3");
    }

    #[test]
    fn invalid_documents_are_refused() {
        for content in
            ["a: [", "- 1", "text", "a: 1\n---\nb: 2", "a.b: 1\na: {b: 2}", "a: 1\na.b: 2", "a: *nobody"]
        {
            assert!(read("x.yml", content.as_bytes()).is_err(), "{content}");
        }
        assert!(matches!(read("x.yml", b"a: \xff"), Err(YamlError::Encoding(_))));
    }

    #[test]
    fn an_error_does_not_show_the_file() {
        let error = read("x.yml", b"password: hunter2\n  oops: [hunter2").unwrap_err();

        let mut shown = format!("{error}");
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            shown = format!("{shown}: {source}");
            cause = source.source();
        }

        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
