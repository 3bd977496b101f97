//! Rules: the names in a request for settings, which are applications, profiles and labels.
//!
//! Names are looked up among the files that the server has read. A name can't lead to any other file.

use std::fmt;

use serde::Deserialize;
use thiserror::Error;

const NAME_MAX_CHARS: usize = 64;
const LIST_MAX: usize = 32;
const TEXT_MAX_CHARS: usize = 256;

/// How Spring's protocol writes a slash in a name.
const SLASH: &str = "(_)";

/// The name of an application that has a password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// The applications of a request, separated by commas. A later one wins over an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Applications {
    text: String,
    names: Vec<String>,
}

/// The profiles of a request, separated by commas. A later one wins over an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Profiles {
    text: String,
    names: Vec<String>,
}

/// The labels of a request, separated by commas. The first one wins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Label(String);

/// Why a text is not a name.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// It can't be the name of an application with a password.
    #[error("a name is 1 to {NAME_MAX_CHARS} letters, digits, `-` and `_`, and `.` in between")]
    NotAName,
    /// It has characters that a request can't have.
    #[error(
        "an application or a label has no `..`, `#`, `\\`, `%` or control character, and begins with no slash"
    )]
    NotARequest,
    /// It can't be a profile.
    #[error("a profile has letters, digits and `-_.+@`, and begins and ends with a letter or digit")]
    NotAProfile,
    /// It is too long.
    #[error("there can be {LIST_MAX} names at most, and {TEXT_MAX_CHARS} characters")]
    TooMany,
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_name = (1..=NAME_MAX_CHARS).contains(&text.len()) && text.bytes().all(allowed);
        let has_outer_dot = text.starts_with('.') || text.ends_with('.') || text.contains("..");
        // `/a.yml` asks for a rendering.
        let is_file =
            [".yml", ".yaml", ".json", ".properties"].iter().any(|extension| text.ends_with(extension));
        if is_name && !has_outer_dot && !is_file { Ok(Self(text)) } else { Err(NameError::NotAName) }
    }
}

impl Applications {
    /// The applications as the request wrote them, with slashes.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The applications in the order of the request.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl TryFrom<String> for Applications {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let text = request_text(text)?;
        let names = unique(&text)?;
        if names.is_empty() || text.contains(['*', '?']) {
            return Err(NameError::NotARequest);
        }
        Ok(Self { text, names })
    }
}

impl Profiles {
    /// The profiles as the request wrote them.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The profiles in the order of the request.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl TryFrom<String> for Profiles {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        if text.contains("..") || !text.split(',').all(is_profile) {
            return Err(NameError::NotAProfile);
        }
        let names = unique(&text)?;
        Ok(Self { text, names })
    }
}

fn is_profile(profile: &str) -> bool {
    let is_inner = |char: char| char.is_alphanumeric() || "-_.+@".contains(char);
    profile.starts_with(char::is_alphanumeric)
        && profile.ends_with(char::is_alphanumeric)
        && profile.chars().all(is_inner)
}

impl Label {
    /// The labels as the request wrote them, with slashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Label {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Ok(Self(request_text(text)?))
    }
}

/// Puts slashes in, and refuses what Spring refuses.
fn request_text(text: String) -> Result<String, NameError> {
    if text.chars().count() > TEXT_MAX_CHARS {
        return Err(NameError::TooMany);
    }
    let is_refused = |char: char| char.is_control() || matches!(char, '#' | '\\' | '%');
    if text.contains("..") || text.contains(is_refused) || text.starts_with(SLASH) || text.starts_with('/') {
        return Err(NameError::NotARequest);
    }
    Ok(text.replace(SLASH, "/"))
}

fn unique(text: &str) -> Result<Vec<String>, NameError> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').filter(|name| !name.trim().is_empty()) {
        if !names.iter().any(|earlier| earlier == name) {
            names.push(name.to_owned());
        }
    }
    if names.len() > LIST_MAX || text.len() > 4 * TEXT_MAX_CHARS {
        Err(NameError::TooMany)
    } else {
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(text: &str) -> Result<Vec<String>, NameError> {
        Ok(Profiles::try_from(text.to_owned())?.names().to_vec())
    }

    #[test]
    fn a_name_can_not_lead_out_of_a_directory() {
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a.yml", "a\0b", "%2e", "가게", &"a".repeat(65)]
        {
            assert_eq!(Name::try_from(name.to_owned()), Err(NameError::NotAName), "{name}");
        }
        for name in ["member-api", "a", "A_1", "shop.v2", &"a".repeat(64)] {
            assert!(Name::try_from(name.to_owned()).is_ok(), "{name}");
        }
    }

    #[test]
    fn profiles_are_separated_by_commas() {
        assert_eq!(profiles("default").unwrap(), ["default"]);
        assert_eq!(profiles("prod,seoul,prod").unwrap(), ["prod", "seoul"]);
        assert_eq!(profiles("dév,a+b@c.d").unwrap(), ["dév", "a+b@c.d"]);
        for refused in
            ["", "prod,,seoul", "prod,", "prod, seoul", "_dev", "dev-", "a:b", "*", "prod,../x", "a..b"]
        {
            assert_eq!(profiles(refused), Err(NameError::NotAProfile), "{refused}");
        }
        assert_eq!(
            profiles(&(0..33).map(|n| n.to_string()).collect::<Vec<_>>().join(",")),
            Err(NameError::TooMany)
        );
    }

    #[test]
    fn a_slash_is_written_in_brackets() {
        assert_eq!(Label::try_from("feature(_)x".to_owned()).unwrap().as_str(), "feature/x");
        assert_eq!(Applications::try_from("a(_)b,c".to_owned()).unwrap().names(), ["a/b", "c"]);
        for refused in ["(_)x", "/x", "a..b", "a#b", "a\\b", "%2e", "a\0"] {
            assert_eq!(Label::try_from(refused.to_owned()), Err(NameError::NotARequest), "{refused}");
        }
    }
}
