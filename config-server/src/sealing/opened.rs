//! Values that were opened before. Opening one takes longer than all the rest of an answer, and a change of the files makes the
//! answers of all callers that wait.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// How many bytes of values are kept. If there are more, all are forgotten, and opened again when they are read.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// What an entry needs besides its value.
const ENTRY_BYTES: usize = 128;

/// Opened values, by the digests of the sealed ones.
#[derive(Default)]
pub(super) struct Opened(RwLock<Kept>);

#[derive(Default)]
struct Kept {
    values: HashMap<[u8; 32], SecretString>,
    bytes: usize,
}

/// Shows no value.
impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Opened")
    }
}

impl Opened {
    /// The opened value of a sealed one. It is opened by `open` if it was not opened before. What can't be opened is tried again.
    pub(super) fn get_or_open<E>(
        &self,
        sealed: &str,
        open: impl FnOnce() -> Result<SecretString, E>,
    ) -> Result<SecretString, E> {
        let digest: [u8; 32] = Sha256::digest(sealed.as_bytes()).into();
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner).values.get(&digest).cloned();
        if let Some(value) = kept {
            return Ok(value);
        }
        let value = open()?;
        let bytes = value.expose_secret().len() + ENTRY_BYTES;
        if bytes > BYTES_MAX {
            return Ok(value);
        }
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes > BYTES_MAX {
            *kept = Kept::default();
        }
        if kept.values.insert(digest, value.clone()).is_none() {
            kept.bytes += bytes;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(opened: &Opened, sealed: &str, value: Result<&str, ()>) -> Result<String, ()> {
        let value = opened.get_or_open(sealed, || value.map(SecretString::from))?;
        Ok(value.expose_secret().to_owned())
    }

    #[test]
    fn a_value_is_opened_once_and_a_failure_is_tried_again() {
        let opened = Opened::default();
        assert_eq!(open(&opened, "a", Err(())), Err(()));
        assert_eq!(open(&opened, "a", Ok("first")).as_deref(), Ok("first"));
        assert_eq!(open(&opened, "a", Ok("second")).as_deref(), Ok("first"));
        assert_eq!(open(&opened, "b", Ok("second")).as_deref(), Ok("second"));
        assert!(!format!("{opened:?}").contains("first"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let opened = Opened::default();
        let value = "x".repeat(BYTES_MAX / 8);
        let too_large = "x".repeat(BYTES_MAX);
        for number in 0..100 {
            let value = if number == 50 { &too_large } else { &value };
            assert_eq!(open(&opened, &number.to_string(), Ok(value)).as_ref(), Ok(value));
            let kept = opened.0.read().unwrap();
            let bytes: usize = kept.values.values().map(|value| value.expose_secret().len()).sum();
            assert!(bytes <= kept.bytes && kept.bytes <= BYTES_MAX, "{} {bytes}", kept.bytes);
        }
    }
}
