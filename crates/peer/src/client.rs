//! The HTTP client of all calls between services.

use std::time::Duration;

/// Instances are in the same network: a connection that is not there by then won't be.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Below the time for which a service keeps an idle connection (its `server.header-read-timeout-ms`), so that it is we
/// who close it and no request meets the service's closing halfway.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// For calls made without a deadline of their own.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client with timeouts, without proxies and redirects. One for each process: it owns the connections.
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
