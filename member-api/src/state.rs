//! What every handler works with.

use clock::Clock;
use database::Database;

use crate::members::passwords::Passwords;
use crate::sessions::tokens::Tokens;
use crate::settings;
use crate::wallet::till::Till;

/// The parts of the service that requests share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The schema `member`.
    pub database: Database,
    /// Time, and new ids.
    pub clock: Clock,
    /// What brings money in.
    pub till: Till,
    /// What hashes and compares passwords.
    pub passwords: Passwords,
    /// What signs access tokens.
    pub tokens: Tokens,
    /// How often a password may be guessed.
    pub sign_in_limits: settings::SignIn,
}
