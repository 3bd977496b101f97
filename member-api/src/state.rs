//! The state that handlers share.

use clock::Clock;
use database::Database;

use crate::members::password_hasher::PasswordHasher;
use crate::sessions::throttle::Throttle;
use crate::sessions::tokens::Tokens;
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
    /// Slows down who guesses passwords.
    pub throttle: Throttle,
}
