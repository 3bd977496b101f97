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
    /// The IP address at which others find this process, where `address` is that of all interfaces. Without it, the
    /// address that is used to reach Consul.
    #[serde(default)]
    #[garde(skip)]
    pub advertise: Option<IpAddr>,
    /// Milliseconds from the beginning of a connection to its first byte.
    #[serde(default = "Server::default_first_byte_timeout_ms")]
    #[garde(range(min = 10, max = 60_000))]
    pub first_byte_timeout_ms: u64,
    /// Milliseconds for the whole head of a request, counted from the connection's first byte or the end of the answer
    /// before. So it is also how long a connection is kept without a request.
    #[serde(default = "Server::default_header_read_timeout_ms")]
    #[garde(range(min = 10, max = 600_000))]
    pub header_read_timeout_ms: u64,
    /// Milliseconds from a request's head to its answer's.
    #[serde(default = "Server::default_request_timeout_ms")]
    #[garde(range(min = 10, max = 600_000))]
    pub request_timeout_ms: u64,
    /// The largest body of a request, in bytes.
    #[serde(default = "Server::default_max_body_bytes")]
    #[garde(range(min = 1))]
    pub max_body_bytes: usize,
    /// The most connections at once; more wait to be accepted.
    #[serde(default = "Server::default_max_connections")]
    #[garde(range(min = 1, max = 1_000_000))]
    pub max_connections: usize,
    /// Milliseconds for which a process that is told to stop serves as before, while its callers take note.
    #[serde(default = "Server::default_drain_delay_ms")]
    #[garde(range(max = 60_000))]
    pub drain_delay_ms: u64,
    /// Milliseconds that requests and workers get to finish after that.
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
