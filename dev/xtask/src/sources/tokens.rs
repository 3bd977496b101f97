//! Recognising attributes, names and the ends of items among tokens.

use proc_macro2::{Delimiter, Group, TokenTree};

const KEYWORDS_OF_ITEMS: [&str; 15] = [
    "pub",
    "fn",
    "impl",
    "trait",
    "struct",
    "enum",
    "union",
    "mod",
    "const",
    "static",
    "type",
    "use",
    "async",
    "extern",
    "macro_rules",
];
/// Items of these kinds end at a semicolon, even if there are braces before it.
const WITHOUT_BODY: [&str; 4] = ["use", "const", "static", "type"];
/// The identifier at a place.
pub(super) fn word(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => Some(plain(&ident.to_string())),
        _ => None,
    }
}

pub(super) fn plain(identifier: &str) -> String {
    identifier.strip_prefix("r#").unwrap_or(identifier).to_owned()
}

pub(super) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|other| other.is_alphanumeric() || other == '_')
}

pub(super) fn is_punct(tokens: &[TokenTree], at: usize, sign: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

pub(super) fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':')
}

/// The attribute that begins here, and the place after it.
pub(super) fn attribute(tokens: &[TokenTree], at: usize) -> Option<(&Group, usize)> {
    if !is_punct(tokens, at, '#') {
        return None;
    }
    let at = if is_punct(tokens, at + 1, '!') { at + 2 } else { at + 1 };
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => Some((group, at + 1)),
        _ => None,
    }
}

/// `cfg(test)` or `cfg(all(test, …))`
pub(super) fn is_for_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// Whether `#[macro_export]` is among the attributes that end these tokens.
pub(super) fn is_exported(before: &[TokenTree]) -> bool {
    let mut end = before.len();
    while end >= 2 && is_punct(before, end - 2, '#') {
        if before[end - 1].to_string().contains("macro_export") {
            return true;
        }
        end -= 2;
    }
    false
}

/// Whether these tokens end with `pub` or `pub(…)`.
pub(super) fn is_public(before: &[TokenTree]) -> bool {
    let before = match before {
        [rest @ .., TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => rest,
        all => all,
    };
    matches!(before.last(), Some(TokenTree::Ident(word)) if *word == "pub")
}

/// The place after the item, field or statement that begins here.
pub(super) fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let mut at = at;
    while let Some((_, end)) = attribute(tokens, at) {
        at = end;
    }
    let words = (at..tokens.len()).map_while(|place| match tokens.get(place) {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        // The parentheses of `pub(crate)`.
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            Some("pub".to_owned())
        }
        _ => None,
    });
    let kinds: Vec<String> = words.filter(|word| KEYWORDS_OF_ITEMS.contains(&word.as_str())).collect();
    let kind = kinds.iter().rfind(|word| *word != "pub" && *word != "async" && *word != "extern");
    let (braces_end, comma_ends) = match kind {
        Some(kind) => (!WITHOUT_BODY.contains(&kind.as_str()), false),
        None => (true, true),
    };
    for (place, token) in tokens.iter().enumerate().skip(at) {
        let ends = match token {
            TokenTree::Punct(sign) => sign.as_char() == ';' || comma_ends && sign.as_char() == ',',
            TokenTree::Group(group) => braces_end && group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        if ends {
            return place + 1;
        }
    }
    tokens.len()
}
