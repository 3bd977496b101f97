//! AES-256 with a key that is derived from a password, as Spring Security's `AesBytesEncryptor` has it: PBKDF2 with HMAC-SHA-1
//! and 1,024 rounds; the initialization vector of 16 bytes stands before the sealed bytes.

use std::fmt;
use std::num::NonZeroU32;

use aes_gcm::aead::Aead as _;
use aes_gcm::aead::consts::U16;
use aes_gcm::{AesGcm, KeyInit as _, Nonce};
use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::{Zeroize as _, Zeroizing};

const ROUNDS: NonZeroU32 = NonZeroU32::new(1_024).expect("it is not zero");
const KEY_BYTES: usize = 32;
const VECTOR_BYTES: usize = 16;

type Aes256Gcm16 = AesGcm<aes_gcm::aes::Aes256, U16>;

/// How AES is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// CBC with the padding of PKCS #7.
    CbcWithPadding,
    /// GCM with a nonce of 16 bytes: Spring's `strong`.
    Gcm,
}

/// A key that is derived from a password.
pub(super) struct PasswordKey {
    mode: Mode,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

impl PasswordKey {
    pub(super) fn derive(password: &SecretString, salt: &[u8], mode: Mode) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let password = password.expose_secret().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, ROUNDS, salt, password, key.as_mut());
        Self { mode, key }
    }

    /// The text, or `None` if this key has not sealed it. A wrong key passes the check of the padding about once in 256
    /// times, so what it gives must be UTF-8 too.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<SecretString> {
        let (vector, sealed) = sealed.split_first_chunk::<VECTOR_BYTES>()?;
        let mut opened = match self.mode {
            Mode::CbcWithPadding => self.open_cbc(*vector, sealed),
            Mode::Gcm => self.open_gcm(*vector, sealed),
        }?;
        let text = std::str::from_utf8(&opened).ok().map(|text| SecretString::from(text.to_owned()));
        opened.zeroize();
        text
    }

    fn open_cbc(&self, vector: [u8; VECTOR_BYTES], sealed: &[u8]) -> Option<Vec<u8>> {
        let key = UnboundCipherKey::new(&AES_256, self.key.as_ref()).ok()?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
        let mut in_out = Zeroizing::new(sealed.to_vec());
        let context = DecryptionContext::Iv128(FixedLength::from(vector));
        Some(key.decrypt(in_out.as_mut_slice(), context).ok()?.to_vec())
    }

    fn open_gcm(&self, vector: [u8; VECTOR_BYTES], sealed: &[u8]) -> Option<Vec<u8>> {
        let cipher = Aes256Gcm16::new_from_slice(self.key.as_ref()).ok()?;
        cipher.decrypt(&Nonce::<U16>::from(vector), sealed).ok()
    }
}

impl fmt::Debug for PasswordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordKey").field("mode", &self.mode).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_by_gcm_is_opened_and_nothing_else() {
        let key = PasswordKey::derive(&"foo".to_owned().into(), &[0xde, 0xad, 0xbe, 0xef], Mode::Gcm);
        let vector = [7; VECTOR_BYTES];
        let cipher = Aes256Gcm16::new_from_slice(key.key.as_ref()).unwrap();
        let sealed = cipher.encrypt(&Nonce::<U16>::from(vector), "비밀 번호".as_bytes()).unwrap();
        let mut message = vector.to_vec();
        message.extend(sealed);
        assert_eq!(key.open(&message).unwrap().expose_secret(), "비밀 번호");
        for byte in 0..message.len() {
            let mut changed = message.clone();
            changed[byte] ^= 1;
            assert!(key.open(&changed).is_none(), "{byte}");
            assert!(key.open(&message[..byte]).is_none(), "{byte}");
        }
    }

    #[test]
    fn it_does_not_show_its_key() {
        let key = PasswordKey::derive(&"foo".to_owned().into(), &[], Mode::CbcWithPadding);
        assert_eq!(format!("{key:?}"), "PasswordKey { mode: CbcWithPadding, .. }");
    }
}
