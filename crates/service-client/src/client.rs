//! The HTTP client of all calls between services.

use std::time::Duration;

/// Instances are in the same network, where a connection opens faster or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// It is shorter than the times for which a service keeps a connection on which nothing happens: its
/// `server.idle-timeout-ms`, and `server.first-byte-timeout-ms`, which is 5 s by default. So this side closes idle
/// connections, and no request is sent on a connection that the service is just closing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// For calls without their own deadline.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client with timeouts, without proxies and redirects. A process has one, which owns the connections.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .no_proxy()
        .build()
}
