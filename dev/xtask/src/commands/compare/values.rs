//! Random values of settings.

use std::fmt::{self, Write as _};

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// Scalars of YAML as they are written. Many are not the texts that they look like.
const SCALARS: &[&str] = &[
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "Yes",
    "TRUE",
    "true",
    "False",
    "~",
    "null",
    "Null",
    "",
    "0",
    "00",
    "7",
    "-7",
    "+7",
    "0755",
    "0o17",
    "0x1F",
    "0b101",
    "1_000",
    "08",
    "1:30",
    "1:30:59",
    "12:5",
    "190:20:30.15",
    "1.5",
    "1.10",
    "-1.5",
    "+.5",
    ".5",
    "5.",
    "1e3",
    "1.0e3",
    "1.5e-7",
    "6.02e+23",
    ".inf",
    "-.INF",
    ".nan",
    "1.2.3",
    "2001-12-14",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "2147483648",
    "4294967296",
    "text",
    "two words",
    "a#b",
    "a #b",
    "\"quoted\"",
    "'single'",
    "\"tab\\tnew\\nline\"",
    "\"\\u0041\\x42\"",
    "'it''s'",
    "\"\"",
    "''",
    "\"yes\"",
    "'0755'",
    "'08'",
    "'1_'",
    "! yes",
    "!!str yes",
    "!!int \"7\"",
    "!!float 1",
    "!!bool \"yes\"",
    "=",
    "<<",
    "-",
    "- x",
    "@x",
    "`x",
    "%x",
    "*x",
    "&a x",
    "? x",
    ": x",
    "x: y",
    "{a: 1}",
    "{a: 1, b: [2, 3]}",
    "{}",
    "[]",
    "[1, yes, 0755]",
    "[[1], [2, {a: 3}]]",
    "${a}",
    "${a.b}",
    "${missing}",
    "${missing:default}",
    "${missing:${a}}",
    "${a:}",
    "$a",
    "$${a}",
    "\\${a}",
    "#{x}",
    "|\n  one\n  two",
    ">\n  one\n  two",
    "|-\n  one\n",
    ">+\n  one\n\n",
    "\"a\\\n  b\"",
    "a\n  b",
];

/// Values in properties files as they are written.
const TEXTS: &[&str] = &[
    "text",
    "",
    " leading",
    "trailing ",
    "a=b",
    "a:b",
    "yes",
    "0755",
    "1.10",
    "\\u00e9",
    "\\uc0c1",
    "a\\tb",
    "a\\nb",
    "a\\\\b",
    "one \\\n    two",
    "${a}",
    "${a.b}",
    "${missing}",
    "${missing:default}",
    "#no comment",
    "a # b",
    "true",
    "~",
    "null",
    "\\ a",
    "\\=",
    "{x}",
    "[1]",
    "1,2,3",
];

const KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "a.b",
    "a.c",
    "a.b.c",
    "x",
    "x.y",
    "list",
    "list[0]",
    "list[1]",
    "Key",
    "key-one",
    "key_two",
    "9",
    "on",
    "\"quoted key\"",
    "\"a.q\"",
    "'[x]'",
    "\"[a.b]\"",
    "? x",
    "true",
    "null",
    "1.5",
    "/path",
    "a b",
];

const PROPERTY_KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "a.b",
    "a.c",
    "a.b.c",
    "x.y",
    "list[0]",
    "list[1]",
    "list[2].a",
    "Key",
    "a\\ b",
    "a\\:b",
    "a\\=b",
    "key-one",
    "[x]",
    "x[a.b]",
    "\\u0061",
];

fn pick<'all>(rng: &mut StdRng, all: &[&'all str]) -> &'all str {
    all.choose(rng).copied().unwrap_or_default()
}

/// A YAML document with so many lines at most, indented by `indent`.
pub(super) fn yaml(rng: &mut StdRng, sealed: &[String], lines: usize, indent: usize) -> String {
    let mut text = String::new();
    let pad = " ".repeat(indent);
    for _ in 0..rng.random_range(1..=lines.max(1)) {
        let key = pick(rng, KEYS);
        match rng.random_range(0..12) {
            0 if indent < 6 => {
                put(&mut text, format_args!("{pad}{key}:\n{}", yaml(rng, sealed, lines / 2, indent + 2)));
            }
            1 => {
                put(&mut text, format_args!("{pad}{key}:\n"));
                for _ in 0..rng.random_range(1..4) {
                    put(&mut text, format_args!("{pad}- {}\n", scalar(rng, sealed, indent)));
                }
            }
            2 if rng.random_bool(0.3) => {
                put(&mut text, format_args!("{pad}# {}\n", pick(rng, TEXTS).replace('\n', " ")));
            }
            _ => put(&mut text, format_args!("{pad}{key}: {}\n", scalar(rng, sealed, indent))),
        }
    }
    text
}

fn scalar(rng: &mut StdRng, sealed: &[String], indent: usize) -> String {
    if rng.random_bool(0.03)
        && let Some(sealed) = sealed_value(rng, sealed)
    {
        return format!("'{sealed}'");
    }
    pick(rng, SCALARS).replace('\n', &format!("\n{}", " ".repeat(indent)))
}

/// The content of a properties file with so many lines at most.
pub(super) fn properties(rng: &mut StdRng, sealed: &[String], lines: usize) -> String {
    let mut text = String::new();
    for _ in 0..rng.random_range(1..=lines.max(1)) {
        let (key, separator) = (pick(rng, PROPERTY_KEYS), pick(rng, &["=", ": ", " = ", " ", "\t"]));
        match rng.random_range(0..16) {
            0 => text.push_str("# a comment\n"),
            1 => text.push_str("! another\\\n"),
            2 => text.push('\n'),
            3 => put(&mut text, format_args!("  {key}\n")),
            4 => put(&mut text, format_args!("{key}={}\n", sealed_value(rng, sealed).unwrap_or_default())),
            _ => put(&mut text, format_args!("{key}{separator}{}\n", pick(rng, TEXTS))),
        }
    }
    text
}

/// A sealed value: as it is, after names of keys, cut off, or no sealed value at all.
fn sealed_value(rng: &mut StdRng, sealed: &[String]) -> Option<String> {
    let sealed = sealed.choose(rng)?;
    Some(match rng.random_range(0..8) {
        0 => format!("{{cipher}}{{key:any}}{sealed}"),
        1 => format!("{{cipher}}{{secret:x}}{{key:any}}{sealed}"),
        2 => format!("{{cipher}}{}", sealed.get(..rng.random_range(0..sealed.len())).unwrap_or_default()),
        3 => "{cipher}".to_owned(),
        4 => "{cipher}no sealed value".to_owned(),
        _ => format!("{{cipher}}{sealed}"),
    })
}

/// A text with placeholders.
pub(super) fn plain_text(rng: &mut StdRng) -> String {
    let mut text = String::new();
    for _ in 0..rng.random_range(1..4) {
        put(&mut text, format_args!("{} {}\n", pick(rng, PROPERTY_KEYS), pick(rng, TEXTS)));
    }
    text
}

fn put(text: &mut String, part: fmt::Arguments<'_>) {
    text.write_fmt(part).expect("writing into a String does not fail");
}
