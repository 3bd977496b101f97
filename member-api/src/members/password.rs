//! Rules: which passwords are accepted. None of these types can be printed.

use garde::Validate;
use garde::error::Path;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

const MIN_CHARACTERS: usize = 8;
const MAX_CHARACTERS: usize = 128;

/// A password that a member chooses: 8 to 128 characters, used unchanged.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "macaron-tower-7")]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// The password itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for NewPassword {
    fn from(password: String) -> Self {
        Self(password.into())
    }
}

impl Validate for NewPassword {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut garde::Report) {
        let characters = self.expose().chars().count();
        if !(MIN_CHARACTERS..=MAX_CHARACTERS).contains(&characters) {
            report.append(parent(), garde::Error::new("must have 8 to 128 characters"));
        }
    }
}

/// A password that is sent to prove who the member is. It does not have to follow the rules for a new password, so that
/// a stricter rule does not lock out members with an older password. Only its length is limited.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password, max_length = 128, example = "macaron-tower-7")]
pub struct PasswordAttempt(SecretString);

impl PasswordAttempt {
    /// The password itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Validate for PasswordAttempt {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut garde::Report) {
        if self.expose().chars().count() > MAX_CHARACTERS {
            report.append(parent(), garde::Error::new("has more than 128 characters"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_length_is_counted_in_characters() {
        let is_good = |text: &str| NewPassword::from(text.to_owned()).validate().is_ok();
        assert!(is_good("비밀번호여덟글자"));
        assert!(is_good(&"가".repeat(128)));
        assert!(!is_good("1234567"));
        assert!(!is_good(&"a".repeat(129)));
    }

    #[test]
    fn it_is_never_printed() {
        assert!(!format!("{:?}", NewPassword::from("macaron-tower-7".to_owned())).contains("macaron"));
    }
}
