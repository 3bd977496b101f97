//! The memory of idle connections.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::proxies::Proxy;
use super::rows::Row;

/// The connections come from so many addresses of the loopback network, because an address has only some ten thousand ports.
const ADDRESSES: u32 = 50;
/// The process has cleaned up after so long.
const SETTLING: Duration = Duration::from_secs(1);

/// The resident memory, in KiB, before the connections and with them.
pub(super) async fn measure(proxy: &Proxy, connections: u32) -> anyhow::Result<(u64, u64)> {
    let before = proxy.memory_kib()?;
    let mut open = Vec::new();
    for number in 0..connections {
        let last = u8::try_from(2 + number % ADDRESSES)?;
        let opened = used_once(Ipv4Addr::new(127, 0, 1, last), proxy.port()).await;
        open.push(opened.with_context(|| format!("the {number}th idle connection to {}", proxy.kind))?);
    }
    tokio::time::sleep(SETTLING).await;
    Ok((before, proxy.memory_kib()?))
}

/// A connection on which one request was answered.
async fn used_once(from: Ipv4Addr, port: u16) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?;
    let request = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", Row::Keys.path());
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).await?;
    ensure!(answer[..read].starts_with(b"HTTP/1.1 200"), "it was not answered");
    Ok(stream)
}
