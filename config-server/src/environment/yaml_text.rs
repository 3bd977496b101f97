//! Writes YAML as `SnakeYAML` does: block style, two blanks of indent, lists without an indent of their own. Long lines are not
//! folded.

use super::nested::{Map, Nested};
use crate::format::{Plain, Scalar, looks_like_octal, looks_like_timestamp, resolve};

/// A longer key is written behind `?`.
const SIMPLE_KEY_MAX_CHARS: usize = 127;

/// Writes a map as a document.
pub(super) fn write_map(map: &Map) -> String {
    if map.is_empty() {
        return "{}\n".to_owned();
    }
    let mut text = String::new();
    map_lines(&mut text, map, 0, false);
    text
}

/// Writes the only value of a document that is no map.
pub(super) fn write_document(value: &Nested) -> String {
    let mut text = String::new();
    match value {
        Nested::List(list) if !list.is_empty() => list_lines(&mut text, list, 0, false),
        other => {
            inline(&mut text, other, 0);
            text.push('\n');
        }
    }
    text
}

/// `is_continued` says that the first line has begun already, behind a hyphen.
fn map_lines(text: &mut String, map: &Map, indent: usize, is_continued: bool) {
    for (position, (key, value)) in map.iter().enumerate() {
        if position > 0 || !is_continued {
            text.push_str(&" ".repeat(indent));
        }
        let key =
            if key.contains('\n') { double_quoted(key) } else { scalar_text(&Scalar::Text(key.clone())) };
        if key.chars().count() > SIMPLE_KEY_MAX_CHARS {
            text.extend(["? ", &key, "\n", &" ".repeat(indent), ":"]);
        } else {
            text.extend([&key, ":"]);
        }
        match value {
            Nested::Map(inner) if !inner.is_empty() => {
                text.push('\n');
                map_lines(text, inner, indent + 2, false);
            }
            Nested::List(list) if !list.is_empty() => {
                text.push('\n');
                list_lines(text, list, indent, false);
            }
            other => {
                text.push(' ');
                inline(text, other, indent + 2);
                end_line(text);
            }
        }
    }
}

fn list_lines(text: &mut String, list: &[Nested], indent: usize, is_continued: bool) {
    for (position, item) in list.iter().enumerate() {
        if position > 0 || !is_continued {
            text.push_str(&" ".repeat(indent));
        }
        text.push_str("- ");
        match item {
            Nested::Map(map) if !map.is_empty() => map_lines(text, map, indent + 2, true),
            Nested::List(inner) if !inner.is_empty() => list_lines(text, inner, indent + 2, true),
            other => {
                inline(text, other, indent + 2);
                end_line(text);
            }
        }
    }
}

/// A literal block ends with its own line end.
fn end_line(text: &mut String) {
    if !text.ends_with('\n') {
        text.push('\n');
    }
}

fn inline(text: &mut String, value: &Nested, indent: usize) {
    match value {
        Nested::Null => text.push_str("null"),
        Nested::List(_) => text.push_str("[]"),
        Nested::Map(_) => text.push_str("{}"),
        Nested::Value(Scalar::Text(value)) if value.contains('\n') => block(text, value, indent),
        Nested::Value(value) => text.push_str(&scalar_text(value)),
    }
}

/// Writes several lines as a literal block.
fn block(text: &mut String, value: &str, indent: usize) {
    let is_blank_at_end = |line: &str| line.ends_with([' ', '\t']);
    let is_printable = value.chars().all(|char| char == '\n' || is_printable(char));
    if !is_printable || value.split('\n').any(is_blank_at_end) {
        text.push_str(&double_quoted(value));
        return;
    }
    text.push('|');
    // The indent must be given if the first line begins with a blank, or is empty.
    if value.starts_with([' ', '\n']) {
        text.push('2');
    }
    match value.strip_suffix('\n') {
        None => text.push('-'),
        Some(rest) if rest.ends_with('\n') || rest.is_empty() => text.push('+'),
        Some(_) => {}
    }
    text.push('\n');
    let lines = value.strip_suffix('\n').unwrap_or(value);
    for line in lines.split('\n') {
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(line);
        }
        text.push('\n');
    }
}

fn scalar_text(value: &Scalar) -> String {
    match value {
        Scalar::Float(value) if value.is_nan() => ".NaN".to_owned(),
        Scalar::Float(value) if value.is_infinite() => if *value > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
        Scalar::Text(value) if value.chars().any(|char| !is_printable(char)) => double_quoted(value),
        Scalar::Text(value) if is_plain(value) => value.clone(),
        Scalar::Text(value) => format!("'{}'", value.replace('\'', "''")),
        other => other.to_string(),
    }
}

/// Whether a text may stand without quotes.
fn is_plain(text: &str) -> bool {
    let is_text = matches!(resolve(text), Plain::Value(Scalar::Text(_)))
        && !looks_like_timestamp(text)
        && !looks_like_octal(text);
    let has_outer_blank = text.starts_with(' ') || text.ends_with(' ');
    let has_indicator = text
        .starts_with(['#', ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`'])
        || text.starts_with("---")
        || text.starts_with("...")
        || ["-", "?", ":"].contains(&text)
        || text.starts_with("- ")
        || text.starts_with("? ")
        || text.contains(": ")
        || text.ends_with(':')
        || text.contains(" #");
    is_text && !has_outer_blank && !has_indicator
}

fn is_printable(char: char) -> bool {
    matches!(char, ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

fn double_quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\0' => quoted.push_str("\\0"),
            char if is_printable(char) => quoted.push(char),
            char => {
                let code = u32::from(char);
                let escaped = if code < 0x100 { format!("\\x{code:02x}") } else { format!("\\u{code:04x}") };
                quoted.push_str(&escaped);
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::nested::nest;

    fn written(text: &str) -> String {
        let value = Scalar::Text(text.to_owned());
        write_map(&nest([("k", &value)]).unwrap())
    }

    #[test]
    fn texts_that_would_be_read_as_something_else_are_quoted() {
        for text in [
            "",
            "true",
            "yes",
            "1",
            "0755",
            "08",
            "0_8",
            "1_",
            "1e3",
            "~",
            "null",
            "2001-12-14",
            "- x",
            "#x",
            "a: b",
            "a #b",
            " a",
            "@x",
            "a:",
            "-",
        ] {
            assert_eq!(written(text), format!("k: '{text}'\n"));
        }
        for text in [
            "a",
            "a:b",
            "http://x:1/",
            "${host}",
            "한글",
            "🍰",
            "1.2.3",
            "a'b",
            "a#b",
            "-x",
            "=",
            "08a",
            "-08",
        ] {
            assert_eq!(written(text), format!("k: {text}\n"));
        }
        assert_eq!(written("tab\there"), "k: \"tab\\there\"\n");
    }

    #[test]
    fn several_lines_are_a_literal_block() {
        assert_eq!(written("a\n b\n\nc\n"), "k: |\n  a\n   b\n\n  c\n");
        assert_eq!(written("a\nb"), "k: |-\n  a\n  b\n");
        assert_eq!(written("a\n\n"), "k: |+\n  a\n\n");
        assert_eq!(written(" a\nb"), "k: |2-\n   a\n  b\n");
        assert_eq!(written("a \nb"), "k: \"a \\nb\"\n");
    }

    #[test]
    fn maps_and_lists_are_nested() {
        let values = ["1", "2", "3", "4"].map(|text| Scalar::Text(format!("v{text}")));
        let keys = ["a.b", "l[0].x", "l[0].y", "m[1][0]"];

        let map = nest(keys.into_iter().zip(&values)).unwrap();

        assert_eq!(write_map(&map), "a:\n  b: v1\nl:\n- x: v2\n  y: v3\nm:\n- null\n- - v4\n");
        assert_eq!(write_map(&Map::new()), "{}\n");
    }
}
