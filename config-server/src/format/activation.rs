//! When a document applies: `spring.config.activate.on-profile`; and what it imports: `spring.config.import`.

use thiserror::Error;

const ON_PROFILE: &str = "spring.config.activate.onprofile";
const ON_CLOUD_PLATFORM: &str = "spring.config.activate.oncloudplatform";
const IMPORT: &str = "spring.config.import";

/// How deep brackets are nested in an expression.
const DEPTH_MAX: usize = 32;

/// When a document applies, and what it imports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Activation {
    /// One of them must hold. Empty: the document applies to every profile.
    profiles: Vec<Expression>,
    /// The document is for a cloud platform. This server is on none.
    needs_cloud_platform: bool,
    /// The files to read before this document. The last one has the highest precedence.
    pub(crate) imports: Vec<String>,
}

/// An expression over profiles: `(dev | eu) & !test`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    Profile(String),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

/// Why the profiles of a document can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "`spring.config.activate.on-profile` is not a well-formed expression: use `&`, `|`, `!` and brackets, and brackets where `&` and `|` are mixed"
)]
pub struct ActivationError;

impl Activation {
    /// Reads the keys of a document. They may be written in every way that Spring Boot accepts: `on-profile`, `onProfile`.
    pub(super) fn of<'entry>(
        entries: impl Iterator<Item = (&'entry str, String)>,
    ) -> Result<Self, ActivationError> {
        let mut activation = Self::default();
        for (key, text) in entries {
            let key = canonical(key);
            let texts = || {
                text.split(',')
                    .map(|text| text.trim().to_owned())
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
            };
            match key.split('[').next().unwrap_or_default() {
                ON_PROFILE => {
                    for text in texts() {
                        activation.profiles.push(Expression::parse(&text)?);
                    }
                }
                ON_CLOUD_PLATFORM => activation.needs_cloud_platform = true,
                IMPORT => activation.imports.extend(texts()),
                _ => {}
            }
        }
        Ok(activation)
    }

    /// Whether the document applies to these profiles.
    pub(crate) fn accepts(&self, profiles: &[String]) -> bool {
        let holds = |expression: &Expression| expression.holds(profiles);
        !self.needs_cloud_platform && (self.profiles.is_empty() || self.profiles.iter().any(holds))
    }
}

fn canonical(key: &str) -> String {
    key.chars().filter(|char| !matches!(char, '-' | '_')).flat_map(char::to_lowercase).collect()
}

impl Expression {
    fn parse(text: &str) -> Result<Self, ActivationError> {
        let mut tokens = tokens(text).into_iter().peekable();
        let expression = Self::parse_group(&mut tokens, 0)?;
        if tokens.next().is_some() { Err(ActivationError) } else { Ok(expression) }
    }

    /// Reads up to a closing bracket or the end. `&` and `|` can't be mixed without brackets.
    fn parse_group(tokens: &mut Tokens, depth: usize) -> Result<Self, ActivationError> {
        let mut parts = vec![Self::parse_operand(tokens, depth)?];
        let mut operator = None;
        while let Some(token) = tokens.next_if(|token| token != ")") {
            if !matches!(token.as_str(), "&" | "|") || operator.get_or_insert_with(|| token.clone()) != &token
            {
                return Err(ActivationError);
            }
            parts.push(Self::parse_operand(tokens, depth)?);
        }
        Ok(match operator.as_deref() {
            Some("&") => Self::And(parts),
            Some(_) => Self::Or(parts),
            None => parts.swap_remove(0),
        })
    }

    fn parse_operand(tokens: &mut Tokens, depth: usize) -> Result<Self, ActivationError> {
        if depth > DEPTH_MAX {
            return Err(ActivationError);
        }
        match tokens.next().as_deref() {
            Some("!") => Ok(Self::Not(Box::new(Self::parse_operand(tokens, depth + 1)?))),
            Some("(") => {
                let group = Self::parse_group(tokens, depth + 1)?;
                if tokens.next().as_deref() == Some(")") { Ok(group) } else { Err(ActivationError) }
            }
            Some("&" | "|" | ")") | None => Err(ActivationError),
            Some(profile) => Ok(Self::Profile(profile.to_owned())),
        }
    }

    fn holds(&self, profiles: &[String]) -> bool {
        match self {
            Self::Profile(profile) => profiles.contains(profile),
            Self::Not(expression) => !expression.holds(profiles),
            Self::And(parts) => parts.iter().all(|part| part.holds(profiles)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(profiles)),
        }
    }
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<String>>;

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut profile = String::new();
    for char in text.chars() {
        if matches!(char, '(' | ')' | '&' | '|' | '!') {
            tokens.push(std::mem::take(&mut profile));
            tokens.push(char.to_string());
        } else {
            profile.push(char);
        }
    }
    tokens.push(profile);
    tokens.into_iter().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(expression: &str, profiles: &[&str]) -> Result<bool, ActivationError> {
        let profiles: Vec<String> = profiles.iter().map(ToString::to_string).collect();
        Ok(Expression::parse(expression)?.holds(&profiles))
    }

    #[test]
    fn expressions_are_evaluated() {
        for (expression, profiles, expected) in [
            ("dev", &["dev"][..], true),
            ("dev", &["eu"], false),
            ("!dev", &["eu"], true),
            ("dev & eu", &["dev"], false),
            ("dev & eu", &["eu", "dev"], true),
            ("dev|eu", &["eu"], true),
            ("(dev | eu) & !test", &["dev"], true),
            ("(dev | eu) & !test", &["dev", "test"], false),
            ("!(dev & eu)", &["dev"], true),
        ] {
            assert_eq!(holds(expression, profiles), Ok(expected), "{expression} {profiles:?}");
        }
    }

    #[test]
    fn a_malformed_expression_is_refused() {
        for expression in
            ["dev & eu | test", "(dev", "dev)", "&", "dev &", "dev eu & ", "!", &"(".repeat(10_000)]
        {
            assert_eq!(holds(expression, &[]), Err(ActivationError), "{expression}");
        }
    }
}
