//! The command `healthcheck`: asks the process on this machine whether it is ready. An image that holds nothing but the
//! program has no other client for its health check.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::StatusCode;

/// Longer than a dependency may take until it counts as down.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks `/readyz` at the management address. An error says what is missing.
pub(crate) fn run(management: Option<SocketAddr>) -> anyhow::Result<()> {
    let address = management.context("healthcheck needs --management or DALKOM_MANAGEMENT")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(address))
}

async fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let url = format!("http://{}/readyz", reachable(address));
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
    let answer = client.get(url).send().await.context("no answer")?;
    let status = answer.status();
    let body = answer.text().await.context("an answer without an end")?;
    if status != StatusCode::OK {
        bail!("{status}: {body}");
    }
    Ok(())
}

/// A process that listens on all interfaces is asked on the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    /// The address of a process that answers `/readyz` so, on all interfaces.
    async fn process(status: StatusCode, body: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/readyz", get(move || async move { (status, body) }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    #[tokio::test]
    async fn a_ready_process_is_healthy() {
        ask(process(StatusCode::OK, "ready").await).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_process_lacks_is_said() {
        let address = process(StatusCode::SERVICE_UNAVAILABLE, "mysql is down").await;
        let error = ask(address).await.unwrap_err().to_string();
        assert!(error.contains("503") && error.contains("mysql is down"), "{error}");
    }

    #[tokio::test]
    async fn a_process_that_is_not_there_is_not_healthy() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(ask(free).await.unwrap_err().to_string(), "no answer");
    }

    #[test]
    fn without_an_address_the_flag_is_named() {
        assert!(run(None).unwrap_err().to_string().contains("DALKOM_MANAGEMENT"));
    }
}
