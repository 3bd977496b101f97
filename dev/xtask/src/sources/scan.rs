//! The declarations, imports and paths in a Rust file.
//!
//! It reads the tokens and not the syntax tree, so that the arguments of macros and attributes count like other code.

use std::collections::BTreeSet;

use anyhow::{Context as _, anyhow};
use proc_macro2::{Group, TokenStream, TokenTree};

use super::tokens::{
    attribute, end_of_item, is_double_colon, is_exported, is_for_tests, is_identifier, is_public, is_punct,
    plain, word,
};

/// What follows these words is the name of an item that others can import.
const DEFINING: [&str; 8] = ["fn", "trait", "struct", "enum", "union", "const", "static", "type"];

/// Whether the code under `#[cfg(test)]` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tests {
    Read,
    Skipped,
}

/// The declarations, imports and paths of one module.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) children: Vec<Child>,
    pub(crate) imports: Vec<Import>,
    /// The names of its items.
    pub(crate) definitions: BTreeSet<String>,
    /// The macros that it exports, under a path of the crate's root.
    pub(crate) exported_macros: BTreeSet<String>,
    /// The paths outside of `use`, each as its names.
    pub(crate) paths: Vec<Vec<String>>,
}

/// `mod name;` or `mod name { … }`
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    /// Its content, if it is written here and not in a file of its own.
    pub(crate) inline: Option<Facts>,
}

/// One name that a `use` brings in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// The name that it has here; `*` for all names of a module.
    pub(crate) name: String,
    /// Whether others can name it by a path of this module.
    pub(crate) reexported: bool,
}

/// Reads a file.
pub(crate) fn scan(text: &str, tests: Tests) -> anyhow::Result<Facts> {
    let tokens: TokenStream = text.parse().map_err(|error| anyhow!("it is not Rust: {error}"))?;
    let mut scanner = Scanner { facts: Facts::default(), tests };
    scanner.module(tokens)?;
    Ok(scanner.facts)
}

struct Scanner {
    facts: Facts,
    tests: Tests,
}

impl Scanner {
    /// The body of a module: items are declared here.
    fn module(&mut self, body: TokenStream) -> anyhow::Result<()> {
        let tokens: Vec<TokenTree> = body.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match word(&tokens, at).as_deref() {
                Some("mod") if word(&tokens, at + 1).is_some() => self.child(&tokens, at + 1)?,
                Some("macro_rules") => {
                    let name = word(&tokens, at + 2).context("a macro without a name")?;
                    if is_exported(&tokens[..at]) {
                        self.facts.exported_macros.insert(name.clone());
                    }
                    self.facts.definitions.insert(name);
                    at + 3
                }
                Some(keyword) if DEFINING.contains(&keyword) => {
                    self.facts.definitions.extend(word(&tokens, at + 1));
                    at + 1
                }
                _ => self.token(&tokens, at)?,
            };
        }
        Ok(())
    }

    /// Any other code.
    fn code(&mut self, code: TokenStream) -> anyhow::Result<()> {
        let tokens: Vec<TokenTree> = code.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.token(&tokens, at)?;
        }
        Ok(())
    }

    /// Reads what begins at a token, and gives the position after it.
    fn token(&mut self, tokens: &[TokenTree], at: usize) -> anyhow::Result<usize> {
        if let Some((attribute, end)) = attribute(tokens, at) {
            if self.tests == Tests::Skipped && is_for_tests(attribute) {
                return Ok(end_of_item(tokens, end));
            }
            self.attribute(attribute)?;
            return Ok(end);
        }
        match &tokens[at] {
            TokenTree::Ident(name) if *name == "use" && !is_punct(tokens, at + 1, '<') => {
                Ok(self.import(tokens, at))
            }
            TokenTree::Ident(_) => Ok(self.path(tokens, at)),
            TokenTree::Group(group) => {
                self.code(group.stream())?;
                Ok(at + 1)
            }
            _ => Ok(at + 1),
        }
    }

    /// `mod name;` or `mod name { … }`, from the name.
    fn child(&mut self, tokens: &[TokenTree], at: usize) -> anyhow::Result<usize> {
        let name = word(tokens, at).context("a module without a name")?;
        let inline = match tokens.get(at + 1) {
            Some(TokenTree::Group(body)) => {
                let mut inner = Self { facts: Facts::default(), tests: self.tests };
                inner.module(body.stream())?;
                Some(inner.facts)
            }
            _ => None,
        };
        self.facts.children.push(Child { name, inline });
        Ok(at + 2)
    }

    /// Reads the names in an attribute: `#[tokio::main]`, `#[serde(with = "crate::seconds")]`.
    fn attribute(&mut self, attribute: &Group) -> anyhow::Result<()> {
        let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
        if word(&tokens, 0).as_deref() == Some("doc") {
            return Ok(());
        }
        self.texts(attribute.stream());
        self.code(attribute.stream())
    }

    /// Reads the texts that are paths.
    fn texts(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.texts(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let segments: Vec<String> =
                        text.trim_matches('"').split("::").map(str::to_owned).collect();
                    if segments.len() > 1 && segments.iter().all(|segment| is_identifier(segment)) {
                        self.facts.paths.push(segments);
                    }
                }
                _ => {}
            }
        }
    }

    /// `use …;`, from `use`.
    fn import(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let end = (at..tokens.len()).find(|&end| is_punct(tokens, end, ';')).unwrap_or(tokens.len());
        let reexported = is_public(&tokens[..at]);
        self.tree(&tokens[at + 1..end], &[], reexported);
        end + 1
    }

    /// One branch of a `use`: `a::b`, `a::{b, c as d}`, `a::*`.
    fn tree(&mut self, tokens: &[TokenTree], before: &[String], reexported: bool) {
        let mut path = before.to_vec();
        let mut name = None;
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(word) if *word == "as" => {
                    name = tokens.get(at + 1).map(|token| plain(&token.to_string()));
                    break;
                }
                TokenTree::Ident(word) if *word == "self" && !path.is_empty() => {}
                TokenTree::Ident(word) => path.push(plain(&word.to_string())),
                TokenTree::Punct(star) if star.as_char() == '*' => name = Some("*".to_owned()),
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in
                        inner.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ','))
                    {
                        self.tree(branch, &path, reexported);
                    }
                    return;
                }
                _ => {}
            }
        }
        if let Some(name) = name.or_else(|| path.last().cloned()) {
            self.facts.imports.push(Import { path, name, reexported });
        }
    }

    /// Reads a path, from its first name. A name after a dot is a field or a method. A name after the `>::` of generic
    /// arguments belongs to a path that was read before.
    fn path(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let mut segments = Vec::new();
        let mut next = at;
        while let Some(segment) = word(tokens, next) {
            segments.push(segment);
            next += 1;
            if !(is_double_colon(tokens, next) && word(tokens, next + 2).is_some()) {
                break;
            }
            next += 2;
        }
        let before = |back: usize, sign| at >= back && is_punct(tokens, at - back, sign);
        let is_member = before(1, '.') && !before(2, '.');
        let is_rest = before(1, ':') && before(2, ':') && before(3, '>');
        let is_lifetime = before(1, '\'');
        if !(is_member || is_rest || is_lifetime) {
            self.facts.paths.push(segments);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Facts {
        scan(text, Tests::Skipped).unwrap()
    }

    fn paths(text: &str) -> Vec<String> {
        facts(text).paths.iter().map(|path| path.join("::")).filter(|path| path.contains(':')).collect()
    }

    fn imports(text: &str) -> Vec<String> {
        facts(text)
            .imports
            .iter()
            .map(|import| {
                let sign = if import.reexported { "pub " } else { "" };
                format!("{sign}{} = {}", import.name, import.path.join("::"))
            })
            .collect()
    }

    #[test]
    fn every_name_of_a_use_is_found() {
        assert_eq!(
            imports("use a::{self, b::{C, D as E}, f}; pub(crate) use super::g::*; pub use h::I;"),
            ["a = a", "C = a::b::C", "E = a::b::D", "f = a::f", "pub * = super::g", "pub I = h::I"]
        );
        assert_eq!(imports("fn f() { use a::B; }"), ["B = a::B"]);
        assert_eq!(imports("fn f<'a>() -> impl Sized + use<'a> {}"), [""; 0]);
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        assert_eq!(paths("fn f(x: crate::a::B) { c::d(x.e, 1..g::H); }"), ["crate::a::B", "c::d", "g::H"]);
        assert_eq!(paths("fn f() { vec![a::b()]; Vec::<c::D>::new() }"), ["a::b", "c::D"]);
        assert_eq!(
            paths("#[serde(with = \"crate::a\", rename = \"b c\")] #[d::e] struct F;"),
            ["crate::a", "d::e"]
        );
        assert_eq!(paths("/// See `a::b`.\nfn f() -> &'static str { \"a::b\" }"), [""; 0]);
    }

    #[test]
    fn tests_are_skipped_and_what_follows_them_is_not() {
        for test in [
            "#[cfg(test)] mod tests { use x::y; fn f() { x::z() } }",
            "#[cfg(test)] mod tests;",
            "#[cfg(test)] use x::{y, z};",
            "#[cfg(test)] #[derive(x::Y)] pub(crate) struct S { a: x::Y }",
            "#[cfg(test)] pub(crate) const C: x::Y = x::Y { a: 1 };",
            "#[cfg(test)] pub const fn f<A, B>() -> x::Y { x::z() }",
            "#[cfg(all(test, unix))] impl<A, B> S<A, B> { fn f() { x::y() } }",
        ] {
            let text = format!("{test} use a::B; fn g() {{ c::d() }}");
            assert_eq!(
                (imports(&text), paths(&text)),
                (vec!["B = a::B".to_owned()], vec!["c::d".to_owned()]),
                "{test}"
            );
            assert!(facts(&text).children.is_empty(), "{test}");
        }
        assert_eq!(paths("struct S { #[cfg(test)] a: x::Y, b: c::D }"), ["c::D"]);
    }

    #[test]
    fn modules_and_items_are_known_by_their_names() {
        let facts = facts(
            "pub mod a; mod b { mod c; struct D; } fn e() { struct F; } #[macro_export] macro_rules! g { () => {} }",
        );

        let children: Vec<_> = facts.children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!(children, ["a", "b"]);
        assert!(facts.children[1].inline.as_ref().unwrap().definitions.contains("D"));
        assert_eq!(facts.definitions.iter().collect::<Vec<_>>(), ["e", "g"]);
        assert!(facts.exported_macros.contains("g"));
    }
}
