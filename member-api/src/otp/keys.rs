//! Sealing the secrets of one-time passwords, so that a copy of the database makes no codes.

use access::MemberId;
use sealing::{KeyTextError, OpenError, OpeningKey, SealError, Sealed, SealedTextError};
use secrecy::{ExposeSecret, SecretString};
use service_host::Live;
use totp_rs::SecretParseError;

use super::OtpSecret;
use crate::settings::Otp;

/// The keys of the settings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OtpKeys(Live<Otp>);

/// Why a secret can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum OtpKeyError {
    /// There is no key to seal with.
    #[error("the setting otp.keys has no key")]
    NoKey,
    /// A key of the settings is none.
    #[error("a key of the setting otp.keys is not valid")]
    Key(#[source] KeyTextError),
    /// It can't be sealed.
    #[error("the secret could not be sealed")]
    Seal(#[source] SealError),
    /// What is stored is not a sealed secret.
    #[error("the stored secret is not a sealed one")]
    Stored(#[source] SealedTextError),
    /// The key with which it was sealed is not among the settings.
    #[error("the secret was sealed with another key than those of the setting otp.keys")]
    OtherKey,
    /// It can't be opened.
    #[error("the stored secret could not be opened")]
    Open(#[source] OpenError),
    /// It was sealed for another member.
    #[error("the stored secret is that of another member")]
    OtherMember,
    /// What was sealed is no secret.
    #[error("the stored secret is malformed")]
    Secret(#[source] SecretParseError),
}

impl OtpKeys {
    /// The keys of the settings, also of later ones.
    pub fn new(settings: Live<Otp>) -> Self {
        Self(settings)
    }

    /// Whether administrators need a second factor.
    pub fn are_required_for_admins(&self) -> bool {
        self.0.get().required_for_admins
    }

    /// Seals the secret of a member with the first key. Nobody else can use what comes out: it holds the member, too.
    pub fn seal(&self, member_id: MemberId, secret: &OtpSecret) -> Result<String, OtpKeyError> {
        let settings = self.0.get();
        let key = settings.keys.first().ok_or(OtpKeyError::NoKey)?;
        let text: SecretString = format!("{member_id} {}", secret.to_base32()).into();
        let sealed = read_key(key)?.sealing_key().seal(text.expose_secret());
        Ok(sealed.map_err(OtpKeyError::Seal)?.to_string())
    }

    /// Opens the secret of a member.
    pub fn open(&self, member_id: MemberId, sealed: &str) -> Result<OtpSecret, OtpKeyError> {
        let sealed: Sealed = sealed.parse().map_err(OtpKeyError::Stored)?;
        for key in &self.0.get().keys {
            let key = read_key(key)?;
            if key.name() != sealed.key_name() {
                continue;
            }
            let opened = key.open(&sealed).map_err(OtpKeyError::Open)?;
            let (owner, secret) = opened.expose_secret().split_once(' ').ok_or(OtpKeyError::OtherMember)?;
            if owner != member_id.to_string() {
                return Err(OtpKeyError::OtherMember);
            }
            return OtpSecret::from_base32(secret).map_err(OtpKeyError::Secret);
        }
        Err(OtpKeyError::OtherKey)
    }
}

fn read_key(text: &SecretString) -> Result<OpeningKey, OtpKeyError> {
    text.expose_secret().parse().map_err(OtpKeyError::Key)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(name: &str) -> SecretString {
        OpeningKey::generate(name.parse().unwrap()).to_text()
    }

    fn keys(keys: &[&SecretString]) -> OtpKeys {
        let keys = keys.iter().map(|key| (*key).clone()).collect();
        OtpKeys::new(Otp { keys, required_for_admins: false }.into())
    }

    #[test]
    fn a_secret_is_opened_by_its_key_for_its_member_only() {
        let (kim, lee) = (MemberId(Uuid::from_u128(1)), MemberId(Uuid::from_u128(2)));
        let (old, new) = (key("old"), key("new"));
        let secret = OtpSecret::from_bytes([7; 20]);
        let sealed = keys(&[&old]).seal(kim, &secret).unwrap();
        assert!(!sealed.contains(&secret.to_base32()));
        let both = keys(&[&new, &old]);
        assert_eq!(both.open(kim, &sealed).unwrap().to_base32(), secret.to_base32());
        assert!(matches!(both.open(lee, &sealed), Err(OtpKeyError::OtherMember)));
        assert!(matches!(keys(&[&new]).open(kim, &sealed), Err(OtpKeyError::OtherKey)));
        assert!(matches!(keys(&[&key("old")]).open(kim, &sealed), Err(OtpKeyError::Open(_))));
        assert!(matches!(both.open(kim, "nonsense"), Err(OtpKeyError::Stored(_))));
        assert!(matches!(keys(&[]).seal(kim, &secret), Err(OtpKeyError::NoKey)));
        assert!(both.seal(kim, &secret).unwrap().contains("{key:new}"));
    }
}
