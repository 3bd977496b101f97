//! The secret of one-time passwords, and the codes that are made of it (RFC 6238: HMAC-SHA-1, steps of 30 seconds, six digits,
//! which is what every authenticator knows).

use std::fmt;

use time::OffsetDateTime;
use totp_rs::{Builder, Secret, SecretParseError, Totp, TotpError};

use super::OtpCode;
use crate::members::Email;

/// Who gives the codes, as an authenticator shows it.
const ISSUER: &str = "Dalkom";
/// How many steps of 30 s the clock of an authenticator may be off (RFC 6238, 5.2).
const SKEW: u16 = 1;

/// 160 bits, as RFC 4226 (4, R6) recommends. They can't be printed.
#[derive(Clone)]
pub struct OtpSecret(Secret);

impl OtpSecret {
    /// Makes a secret of random bytes.
    pub fn from_bytes(random: [u8; 20]) -> Self {
        Self(random.into())
    }

    /// Reads the text form.
    pub fn from_base32(text: &str) -> Result<Self, SecretParseError> {
        Secret::try_from_base32(text).map(Self)
    }

    /// The text form, which a member can type into an authenticator.
    pub fn to_base32(&self) -> String {
        self.0.to_base32()
    }

    /// The address by which an authenticator takes the secret over, for a QR code.
    pub fn uri(&self, email: &Email) -> Result<String, TotpError> {
        self.totp(|builder| builder.with_account_name(email.as_str()).with_issuer(Some(ISSUER)))?.to_url()
    }

    /// The step whose code this is, of the present one and its neighbours. Codes are compared in constant time.
    pub fn step_of(&self, code: &OtpCode, now: OffsetDateTime) -> Result<Option<i64>, TotpError> {
        let totp = self.totp(|builder| builder)?;
        let step = totp.check(code.expose(), u64::try_from(now.unix_timestamp()).unwrap_or(0));
        Ok(step.and_then(|step| i64::try_from(step).ok()))
    }

    fn totp(&self, with: impl FnOnce(Builder) -> Builder) -> Result<Totp, TotpError> {
        with(Builder::new().with_secret(self.0.clone()).with_skew(SKEW)).build()
    }
}

impl fmt::Debug for OtpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn step(seconds: i64, code: &str) -> Option<i64> {
        let secret = OtpSecret::from_bytes(*b"12345678901234567890");
        secret.step_of(&OtpCode::from(code.to_owned()), at(seconds)).unwrap()
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1: the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(step(seconds, code), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_clock_may_be_off_by_one_step() {
        // 287082 is the code of the step 1, from 30 to 59.
        for (seconds, is_taken) in [(0, true), (30, true), (89, true), (90, false)] {
            assert_eq!(step(seconds, "287082").is_some(), is_taken, "{seconds}");
        }
        assert_eq!(step(59, "287083"), None);
    }

    #[test]
    fn an_authenticator_takes_it_over_by_its_address() {
        let secret = OtpSecret::from_bytes(*b"12345678901234567890");
        let email = Email::from("kim+cakes@example.com".to_owned());
        let uri = secret.uri(&email).unwrap();
        assert!(uri.starts_with("otpauth://totp/Dalkom:kim%2Bcakes%40example.com?"), "{uri}");
        assert!(
            uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") && uri.contains("issuer=Dalkom"),
            "{uri}"
        );
        let read = OtpSecret::from_base32(&secret.to_base32()).unwrap();
        assert_eq!(read.to_base32(), secret.to_base32());
        assert!(!format!("{secret:?}").contains("GEZ"));
    }
}
