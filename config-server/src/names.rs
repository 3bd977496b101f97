//! The names in a request for settings.
//!
//! They become parts of file names. So a name has only letters, digits, `-` and `_`: without a dot and a slash it can't lead
//! out of the directories.

use std::fmt;

use serde::Deserialize;
use thiserror::Error;

const NAME_MAX_CHARS: usize = 64;
const PROFILES_MAX: usize = 8;

/// The name of an application, a profile or a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// The profiles of a request, separated by commas. A later one wins over an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Profiles(Vec<Name>);

/// Why a text is not a name, or not a list of profiles.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// It is empty or too long, or has other characters.
    #[error("a name is 1 to {NAME_MAX_CHARS} letters, digits, `-` and `_`")]
    NotAName,
    /// There are too many profiles.
    #[error("there can be {PROFILES_MAX} profiles at most")]
    TooManyProfiles,
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
        let fits = (1..=NAME_MAX_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if fits { Ok(Self(text)) } else { Err(NameError::NotAName) }
    }
}

impl Profiles {
    /// The profiles in the order of the request.
    pub fn as_slice(&self) -> &[Name] {
        &self.0
    }
}

impl TryFrom<String> for Profiles {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        let names: Vec<Name> =
            text.split(',').map(|name| Name::try_from(name.trim().to_owned())).collect::<Result<_, _>>()?;
        if names.len() > PROFILES_MAX { Err(NameError::TooManyProfiles) } else { Ok(Self(names)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(text: &str) -> Result<Vec<String>, NameError> {
        let profiles = Profiles::try_from(text.to_owned())?;
        Ok(profiles.as_slice().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_name_can_not_lead_out_of_a_directory() {
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a.yml", "a\0b", "%2e", "가게", &"a".repeat(65)]
        {
            assert_eq!(Name::try_from(name.to_owned()), Err(NameError::NotAName), "{name}");
        }
        for name in ["member-api", "a", "A_1", &"a".repeat(64)] {
            assert!(Name::try_from(name.to_owned()).is_ok(), "{name}");
        }
    }

    #[test]
    fn profiles_are_separated_by_commas() {
        assert_eq!(profiles("default").unwrap(), ["default"]);
        assert_eq!(profiles("prod, seoul").unwrap(), ["prod", "seoul"]);
        assert_eq!(profiles("prod,,seoul"), Err(NameError::NotAName));
        assert_eq!(profiles("prod,../x"), Err(NameError::NotAName));
        assert_eq!(profiles("a,b,c,d,e,f,g,h,i"), Err(NameError::TooManyProfiles));
    }
}
