//! The state that handlers share.

use clock::Clock;
use database::Database;

use crate::members::password_hasher::PasswordHasher;
use crate::sessions::tokens::Tokens;
use crate::settings;
use crate::wallet::charge_batcher::ChargeBatcher;

/// The parts of the service that requests share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The schema `member`.
    pub database: Database,
    /// Time, and new ids.
    pub clock: Clock,
    /// Makes charges.
    pub charge_batcher: ChargeBatcher,
    /// Hashes and verifies passwords.
    pub password_hasher: PasswordHasher,
    /// Signs access tokens.
    pub tokens: Tokens,
    /// The limits on sign-in attempts.
    pub sign_in_limits: settings::SignIn,
}
