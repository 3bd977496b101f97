//! Hashing passwords: beside the async threads, and never more at once than the machine can take.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use argon2::password_hash::{Error, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use crate::members::{NewPassword, PasswordAttempt};

/// Argon2id with 19 MiB, two passes and one lane: OWASP's first choice
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes and checks passwords. Cheap to clone; clones share the bound on how many are hashed at once.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// What an attempt on an unknown account is compared with, so that it costs what one on a known account does.
    nobodys_hash: Arc<str>,
}

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The algorithm refused, or a stored hash can't be read.
    #[error("the password could not be hashed")]
    Argon2(#[source] Error),
    /// The thread that worked on it is gone.
    #[error("the thread that hashes passwords stopped")]
    Stopped(#[source] JoinError),
}

impl Passwords {
    /// At most `at_once` passwords are hashed at a time; the others wait for their turn.
    pub fn new(at_once: NonZeroUsize) -> Result<Self, PasswordError> {
        let params =
            Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within Argon2's limits");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobodys_hash = argon2.hash_password(b"nobody").map_err(PasswordError::Argon2)?.to_string().into();
        Ok(Self { argon2, turns: Arc::new(Semaphore::new(at_once.get())), nobodys_hash })
    }

    /// The PHC string of a new password, with a new salt.
    pub async fn hash(&self, password: NewPassword) -> Result<String, PasswordError> {
        let argon2 = self.argon2.clone();
        self.in_turn(move || Ok(argon2.hash_password(password.expose().as_bytes())?.to_string())).await
    }

    /// Whether an attempt is right. Without a hash to compare it with, it is wrong, and takes as long to be so.
    pub async fn verify(
        &self,
        attempt: PasswordAttempt,
        hash: Option<String>,
    ) -> Result<bool, PasswordError> {
        let argon2 = self.argon2.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys_hash.to_string());
        self.in_turn(move || {
            let hash = PasswordHash::new(&hash)?;
            match argon2.verify_password(attempt.expose().as_bytes(), &hash) {
                Ok(()) => Ok(known),
                Err(Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn in_turn<T, F>(&self, work: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        let turns = Arc::clone(&self.turns);
        let turn = turns.acquire_owned().await.expect("the semaphore is never closed");
        let work = move || {
            // Held by the work and not by the request: one that is cancelled does not let another hash begin early.
            let _turn = turn;
            let began = Instant::now();
            (work(), began.elapsed())
        };
        let (result, took) = spawn_blocking(work).await.map_err(PasswordError::Stopped)?;
        metrics::histogram!("password_hash_seconds").record(took);
        result.map_err(PasswordError::Argon2)
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords")
            .field("free_turns", &self.turns.available_permits())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(text: &str) -> PasswordAttempt {
        serde_json::from_value(text.into()).unwrap()
    }

    fn passwords() -> Passwords {
        Passwords::new(NonZeroUsize::MIN).unwrap()
    }

    #[tokio::test]
    async fn a_hash_is_told_from_others_and_salted_anew() {
        let passwords = passwords();
        let hash = async || passwords.hash("macaron-tower-7".to_owned().into()).await.unwrap();
        let (first, second) = (hash().await, hash().await);
        assert_ne!(first, second);
        assert!(passwords.verify(attempt("macaron-tower-7"), Some(first.clone())).await.unwrap());
        assert!(!passwords.verify(attempt("macaron-tower-8"), Some(first)).await.unwrap());
        assert!(passwords.verify(attempt("x"), Some("no hash".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn an_attempt_on_nobody_is_wrong_and_costs_what_any_other_does() {
        let passwords = passwords();
        assert!(!passwords.verify(attempt("nobody"), None).await.unwrap());
        let parameters = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(passwords.nobodys_hash.starts_with(parameters), "{}", passwords.nobodys_hash);
        assert!(passwords.hash("macaron-tower-7".to_owned().into()).await.unwrap().starts_with(parameters));
        // It waits for its turn, because it hashes.
        let turn = Arc::clone(&passwords.turns).try_acquire_owned().unwrap();
        let mut waiting = Box::pin(passwords.verify(attempt("nobody"), None));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(turn);
        assert!(!waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_turn_is_held_until_the_work_ends_though_nobody_waits_for_it() {
        let passwords = passwords();
        let mut given_up = Box::pin(passwords.hash("macaron-tower-7".to_owned().into()));
        assert!(futures::poll!(&mut given_up).is_pending());
        drop(given_up);
        assert_eq!(passwords.turns.available_permits(), 0);
        // The next one gets its turn when the work is done.
        passwords.hash("macaron-tower-7".to_owned().into()).await.unwrap();
        assert_eq!(passwords.turns.available_permits(), 1);
    }
}
