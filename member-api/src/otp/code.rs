//! Rules: what a member types as a one-time password.

use garde::Validate;
use garde::error::Path;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

/// The six digits that an authenticator shows. They can't be printed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 6, max_length = 6, pattern = "^[0-9]{6}$", example = "492039")]
pub struct OtpCode(SecretString);

impl OtpCode {
    /// The digits.
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for OtpCode {
    fn from(digits: String) -> Self {
        Self(digits.into())
    }
}

impl Validate for OtpCode {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut garde::Report) {
        let digits = self.expose().as_bytes();
        if digits.len() != 6 || !digits.iter().all(u8::is_ascii_digit) {
            report.append(parent(), garde::Error::new("must be six digits"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_six_digits_and_never_printed() {
        let code = |text: &str| OtpCode::from(text.to_owned());
        assert!(code("012345").validate().is_ok());
        for bad in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６", "12 345", "١٢٣٤٥٦"]
        {
            assert!(code(bad).validate().is_err(), "{bad}");
        }
        assert!(!format!("{:?}", code("492039")).contains("492039"));
    }
}
