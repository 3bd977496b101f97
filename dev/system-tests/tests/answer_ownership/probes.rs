//! Probes of readiness that hang up before they are answered, as an impatient load balancer's do.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use stack::Stack;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// So many probes at once for each service.
const PROBES: usize = 30;
const LATEST_HANG_UP_US: u64 = 2_000;
const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nhost: probe\r\n\r\n";

/// Asks these services whether they are ready, and hangs up before the answers.
///
/// # Panics
/// If a service does not accept connections.
pub(crate) async fn hang_up(stack: &Stack, services: &[&str], rng: &mut StdRng) {
    let mut probes = JoinSet::new();
    for service in services {
        let url = stack.management_url(service).unwrap();
        let address = url.trim_start_matches("http://").to_owned();
        for _ in 0..PROBES {
            let wait = Duration::from_micros(rng.random_range(0..=LATEST_HANG_UP_US));
            let address = address.clone();
            probes.spawn(async move {
                let mut connection = TcpStream::connect(address).await.unwrap();
                connection.write_all(REQUEST).await.unwrap();
                tokio::time::sleep(wait).await;
            });
        }
    }
    probes.join_all().await;
}
