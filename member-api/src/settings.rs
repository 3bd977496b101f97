//! The settings of this service, beside those that every process has.

use std::num::NonZeroUsize;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

/// The settings of member-api, beside those of every process.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The schema `member`.
    #[garde(dive)]
    pub database: database::Settings,
    /// What members sign in for.
    #[garde(dive)]
    pub tokens: Tokens,
    /// How passwords are hashed.
    #[garde(dive)]
    #[serde(default)]
    pub passwords: Passwords,
    /// How often a password may be guessed.
    #[garde(dive)]
    #[serde(default)]
    pub sign_in: SignIn,
    /// The proof of the ledger.
    #[garde(dive)]
    #[serde(default)]
    pub audit: Audit,
    /// Where the wallets' locks are.
    #[garde(dive)]
    pub redis: lock::RedisSettings,
    /// The queue before a hot wallet.
    #[garde(dive)]
    #[serde(default)]
    pub wallet_lock: lock::Settings,
}

/// The section `tokens`: access and refresh tokens.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tokens {
    /// The keys of access tokens: Ed25519 keys as PKCS #8 in base64; sealed. The first one signs, all are published.
    /// To change keys, put a new one first, and take the old one away when its last token has expired.
    #[garde(length(min = 1, max = 8))]
    pub signing_keys: Vec<SecretString>,
    /// How long an access token is good. Who makes it shorter should know that the tokens of before live as long as they
    /// would have, and that gateways forget the end of their sessions after the new time.
    #[garde(range(min = 10, max = 86_400))]
    #[serde(default = "default_access_lifetime_s")]
    pub access_lifetime_s: u64,
    /// How long a session lasts from its last refresh.
    #[garde(range(min = 1, max = 366))]
    #[serde(default = "default_refresh_lifetime_days")]
    pub refresh_lifetime_days: u32,
}

/// The section `passwords`.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Passwords {
    /// How many passwords are hashed at once, each on a core of its own with 19 MiB. Without it: one less than there
    /// are cores, so that a flood of sign-ins leaves a core for everything else.
    #[garde(skip)]
    #[serde(default)]
    pub hashes_at_once: Option<NonZeroUsize>,
}

impl Passwords {
    /// The setting, or what the machine suggests.
    pub fn hashes_at_once(&self) -> NonZeroUsize {
        self.hashes_at_once.unwrap_or_else(|| {
            let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            NonZeroUsize::new(cores - 1).unwrap_or(NonZeroUsize::MIN)
        })
    }
}

/// The section `sign-in`: the brake on guessing passwords.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SignIn {
    /// How many attempts on one account may fail in a window.
    #[garde(range(min = 1, max = 10_000))]
    pub account_attempts: u32,
    /// How many attempts from one address may fail in a window, or be under way at once.
    #[garde(range(min = 1, max = 1_000_000))]
    pub address_attempts: u32,
    /// How long a window is.
    #[garde(range(min = 1, max = 86_400))]
    pub window_s: u64,
}

impl Default for SignIn {
    fn default() -> Self {
        Self { account_attempts: 10, address_attempts: 200, window_s: 900 }
    }
}

/// The section `audit`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Audit {
    /// How long after one proof of the whole ledger the next one is made, whose figures are metrics. It reads every
    /// posting.
    #[garde(range(min = 1, max = 604_800))]
    pub interval_s: u64,
}

impl Default for Audit {
    fn default() -> Self {
        Self { interval_s: 900 }
    }
}

fn default_access_lifetime_s() -> u64 {
    900
}

fn default_refresh_lifetime_days() -> u32 {
    30
}
