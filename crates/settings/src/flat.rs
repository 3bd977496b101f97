//! The two forms of a document of settings: nested, as in YAML, and flat, as in Spring's protocol.
//!
//! ```text
//! routes:
//!   - path: /api/member      ⇄      routes[0].path = /api/member
//! ```
//!
//! The rules are those of Spring's `YamlProcessor`: a `null` or an empty list becomes an empty text, an empty map disappears,
//! and a key that starts with a bracket is appended without a dot.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// Why a document can't be written flat.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FlattenError {
    /// The document is a list or a single value.
    #[error("the document is not a map")]
    NotAMap,
    /// Two values of the document have the same flat key: `a.b` beside `a: {b: …}`.
    #[error("`{0}` is set twice")]
    SetTwice(String),
}

/// Why a flat key can't be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// There are two dots in a row, or a dot at the begin or the end.
    #[error("is not a well-formed key: a part of it is empty")]
    EmptyPart,
    /// A bracket is not closed.
    #[error("is not a well-formed key: a bracket is not closed")]
    OpenBracket,
    /// After a closing bracket there is neither a dot nor a bracket.
    #[error("is not a well-formed key: a dot is missing after a bracket")]
    MissingDot,
}

/// One step of the path from the root of a document to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// The path from the root of a document to a value. It is shown as a dotted key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// Reads a flat key: `routes[0].path`. In brackets there is a number, or a key that may contain dots: `names[a.b]`.
    pub(crate) fn parse(flat_key: &str) -> Result<Self, KeyError> {
        let mut steps = Vec::new();
        let mut rest = flat_key;
        loop {
            if let Some(bracketed) = rest.strip_prefix('[') {
                let (inside, after) = bracketed.split_once(']').ok_or(KeyError::OpenBracket)?;
                steps.push(bracketed_step(inside)?);
                rest = after;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                if key.is_empty() {
                    return Err(KeyError::EmptyPart);
                }
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            }
            if rest.is_empty() {
                return Ok(Self(steps));
            }
            rest = match rest.strip_prefix('.') {
                Some(after_dot) => after_dot,
                None if rest.starts_with('[') => rest,
                None => return Err(KeyError::MissingDot),
            };
        }
    }
}

fn bracketed_step(inside: &str) -> Result<Step, KeyError> {
    if inside.is_empty() {
        return Err(KeyError::EmptyPart);
    }
    Ok(inside.parse().map_or_else(|_| Step::Key(inside.to_owned()), Step::Index))
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Key(key) if key.contains(['.', '[', ']']) => write!(formatter, "[{key}]")?,
                Step::Key(key) if position == 0 => formatter.write_str(key)?,
                Step::Key(key) => write!(formatter, ".{key}")?,
            }
        }
        Ok(())
    }
}

/// Flattens a nested document: from dotted keys to texts, numbers and booleans.
pub fn flatten(document: &Value) -> Result<BTreeMap<String, Value>, FlattenError> {
    let Value::Object(root) = document else {
        return Err(FlattenError::NotAMap);
    };
    let mut flat = BTreeMap::new();
    for (key, value) in root {
        flatten_into(&mut flat, key.clone(), value)?;
    }
    Ok(flat)
}

fn flatten_into(flat: &mut BTreeMap<String, Value>, path: String, value: &Value) -> Result<(), FlattenError> {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if key.starts_with('[') { "" } else { "." };
                flatten_into(flat, format!("{path}{dot}{key}"), value)?;
            }
            Ok(())
        }
        Value::Array(items) if items.is_empty() => put(flat, path, Value::String(String::new())),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| flatten_into(flat, format!("{path}[{index}]"), item)),
        Value::Null => put(flat, path, Value::String(String::new())),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => put(flat, path, value.clone()),
    }
}

fn put(flat: &mut BTreeMap<String, Value>, key: String, value: Value) -> Result<(), FlattenError> {
    if flat.contains_key(&key) {
        return Err(FlattenError::SetTwice(key));
    }
    flat.insert(key, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn lists_are_indexed_and_maps_are_dotted() {
        let flat = flatten(&json!({
            "gateway": {"routes": [{"path": "/api/member", "roles": ["SELLER"]}, {"path": "/api/store"}]},
            "drain": true,
        }))
        .unwrap();

        assert_eq!(
            serde_json::to_value(flat).unwrap(),
            json!({
                "drain": true,
                "gateway.routes[0].path": "/api/member",
                "gateway.routes[0].roles[0]": "SELLER",
                "gateway.routes[1].path": "/api/store",
            })
        );
    }

    #[test]
    fn null_and_empty_lists_become_empty_texts_and_empty_maps_disappear_as_in_spring() {
        let flat = flatten(&json!({"a": null, "b": [], "c": {}})).unwrap();

        assert_eq!(serde_json::to_value(flat).unwrap(), json!({"a": "", "b": ""}));
    }

    #[test]
    fn a_key_set_in_two_spellings_is_refused() {
        let doubled = flatten(&json!({"a.b": 1, "a": {"b": 2}}));

        assert_eq!(doubled, Err(FlattenError::SetTwice("a.b".to_owned())));
    }

    #[test]
    fn a_list_is_not_a_document() {
        assert_eq!(flatten(&json!([1])), Err(FlattenError::NotAMap));
    }

    #[test]
    fn keys_are_read_step_by_step() {
        assert_eq!(
            Path::parse("gateway.routes[0].path"),
            Ok(Path(vec![key("gateway"), key("routes"), Step::Index(0), key("path")]))
        );
        assert_eq!(Path::parse("grid[1][2]"), Ok(Path(vec![key("grid"), Step::Index(1), Step::Index(2)])));
        assert_eq!(Path::parse("names[a.b].x"), Ok(Path(vec![key("names"), key("a.b"), key("x")])));
    }

    #[test]
    fn malformed_keys_are_refused() {
        for malformed in ["", ".a", "a.", "a..b", "a[]", "a[0]."] {
            assert_eq!(Path::parse(malformed), Err(KeyError::EmptyPart), "{malformed}");
        }
        assert_eq!(Path::parse("a[0"), Err(KeyError::OpenBracket));
        assert_eq!(Path::parse("a[0]b"), Err(KeyError::MissingDot));
    }

    #[test]
    fn a_path_is_shown_in_the_form_in_which_it_is_written() {
        for written in ["a", "a.b", "a[0].b", "a[0][1]", "a[b.c].d", "[a.b]"] {
            assert_eq!(Path::parse(written).unwrap().to_string(), written);
        }
    }
}
