//! The state that handlers share.

use clock::Clock;
use database::Database;
use tokio_util::task::TaskTracker;

use crate::accounts::participants::Participants;
use crate::members::password_hasher::PasswordHasher;
use crate::otp::keys::OtpKeys;
use crate::security_events::trail::Trail;
use crate::sessions::throttle::Throttle;
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
    /// Slows down who guesses passwords.
    pub throttle: Throttle,
    /// Seals the secrets of one-time passwords.
    pub otp_keys: OtpKeys,
    /// Records what happens to accounts.
    pub trail: Trail,
    /// The other services that know members.
    pub participants: Participants,
    /// How accounts are closed.
    pub closing_settings: settings::Closing,
    /// Work that outlives the request that began it. A process waits for it before it exits.
    pub background: TaskTracker,
}
