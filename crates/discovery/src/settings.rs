//! The `consul` section of a process's settings.

use std::time::Duration;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;

/// Section `consul`: where the agent is, and how it checks this process.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The Consul agent, for example `http://127.0.0.1:8500`.
    #[garde(prefix("http://"))]
    pub url: String,
    /// The token of this process, for a Consul with access control; sealed. It needs the right to register this service and to
    /// read the others: Consul's service identity.
    #[serde(default)]
    #[garde(skip)]
    pub token: Option<SecretString>,
    /// Milliseconds between two of Consul's checks of this process's readiness.
    #[serde(default = "Settings::default_check_interval_ms")]
    #[garde(range(min = 1_000, max = 10_000))]
    pub check_interval_ms: u64,
}

impl Settings {
    /// The time between two of Consul's checks.
    pub fn check_interval(&self) -> Duration {
        Duration::from_millis(self.check_interval_ms)
    }

    fn default_check_interval_ms() -> u64 {
        1_000
    }
}
