//! Rules: which passwords are accepted. None of these types can be printed.

use garde::Validate;
use garde::error::Path;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::guessable::{is_common, is_made_of};
use super::opaque_string::opaque_string;
use super::{Email, MemberName};

const MIN_CHARACTERS: usize = 8;
const MAX_CHARACTERS: usize = 128;
/// A longer text has too many characters, however they are composed. It is not looked at, because that takes time.
const MAX_BYTES: usize = 4096;
/// A longer email or name is refused by its own rule.
const MAX_ACCOUNT_BYTES: usize = 1024;

/// A password that a member chooses: 8 to 128 characters, without controls and invisible ones (RFC 8265, `OpaqueString`), and none of
/// the most common. How a keyboard composes letters, and which of the spaces it sends, makes no difference: the composed form (NFC) is counted and hashed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(from = "String")]
#[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "macaron-tower-7")]
pub struct NewPassword(
    /// In its one form. `None` if it has none.
    Option<SecretString>,
);

impl NewPassword {
    /// The password in its one form. `None` if it has a character that no password may have; such a password does not validate.
    pub fn expose(&self) -> Option<&str> {
        self.0.as_ref().map(ExposeSecret::expose_secret)
    }
}

impl From<String> for NewPassword {
    fn from(typed: String) -> Self {
        let typed = SecretString::from(typed);
        let is_short = typed.expose_secret().len() <= MAX_BYTES;
        Self(is_short.then(|| opaque_string(typed.expose_secret()).map(SecretString::from)).flatten())
    }
}

impl Validate for NewPassword {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut garde::Report) {
        match &self.0 {
            None => report.append(
                parent(),
                garde::Error::new("must have 8 to 128 characters, and none that is a control or invisible"),
            ),
            Some(password) => {
                let characters = password.expose_secret().chars().count();
                if !(MIN_CHARACTERS..=MAX_CHARACTERS).contains(&characters) {
                    report.append(parent(), garde::Error::new("must have 8 to 128 characters"));
                } else if is_common(password.expose_secret()) {
                    report.append(parent(), garde::Error::new("is one of the most common passwords"));
                }
            }
        }
    }
}

/// The rule of a password beside the email and the name of its member, for `garde(custom(…))`.
pub fn not_made_of<'a>(
    email: &'a Email,
    name: &'a MemberName,
) -> impl FnOnce(&NewPassword, &()) -> garde::Result + use<'a> {
    move |password, ()| {
        if email.as_str().len().max(name.as_str().len()) > MAX_ACCOUNT_BYTES {
            return Ok(());
        }
        if password.expose().is_some_and(|password| is_made_of(password, email.as_str(), name.as_str())) {
            return Err(garde::Error::new("must not be made of the email or the name"));
        }
        Ok(())
    }
}

/// A password that is sent to prove who the member is. It does not have to follow the rules for a new password, so that
/// a stricter rule does not lock out members with an older password. Only its length is limited.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password, max_length = 128, example = "macaron-tower-7")]
pub struct PasswordAttempt(SecretString);

impl PasswordAttempt {
    /// The password as it was typed.
    pub fn as_typed(&self) -> &str {
        self.0.expose_secret()
    }

    /// The password in its one form. `None` if it has a character that no new password may have.
    pub fn prepared(&self) -> Option<SecretString> {
        opaque_string(self.as_typed()).map(SecretString::from)
    }
}

impl Validate for PasswordAttempt {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut garde::Report) {
        // Parts of letters count as letters, as they did when the password was set, or do not, as for a new one.
        let fits = |characters: usize| characters <= MAX_CHARACTERS;
        let typed = self.as_typed();
        if !fits(typed.nfc().count()) && !fits(typed.chars().count()) {
            report.append(parent(), garde::Error::new("has more than 128 characters"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_one_is_refused_and_can_still_be_the_password_of_an_older_account() {
        for common in ["password", "Iloveyou", "1234567890"] {
            assert!(!is_good(common) && is_attempt(common), "{common}");
        }
    }

    fn is_good(text: &str) -> bool {
        NewPassword::from(text.to_owned()).validate().is_ok()
    }

    fn is_attempt(text: &str) -> bool {
        serde_json::from_value::<PasswordAttempt>(text.into()).unwrap().validate().is_ok()
    }

    #[test]
    fn its_length_is_counted_in_characters() {
        assert!(is_good("비밀번호여덟글자"));
        assert!(is_good(&"가".repeat(128)));
        assert!(!is_good("1234567"));
        assert!(!is_good(&"a".repeat(129)));
        assert!(!is_good(&"\u{660}".repeat(500_000)), "and it takes no time");
    }

    #[test]
    fn parts_of_a_letter_are_not_counted() {
        let decomposed = |count| "\u{1103}\u{1161}\u{11AF}".repeat(count);
        assert!(!is_good(&decomposed(3)), "three syllables of nine parts");
        assert!(!is_good(&"e\u{301}".repeat(7)));
        assert!(is_good(&decomposed(8)));
        assert!(is_good(&decomposed(128)) && is_attempt(&decomposed(128)));
        assert!(!is_good(&decomposed(129)) && !is_attempt(&decomposed(129)));
        assert!(!is_attempt(&"a".repeat(129)));
    }

    #[test]
    fn a_new_one_has_no_hidden_characters_and_an_old_one_may() {
        for text in [
            "macaron\0tower",
            "macaron\u{200B}tower",
            "macaron\ttower",
            "\u{3164}\u{3164}\u{3164}\u{3164}\u{3164}\u{3164}\u{3164}\u{3164}",
        ] {
            assert!(!is_good(text) && is_attempt(text), "{text:?}");
        }
    }

    #[test]
    fn it_is_never_printed() {
        let password = NewPassword::from("macaron-tower-7".to_owned());
        assert!(!format!("{password:?}").contains("macaron"));
    }
}
