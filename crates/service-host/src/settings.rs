//! The sections of the settings that every process has. `consul` is [`discovery::Settings`], `access` is
//! [`access::Settings`].

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use garde::Validate;
use serde::Deserialize;

/// Section `server`: the main port.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Server {
    /// Where to serve: an IP address and a port.
    #[garde(skip)]
    pub address: SocketAddr,
    /// The IP address of this process for others, if `address` is that of all interfaces. Without it, the address from which
    /// this machine reaches Consul.
    #[serde(default)]
    #[garde(skip)]
    pub advertise: Option<IpAddr>,
    /// Milliseconds from the begin of a connection to its first byte.
    #[serde(default = "Server::default_first_byte_timeout_ms")]
    #[garde(range(min = 10, max = 60_000))]
    pub first_byte_timeout_ms: u64,
    /// Milliseconds for the whole head of a request, from the first byte of the connection or the end of the last answer. So it
    /// is also how long an idle connection is kept.
    #[serde(default = "Server::default_header_read_timeout_ms")]
    #[garde(range(min = 10, max = 600_000))]
    pub header_read_timeout_ms: u64,
    /// Milliseconds from the head of a request to the head of its answer.
    #[serde(default = "Server::default_request_timeout_ms")]
    #[garde(range(min = 10, max = 600_000))]
    pub request_timeout_ms: u64,
    /// The largest body of a request, in bytes.
    #[serde(default = "Server::default_max_body_bytes")]
    #[garde(range(min = 1))]
    pub max_body_bytes: usize,
    /// The largest number of connections at once. Further connections wait to be accepted.
    #[serde(default = "Server::default_max_connections")]
    #[garde(range(min = 1, max = 1_000_000))]
    pub max_connections: usize,
    /// Milliseconds for which a process that was told to stop serves as before, until its callers have noticed.
    #[serde(default = "Server::default_drain_delay_ms")]
    #[garde(range(max = 60_000))]
    pub drain_delay_ms: u64,
    /// Milliseconds after that in which running requests and workers may finish.
    #[serde(default = "Server::default_drain_timeout_ms")]
    #[garde(range(max = 600_000))]
    pub drain_timeout_ms: u64,
}

/// Section `management`: the port of `/healthz`, `/readyz` and `/metrics`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Management {
    /// Where to answer: an IP address and a port. Consul has to reach it; clients must not.
    #[garde(skip)]
    pub address: SocketAddr,
}

impl Server {
    fn default_first_byte_timeout_ms() -> u64 {
        5_000
    }

    fn default_header_read_timeout_ms() -> u64 {
        10_000
    }

    fn default_request_timeout_ms() -> u64 {
        30_000
    }

    fn default_max_body_bytes() -> usize {
        1024 * 1024
    }

    fn default_max_connections() -> usize {
        4_096
    }

    fn default_drain_delay_ms() -> u64 {
        300
    }

    fn default_drain_timeout_ms() -> u64 {
        10_000
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn drain_delay(&self) -> Duration {
        Duration::from_millis(self.drain_delay_ms)
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}
