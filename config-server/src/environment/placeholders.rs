//! Rules: placeholders, `${key}` and `${key:default}`. They are those of Spring.
//!
//! In `.properties` renderings and plain files, the whole text is resolved, and what can't be resolved stays as it is. In
//! `.yml` and `.json` renderings, each text is resolved, and a value that a placeholder leads to must resolve completely.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use thiserror::Error;

use super::answer::Source;

const PREFIX: &str = "${";
const SUFFIX: char = '}';
const SEPARATOR: char = ':';
const ESCAPE: char = '\\';

/// How many placeholders are resolved for one answer. Without a limit, placeholders that each name another one twice would grow
/// exponentially.
const STEPS_MAX: usize = 100_000;
const BYTES_MAX: usize = 16 * 1024 * 1024;
const DEPTH_MAX: usize = 64;

/// What an escaped placeholder is replaced with while the others are resolved.
const MASK: &str = "$_{";

/// `\${` in a text, or `\\${` in JSON.
static ESCAPED: LazyLock<Regex> = LazyLock::new(|| regex(r"[\\]{1,2}\$\{"));

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| regex(r"\$\{[^}]+\}"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant")
}

/// Why a placeholder can't be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum PlaceholderError {
    #[error("the placeholders of `{0}` lead back to it")]
    Circular(String),
    #[error("there is no value for the placeholder `{0}`")]
    Unresolvable(String),
    #[error("the placeholders stand for too much")]
    TooMuch,
}

/// Resolves placeholders with the values of an environment.
pub(super) struct Resolver<'answer> {
    values: HashMap<&'answer str, String>,
    steps: usize,
    bytes: usize,
}

/// How a text is resolved.
#[derive(Clone, Copy)]
struct Mode {
    /// Whether a backslash keeps a placeholder or a separator from being one.
    has_escapes: bool,
    /// Whether a placeholder without a value is an error. Otherwise it stays as it is.
    is_strict: bool,
    /// Whether the values that placeholders lead to are resolved by themselves first, strictly.
    resolves_values: bool,
}

const WHOLE_TEXT: Mode = Mode { has_escapes: true, is_strict: false, resolves_values: false };
const SINGLE_VALUE: Mode = Mode { has_escapes: false, is_strict: false, resolves_values: true };
const NESTED_VALUE: Mode = Mode { has_escapes: true, is_strict: true, resolves_values: false };

/// A part of a text.
enum Part {
    Text(String),
    /// The whole text of the placeholder, the parts of its key, and those of its default.
    Placeholder {
        text: String,
        key: Vec<Part>,
        default: Option<Vec<Part>>,
    },
}

impl<'answer> Resolver<'answer> {
    /// Takes the values of an environment. The first source that has a key wins.
    pub(super) fn new(sources: &'answer [Source]) -> Self {
        let mut values = HashMap::new();
        for source in sources {
            for (key, served) in &source.source {
                values.entry(key.as_str()).or_insert_with(|| served.value.to_string());
            }
        }
        Self { values, steps: STEPS_MAX, bytes: BYTES_MAX }
    }

    /// Resolves all placeholders in a text.
    pub(super) fn resolve_text(&mut self, text: &str) -> Result<String, PlaceholderError> {
        let masked = ESCAPED.replace_all(text, MASK.replace('$', "$$"));
        Ok(self.resolve(&masked, WHOLE_TEXT, &mut Vec::new())?.replace(MASK, PREFIX))
    }

    /// Resolves the placeholders in one value.
    pub(super) fn resolve_value(&mut self, value: &str) -> Result<String, PlaceholderError> {
        if !PLACEHOLDER.is_match(value) {
            return Ok(value.to_owned());
        }
        let masked = ESCAPED.replace_all(value, MASK.replace('$', "$$"));
        Ok(self.resolve(&masked, SINGLE_VALUE, &mut Vec::new())?.replace(MASK, PREFIX))
    }

    fn resolve(
        &mut self,
        text: &str,
        mode: Mode,
        visited: &mut Vec<String>,
    ) -> Result<String, PlaceholderError> {
        let parts = parse(text, mode, 0)?;
        self.join(&parts, mode, visited)
    }

    fn join(
        &mut self,
        parts: &[Part],
        mode: Mode,
        visited: &mut Vec<String>,
    ) -> Result<String, PlaceholderError> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Placeholder { text: whole, key, default } => {
                    text.push_str(&self.placeholder(whole, key, default.as_deref(), mode, visited)?);
                }
            }
        }
        self.bytes = self.bytes.checked_sub(text.len()).ok_or(PlaceholderError::TooMuch)?;
        Ok(text)
    }

    fn placeholder(
        &mut self,
        whole: &str,
        key: &[Part],
        default: Option<&[Part]>,
        mode: Mode,
        visited: &mut Vec<String>,
    ) -> Result<String, PlaceholderError> {
        // A key may have the separator in it, so the whole text is tried first.
        if !whole.contains(PREFIX)
            && default.is_some()
            && let Some(value) = self.value(whole, mode, visited)?
        {
            return Ok(value);
        }
        let key = self.join(key, mode, visited)?;
        if let Some(value) = self.value(&key, mode, visited)? {
            return Ok(value);
        }
        match default {
            Some(default) => self.join(default, mode, visited),
            None if mode.is_strict => Err(PlaceholderError::Unresolvable(key)),
            None => Ok(format!("{PREFIX}{key}{SUFFIX}")),
        }
    }

    /// The value of a key, with its placeholders resolved.
    fn value(
        &mut self,
        key: &str,
        mode: Mode,
        visited: &mut Vec<String>,
    ) -> Result<Option<String>, PlaceholderError> {
        self.steps = self.steps.checked_sub(1).ok_or(PlaceholderError::TooMuch)?;
        let name = if mode.resolves_values { key.trim() } else { key };
        let Some(value) = self.values.get(name).cloned() else { return Ok(None) };
        if visited.iter().any(|visited| visited == key) {
            return Err(PlaceholderError::Circular(key.to_owned()));
        }
        if visited.len() >= DEPTH_MAX {
            return Err(PlaceholderError::TooMuch);
        }
        let value =
            if mode.resolves_values { self.resolve(&value, NESTED_VALUE, &mut Vec::new())? } else { value };
        visited.push(key.to_owned());
        let resolved = self.resolve(&value, mode, visited)?;
        visited.pop();
        Ok(Some(resolved))
    }
}

fn parse(text: &str, mode: Mode, depth: usize) -> Result<Vec<Part>, PlaceholderError> {
    if depth > DEPTH_MAX {
        return Err(PlaceholderError::TooMuch);
    }
    let ends = ends(text);
    let mut parts = Vec::new();
    let mut position = 0;
    let mut from = 0;
    while let Some(start) = text[from..].find(PREFIX).map(|offset| from + offset) {
        let inner = start + PREFIX.len();
        let Some(&end) = ends.get(&start) else {
            from = inner;
            continue;
        };
        if mode.has_escapes && text[..start].ends_with(ESCAPE) {
            push_text(&mut parts, &text[position..start - ESCAPE.len_utf8()]);
            push_text(&mut parts, PREFIX);
            from = inner;
            position = inner;
            continue;
        }
        push_text(&mut parts, &text[position..start]);
        parts.push(parse_placeholder(&text[inner..end], mode, depth)?);
        position = end + SUFFIX.len_utf8();
        from = position;
    }
    push_text(&mut parts, &text[position..]);
    Ok(parts)
}

/// The end of each placeholder by its start. Brackets in it are counted.
fn ends(text: &str) -> HashMap<usize, usize> {
    let mut ends = HashMap::new();
    let mut open: Vec<Option<usize>> = Vec::new();
    for (place, char) in text.char_indices() {
        match char {
            '{' => open.push(text[..place].ends_with('$').then(|| place - 1)),
            SUFFIX => {
                if let Some(Some(start)) = open.pop() {
                    ends.insert(start, place);
                }
            }
            _ => {}
        }
    }
    ends
}

/// The parts of the key end at the first separator that stands outside of inner placeholders.
fn parse_placeholder(text: &str, mode: Mode, depth: usize) -> Result<Part, PlaceholderError> {
    let mut key = Vec::new();
    let mut parts = parse(text, mode, depth + 1)?.into_iter();
    while let Some(part) = parts.next() {
        let Part::Text(part) = part else {
            key.push(part);
            continue;
        };
        let (before, default) = split_default(&part, mode);
        push_text(&mut key, &before);
        if let Some(default) = default {
            let default = std::iter::once(Part::Text(default)).chain(parts).collect();
            return Ok(Part::Placeholder { text: text.to_owned(), key, default: Some(default) });
        }
    }
    Ok(Part::Placeholder { text: text.to_owned(), key, default: None })
}

fn split_default(text: &str, mode: Mode) -> (String, Option<String>) {
    let mut key = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(SEPARATOR) {
        match before.strip_suffix(ESCAPE) {
            Some(unescaped) if mode.has_escapes => {
                key.push_str(unescaped);
                key.push(SEPARATOR);
                rest = after;
            }
            _ => {
                key.push_str(before);
                return (key, Some(after.to_owned()));
            }
        }
    }
    key.push_str(rest);
    (key, None)
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::answer::Served;
    use crate::format::Scalar;

    fn sources(entries: &[(&str, &str)]) -> Vec<Source> {
        let served = |text: &&str| Served { value: Scalar::Text((*text).to_owned()), origin: None };
        let source = entries.iter().map(|(key, text)| ((*key).to_owned(), served(text))).collect();
        vec![Source { name: "x".to_owned(), source }]
    }

    fn text(text: &str) -> Result<String, PlaceholderError> {
        Resolver::new(&sources(VALUES)).resolve_text(text)
    }

    fn value(text: &str) -> Result<String, PlaceholderError> {
        Resolver::new(&sources(VALUES)).resolve_value(text)
    }

    const VALUES: &[(&str, &str)] = &[
        ("host", "dev"),
        ("which", "host"),
        ("url", "http://${host}/"),
        ("half", "${gone}"),
        ("a", "${b}"),
        ("b", "${a}"),
        ("x:y", "colon"),
    ];

    #[test]
    fn placeholders_are_resolved() {
        for (given, resolved) in [
            ("${host}", "dev"),
            ("${${which}}", "dev"),
            ("a ${url} b", "a http://dev/ b"),
            ("${gone:x}", "x"),
            ("${gone:}", ""),
            ("${gone:http://a:1}", "http://a:1"),
            ("${gone:${host}}", "dev"),
            ("${x:y}", "colon"),
            ("${gone}", "${gone}"),
            ("\\${host}", "${host}"),
            ("\\\\${host}", "${host}"),
            ("${host", "${host"),
            ("#{1+1}", "#{1+1}"),
        ] {
            assert_eq!(text(given).as_deref(), Ok(resolved), "{given}");
            assert_eq!(value(given).as_deref(), Ok(resolved), "{given}");
        }
    }

    #[test]
    fn texts_and_values_differ_in_what_stays() {
        assert_eq!(text("${half}").unwrap(), "${gone}");
        assert_eq!(value("${half}"), Err(PlaceholderError::Unresolvable("gone".to_owned())));
        assert_eq!(text("${ host }").unwrap(), "${ host }");
        assert_eq!(value("${ host }").unwrap(), "dev");
    }

    #[test]
    fn loops_and_growth_end() {
        assert!(matches!(text("${a}"), Err(PlaceholderError::Circular(_))));
        assert!(matches!(value("${a}"), Err(PlaceholderError::Circular(_))));
        let names: Vec<(String, String)> =
            (0..40).map(|n| (format!("k{n}"), format!("${{k{0}}}${{k{0}}}", n + 1))).collect();
        let entries: Vec<(&str, &str)> =
            names.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
        assert_eq!(Resolver::new(&sources(&entries)).resolve_text("${k0}"), Err(PlaceholderError::TooMuch));
        assert_eq!(text(&format!("{}{}", "${".repeat(500), "}".repeat(500))), Err(PlaceholderError::TooMuch));
    }
}
