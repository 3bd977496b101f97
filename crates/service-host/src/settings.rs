//! The sections of the settings that every process has. `consul` is [`discovery::Settings`], `access` is
//! [`access::Settings`].

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use garde::Validate;
use serde::Deserialize;
use telemetry::{LogError, LogFilter};

use crate::connections::Limits;

/// How many connections an address may have at a service that everybody can reach, if the settings do not say.
const PUBLIC_CONNECTIONS_PER_ADDRESS: usize = 512;

/// For how long a client may take nothing of an answer, if the settings do not say: all the world, and the gateway.
const PUBLIC_WRITE_IDLE_MS: u64 = 10_000;
const WRITE_IDLE_MS: u64 = 120_000;

/// Section `server`: the main port.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Server {
    /// Where to serve: an IP address and a port.
    #[garde(skip)]
    pub address: SocketAddr,
    /// The IP address of this process for others, if `address` is that of all interfaces. Without it, the address from which
    /// this machine reaches Consul, or the outside if Consul is on the loopback interface.
    #[serde(default)]
    #[garde(skip)]
    pub advertise: Option<IpAddr>,
    /// The certificate with which the main port is encrypted. Without it, it is not.
    #[serde(default)]
    #[garde(skip)]
    pub tls: Option<TlsFiles>,
    /// Milliseconds from the begin of a connection to its first byte.
    #[serde(default = "Server::default_first_byte_timeout_ms")]
    #[garde(range(min = 10, max = 60_000))]
    pub first_byte_timeout_ms: u64,
    /// Milliseconds from the first byte of a request to the end of its head.
    #[serde(default = "Server::default_header_read_timeout_ms")]
    #[garde(range(min = 10, max = 600_000))]
    pub header_read_timeout_ms: u64,
    /// Milliseconds for which a client may send nothing in the middle of a request's body. Then it is answered 408.
    #[serde(default = "Server::default_body_idle_timeout_ms")]
    #[garde(range(min = 10, max = 600_000))]
    pub body_idle_timeout_ms: u64,
    /// Milliseconds for which a client may take nothing of an answer that waits for it. Then the connection is cut off. Without it,
    /// 10000 for the gateway; and 120000 for services, because the gateway takes an answer no faster than its own client does.
    #[serde(default)]
    #[garde(range(min = 10, max = 600_000))]
    pub write_idle_timeout_ms: Option<u64>,
    /// Milliseconds for which a connection is kept between two requests. It must be longer than the time for which clients keep
    /// it: `upstream.idle-timeout-ms` of the gateway, or that of a load balancer.
    #[serde(default = "Server::default_idle_timeout_ms")]
    #[garde(range(min = 10, max = 3_600_000))]
    pub idle_timeout_ms: u64,
    /// Milliseconds for which a request goes on after its client has closed the sending half of the connection. A client that
    /// does this may wait for the answer, or may be gone; nobody can tell which.
    #[serde(default = "Server::default_half_close_timeout_ms")]
    #[garde(range(max = 600_000))]
    pub half_close_timeout_ms: u64,
    /// Milliseconds from the head of a request to the head of its answer.
    #[serde(default = "Server::default_request_timeout_ms")]
    #[garde(range(min = 10, max = 600_000))]
    pub request_timeout_ms: u64,
    /// The largest body of a request, in bytes.
    #[serde(default = "Server::default_max_body_bytes")]
    #[garde(range(min = 1))]
    pub max_body_bytes: usize,
    /// The largest number of connections at once. For a further one, those are closed that have waited longest for a request. If
    /// all have a request, it waits.
    #[serde(default = "Server::default_max_connections")]
    #[garde(range(min = 1, max = 1_000_000))]
    pub max_connections: usize,
    /// The largest number of connections from one address, or from one /64 network of IPv6. For a further one, that connection of
    /// the address is closed that has waited longest for a request. If all have a request, the further one is closed. Without it,
    /// 512 for the gateway, whose trusted proxies may have any number; and no limit for services, which only ours call.
    #[serde(default)]
    #[garde(range(min = 1, max = 1_000_000))]
    pub max_connections_per_address: Option<usize>,
    /// Milliseconds for which a process that was told to stop accepts connections, until its callers have noticed. Its answers
    /// already say `Connection: close`.
    #[serde(default = "Server::default_drain_delay_ms")]
    #[garde(range(max = 60_000))]
    pub drain_delay_ms: u64,
    /// Milliseconds after that for which kept connections may send one more request, which may have been on its way.
    #[serde(default = "Server::default_drain_idle_ms")]
    #[garde(range(max = 60_000))]
    pub drain_idle_ms: u64,
    /// Milliseconds after `drain-delay-ms` in which running requests and workers may finish.
    #[serde(default = "Server::default_drain_timeout_ms")]
    #[garde(range(max = 600_000))]
    pub drain_timeout_ms: u64,
}

/// A certificate and its key. The files are looked at every few seconds, and new connections get what they hold then. While the two
/// do not belong together, the old ones stay, with a warning in the log.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TlsFiles {
    /// The file with the certificate and those that vouch for it, in the PEM format.
    pub certificate: PathBuf,
    /// The file with the private key, in the PEM format.
    pub key: PathBuf,
}

/// Section `management`: the port of `/healthz`, `/readyz` and `/metrics`.
#[derive(Clone, Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Management {
    /// Where to answer: an IP address and a port. Consul has to reach it; clients must not.
    #[garde(skip)]
    pub address: SocketAddr,
}

/// Section `log`: what is logged.
#[derive(Clone, Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Log {
    /// A level, and levels for parts of the process, as in `info,sqlx=debug`. Without it, the flag `--log` says what is logged.
    #[garde(inner(custom(is_filter)))]
    pub filter: Option<String>,
}

fn is_filter(filter: &str, _context: &()) -> garde::Result {
    filter.parse::<LogFilter>().map(drop).map_err(|error| garde::Error::new(telemetry::chain(&error)))
}

impl Log {
    /// The filter of the setting, or that of the flag.
    pub(crate) fn filter(&self, flag: &str) -> Result<LogFilter, LogError> {
        self.filter.as_deref().unwrap_or(flag).parse()
    }
}

impl Server {
    fn default_first_byte_timeout_ms() -> u64 {
        5_000
    }

    fn default_header_read_timeout_ms() -> u64 {
        10_000
    }

    fn default_body_idle_timeout_ms() -> u64 {
        10_000
    }

    fn default_idle_timeout_ms() -> u64 {
        75_000
    }

    fn default_half_close_timeout_ms() -> u64 {
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

    fn default_drain_idle_ms() -> u64 {
        1_000
    }

    fn default_drain_timeout_ms() -> u64 {
        10_000
    }

    /// The limits for clients that are known, or for all the world.
    pub(crate) fn limits(&self, is_public: bool) -> Limits {
        let of_public = is_public.then_some(PUBLIC_CONNECTIONS_PER_ADDRESS);
        let write_idle_ms = if is_public { PUBLIC_WRITE_IDLE_MS } else { WRITE_IDLE_MS };
        Limits {
            first_byte: Duration::from_millis(self.first_byte_timeout_ms),
            header_read: Duration::from_millis(self.header_read_timeout_ms),
            body_idle: Duration::from_millis(self.body_idle_timeout_ms),
            write_idle: Duration::from_millis(self.write_idle_timeout_ms.unwrap_or(write_idle_ms)),
            idle: Duration::from_millis(self.idle_timeout_ms),
            half_close: Duration::from_millis(self.half_close_timeout_ms),
            drain_idle: Duration::from_millis(self.drain_idle_ms),
            connections: self.max_connections,
            connections_per_address: self.max_connections_per_address.or(of_public),
        }
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
