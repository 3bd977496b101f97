//! The settings of member-api, besides those of every process.

use std::num::NonZeroUsize;
use std::time::Duration;

use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service_host::Live;

/// The settings of member-api, besides those of every process.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The schema `member`.
    #[garde(dive)]
    pub database: database::Settings,
    /// Access and refresh tokens.
    #[garde(dive)]
    pub tokens: Live<Tokens>,
    /// How passwords are hashed.
    #[garde(dive)]
    #[serde(default)]
    pub passwords: Passwords,
    /// How guessing is slowed down.
    #[garde(dive)]
    #[serde(default)]
    pub sign_in: Live<SignIn>,
    /// The audit of the ledger.
    #[garde(dive)]
    #[serde(default)]
    pub audit: Live<Audit>,
    /// How accounts are closed.
    #[garde(dive)]
    #[serde(default)]
    pub closing: Closing,
    /// One-time passwords, the second factor of members.
    #[garde(dive)]
    #[serde(default)]
    pub otp: Live<Otp>,
    /// The trail of what happens to accounts.
    #[garde(dive)]
    #[serde(default)]
    pub security_events: Live<SecurityEvents>,
    /// The Redis server with the locks of wallets.
    #[garde(dive)]
    pub redis: hot_key_queue::RedisSettings,
    /// The queue in front of a hot wallet.
    #[garde(dive)]
    #[serde(default)]
    pub wallet_lock: hot_key_queue::Settings,
}

/// The section `tokens`: access and refresh tokens.
#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tokens {
    /// The keys of access tokens: Ed25519 keys as PKCS #8 in base64; sealed. The first one signs, all are published.
    /// To change keys, put a new one first, and remove the old one when its last token has expired.
    #[garde(length(min = 1, max = 8))]
    pub signing_keys: Vec<SecretString>,
    /// How long an access token is valid. After it is made shorter, older tokens stay valid for the old time, but gateways
    /// forget their revocation after the new time.
    #[garde(range(min = 10, max = 86_400))]
    #[serde(default = "default_access_lifetime_s")]
    pub access_lifetime_s: u64,
    /// How long a session lasts after its last refresh.
    #[garde(range(min = 1, max = 366))]
    #[serde(default = "default_refresh_lifetime_days")]
    pub refresh_lifetime_days: u32,
    /// How long after its sign-in a session ends for good, however often it was refreshed. Its last access token may be valid for
    /// `access-lifetime-s` more. A shorter time also ends the sessions that are older than it.
    #[garde(range(min = 1, max = 3_660))]
    #[serde(default = "default_session_lifetime_days")]
    pub session_lifetime_days: u32,
}

/// The section `passwords`: how passwords are hashed, and how many requests may wait for it.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Passwords {
    /// How many passwords are hashed at once. Each takes a core, and 19 MiB that are kept. Without it, one less than the number
    /// of cores, so that many sign-ins leave a core for everything else.
    #[garde(skip)]
    pub hashes_at_once: Option<NonZeroUsize>,
    /// How many sign-ins may wait for their hash. Further ones are answered 503 at once. Sign-ins, sign-ups and password changes
    /// that wait take turns.
    #[garde(range(min = 1, max = 10_000))]
    pub sign_in_queue: usize,
    /// How many sign-ups may wait for their hash.
    #[garde(range(min = 1, max = 10_000))]
    pub sign_up_queue: usize,
    /// How many password changes may wait for their hashes.
    #[garde(range(min = 1, max = 10_000))]
    pub change_queue: usize,
    /// How long a request may wait for its hash before it is answered 503. It is shorter than the time after which the gateway
    /// takes an instance for one that stands still (`upstream.try-timeout-ms`).
    #[garde(range(min = 10, max = 60_000))]
    pub queue_wait_ms: u64,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            hashes_at_once: None,
            sign_in_queue: 24,
            sign_up_queue: 12,
            change_queue: 8,
            queue_wait_ms: 1_500,
        }
    }
}

impl Passwords {
    /// Returns the setting, or the default for the number of cores.
    pub fn hashes_at_once(&self) -> NonZeroUsize {
        self.hashes_at_once.unwrap_or_else(|| {
            let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            NonZeroUsize::new(cores - 1).unwrap_or(NonZeroUsize::MIN)
        })
    }
}

/// The section `sign-in`: how guessing passwords, and asking which emails are taken, is slowed down. Only failed attempts
/// count. After `attempts` of them the next one has to wait for a second, and for twice as long after each further failure.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SignIn {
    /// How many attempts on one account may fail without a delay. An attempt from a place where the
    /// member has signed in before looks only at the failures from there. Any other attempt looks at the failures from everywhere.
    #[garde(range(min = 1, max = 10_000))]
    pub account_attempts: u32,
    /// After how long one failed attempt on an account is forgiven.
    #[garde(range(min = 1, max = 86_400))]
    pub account_refill_s: u32,
    /// The longest delay of an account.
    #[garde(range(min = 1, max = 86_400))]
    pub account_longest_wait_s: u32,
    /// How many attempts from one address may fail without a delay, on all accounts together. An address is an IPv4 address, or
    /// an IPv6 network of 64 bits. Members who have signed in from there before are not delayed by it.
    #[garde(range(min = 1, max = 1_000_000))]
    pub address_attempts: u32,
    /// After how long one failed attempt from an address is forgiven.
    #[garde(range(min = 1, max = 86_400))]
    pub address_refill_s: u32,
    /// The longest delay of an address.
    #[garde(range(min = 1, max = 86_400))]
    pub address_longest_wait_s: u32,
    /// For how long after a sign-in its place is known.
    #[garde(range(min = 1, max = 366))]
    pub known_place_days: u32,
    /// The key of the hashes under which emails and addresses are stored, 32 characters or more; sealed. Without it, it is made
    /// from the first of `tokens.signing-keys`; a change of that key then forgets all failures and all known places.
    #[garde(inner(custom(long_enough)))]
    pub hash_key: Option<SecretString>,
}

fn long_enough(key: &SecretString, _: &()) -> garde::Result {
    if key.expose_secret().chars().count() < 32 {
        return Err(garde::Error::new("shorter than 32 characters"));
    }
    Ok(())
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            account_attempts: 12,
            account_refill_s: 900,
            account_longest_wait_s: 900,
            address_attempts: 300,
            address_refill_s: 3,
            address_longest_wait_s: 60,
            known_place_days: 28,
            hash_key: None,
        }
    }
}

/// The section `audit`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Audit {
    /// The time between two audits of the whole ledger, whose totals are published as metrics. An audit reads every
    /// posting.
    #[garde(range(min = 1, max = 604_800))]
    pub interval_s: u64,
}

impl Audit {
    /// The time between two audits.
    pub const fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_s)
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { interval_s: 900 }
    }
}

/// The section `closing`: how accounts are closed, in this service and in those that know the member.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Closing {
    /// How long a call to another service may take, with all its attempts. A request to close an account makes up to four calls,
    /// one after the other.
    #[garde(range(min = 100, max = 60_000))]
    pub call_timeout_ms: u64,
    /// How often to look for closings whose lease has expired.
    #[garde(range(min = 10, max = 60_000))]
    pub poll_ms: u64,
    /// How long a closing belongs to the process that works on it. If the process dies, the others wait for this time. It is
    /// longer than two calls to other services.
    #[garde(range(min = 2, max = 600))]
    pub lease_s: u64,
    /// How many closings that were interrupted go on at the same time.
    #[garde(range(min = 1, max = 1_000))]
    pub at_once: u32,
}

impl Default for Closing {
    fn default() -> Self {
        Self { call_timeout_ms: 3_000, poll_ms: 500, lease_s: 10, at_once: 4 }
    }
}

impl Closing {
    /// How long a call to another service may take.
    pub const fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }

    /// How often to look.
    pub const fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }

    /// How long a closing belongs to the process that works on it.
    pub const fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }
}

/// The section `otp`: one-time passwords, the second factor of members.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Otp {
    /// The keys under which the secrets of one-time passwords are stored, as `config-server keygen` makes them; sealed. The first one
    /// seals, all open. A key can be removed when no secret is left that it has sealed. Without a key, nobody can set a second
    /// factor up.
    #[garde(length(max = 8), inner(custom(opening_key)))]
    pub keys: Vec<SecretString>,
    /// Whether administrators need a second factor. One who has none can't sign in; `member-api enrol-otp` sets it up.
    #[garde(skip)]
    pub required_for_admins: bool,
}

fn opening_key(key: &SecretString, _: &()) -> garde::Result {
    match key.expose_secret().parse::<sealing::OpeningKey>() {
        Ok(_) => Ok(()),
        Err(_) => Err(garde::Error::new("is not a private key as `config-server keygen` makes them")),
    }
}

/// The section `security-events`: the trail of what happens to accounts.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SecurityEvents {
    /// After how many days an event is deleted.
    #[garde(range(min = 1, max = 3_660))]
    pub kept_days: u32,
    /// How many events of the same kind and outcome are recorded for a member in an hour, and for all emails together that belong
    /// to nobody. Further ones are only counted, in `security_events_dropped_total`.
    #[garde(range(min = 1, max = 10_000))]
    pub most_per_hour: u32,
}

impl Default for SecurityEvents {
    fn default() -> Self {
        Self { kept_days: 180, most_per_hour: 60 }
    }
}

fn default_access_lifetime_s() -> u64 {
    900
}

fn default_refresh_lifetime_days() -> u32 {
    30
}

fn default_session_lifetime_days() -> u32 {
    90
}
