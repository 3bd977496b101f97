//! Hashing passwords, outside the async threads and with a limit on how many are hashed at once.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use argon2::password_hash::{Error, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use crate::members::{NewPassword, PasswordAttempt};

/// Argon2id with 19 MiB, two passes and one lane, as OWASP recommends
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes and verifies passwords. Cheap to clone; clones share the limit on how many are hashed at once.
#[derive(Clone)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    /// The hash that an attempt on an unknown account is compared with, so that it takes as long as on a known account.
    dummy_hash: Arc<str>,
}

/// Why a password could not be hashed or verified.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The algorithm failed, or a stored hash is malformed.
    #[error("the password could not be hashed")]
    Argon2(#[source] Error),
    /// The thread that hashed it has stopped.
    #[error("the thread that hashes passwords stopped")]
    Stopped(#[source] JoinError),
}

impl PasswordHasher {
    /// Hashes at most `max_concurrent` passwords at once. Further ones wait.
    pub fn new(max_concurrent: NonZeroUsize) -> Result<Self, PasswordError> {
        let params =
            Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within Argon2's limits");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy_hash = argon2.hash_password(b"nobody").map_err(PasswordError::Argon2)?.to_string().into();
        Ok(Self { argon2, permits: Arc::new(Semaphore::new(max_concurrent.get())), dummy_hash })
    }

    /// Returns the PHC string of a new password, with a new salt.
    pub async fn hash(&self, password: NewPassword) -> Result<String, PasswordError> {
        let argon2 = self.argon2.clone();
        self.run_limited(move || Ok(argon2.hash_password(password.expose().as_bytes())?.to_string())).await
    }

    /// Returns whether the password matches the hash. Without a hash the answer is false, after the same time.
    pub async fn verify(
        &self,
        attempt: PasswordAttempt,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let argon2 = self.argon2.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy_hash.to_string());
        self.run_limited(move || {
            let hash = PasswordHash::new(&hash)?;
            match argon2.verify_password(attempt.expose().as_bytes(), &hash) {
                Ok(()) => Ok(known),
                Err(Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn run_limited<T, F>(&self, work: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.expect("the semaphore is never closed");
        let work = move || {
            // The thread holds the permit, and not the request. A cancelled request does not let another one start early.
            let _permit = permit;
            let started_at = Instant::now();
            (work(), started_at.elapsed())
        };
        let (result, duration) = spawn_blocking(work).await.map_err(PasswordError::Stopped)?;
        metrics::histogram!("password_hash_seconds").record(duration);
        result.map_err(PasswordError::Argon2)
    }
}

impl std::fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("free_permits", &self.permits.available_permits())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(text: &str) -> PasswordAttempt {
        serde_json::from_value(text.into()).unwrap()
    }

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(NonZeroUsize::MIN).unwrap()
    }

    #[tokio::test]
    async fn each_hash_has_its_own_salt_and_verifies_only_its_password() {
        let hasher = hasher();
        let hash = async || hasher.hash("macaron-tower-7".to_owned().into()).await.unwrap();
        let (first, second) = (hash().await, hash().await);
        assert_ne!(first, second);
        assert!(hasher.verify(attempt("macaron-tower-7"), Some(first.clone())).await.unwrap());
        assert!(!hasher.verify(attempt("macaron-tower-8"), Some(first)).await.unwrap());
        assert!(hasher.verify(attempt("x"), Some("no hash".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn an_unknown_account_costs_one_hash_like_a_known_one() {
        let hasher = hasher();
        assert!(!hasher.verify(attempt("nobody"), None).await.unwrap());
        let parameters = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(hasher.dummy_hash.starts_with(parameters), "{}", hasher.dummy_hash);
        assert!(hasher.hash("macaron-tower-7".to_owned().into()).await.unwrap().starts_with(parameters));
        // It waits for a permit, because it hashes.
        let permit = Arc::clone(&hasher.permits).try_acquire_owned().unwrap();
        let mut waiting = Box::pin(hasher.verify(attempt("nobody"), None));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(permit);
        assert!(!waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_cancelled_request_holds_its_permit_until_the_hash_is_done() {
        let hasher = hasher();
        let mut cancelled = Box::pin(hasher.hash("macaron-tower-7".to_owned().into()));
        assert!(futures::poll!(&mut cancelled).is_pending());
        drop(cancelled);
        assert_eq!(hasher.permits.available_permits(), 0);
        // The next one gets the permit when the first hash is done.
        hasher.hash("macaron-tower-7".to_owned().into()).await.unwrap();
        assert_eq!(hasher.permits.available_permits(), 1);
    }
}
