//! Closing a port without losing a connection that a client has opened.
//!
//! The kernel opens connections by itself, and keeps them for the process to accept. If the listener is closed, it resets those
//! that were not accepted. One can always arrive between the last accept and the closing. On a port that other processes share
//! (`SO_REUSEPORT`) this would break connections that the others could have served, so there the listener first stops taking new
//! ones: a filter on the socket drops their first packet. The client sends that packet again after a second, and the kernel gives
//! it to another listener. With `net.ipv4.tcp_migrate_req` the kernel gives the connections themselves to another listener when
//! one is closed, so nobody has to wait.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockFilter, SockRef};
use tokio::net::{TcpListener, TcpStream};

/// Longer than the handshake of a connection whose first packet has arrived before the filter.
const HANDSHAKE: Duration = Duration::from_millis(50);
const MIGRATES: &str = "/proc/sys/net/ipv4/tcp_migrate_req";

/// A filter is a program for the kernel. It sees a packet from its TCP header on, and returns how much of it is kept.
const DROP_FIRST_PACKETS: [(u16, u8, u8, u32); 5] = [
    (LOAD_BYTE, 0, 0, FLAGS_OFFSET),
    (AND, 0, 0, SYN | ACK),
    (JUMP_IF_EQUAL, 0, 1, SYN),
    (RETURN, 0, 0, 0),
    (RETURN, 0, 0, u32::MAX),
];
const LOAD_BYTE: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const FLAGS_OFFSET: u32 = 13;
const SYN: u32 = 0x02;
const ACK: u32 = 0x10;

/// A listener that is to be closed.
pub(super) struct ClosingPort(std::net::TcpListener);

impl ClosingPort {
    /// Gets the listener of a shared port to take no new connections.
    pub(super) async fn begin(listener: TcpListener) -> io::Result<Self> {
        let listener = listener.into_std()?;
        let socket = SockRef::from(&listener);
        if socket.reuse_port()? && !kernel_migrates() {
            let filter = DROP_FIRST_PACKETS.map(|(code, jt, jf, k)| SockFilter::new(code, jt, jf, k));
            socket.attach_filter(&filter)?;
            tokio::time::sleep(HANDSHAKE).await;
        }
        Ok(Self(listener))
    }

    /// The next connection that is open already. The kernel is asked each time: tokio would only look up what it has heard
    /// from the kernel before.
    pub(super) fn accept(&self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        loop {
            match self.0.accept() {
                Ok((stream, peer)) => {
                    stream.set_nonblocking(true)?;
                    return Ok(Some((TcpStream::from_std(stream)?, peer)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether an error of accepting says only that the client has closed the connection meanwhile.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Whether the kernel gives the connections of a closed listener to another one.
fn kernel_migrates() -> bool {
    fs::read_to_string(MIGRATES).is_ok_and(|text| text.trim() == "1")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use tokio::io::AsyncWriteExt as _;
    use tokio::task::JoinSet;

    use super::*;
    use crate::connections::{bind, listen};

    fn two_listeners() -> [TcpListener; 2] {
        let sockets = bind("127.0.0.1:0".parse().unwrap(), 2.try_into().unwrap()).unwrap();
        let listeners = listen(sockets).unwrap().into_iter().map(|one| TcpListener::from_std(one).unwrap());
        listeners.collect::<Vec<_>>().try_into().unwrap()
    }

    #[tokio::test]
    async fn a_connection_that_only_the_kernel_knows_is_accepted() {
        let [listener, other] = two_listeners();
        drop(other);
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = ClosingPort::begin(listener).await.unwrap();
        let (_, peer) = port.accept().unwrap().expect("the connection is open");
        assert_eq!(peer, client.local_addr().unwrap());
        assert!(port.accept().unwrap().is_none());
    }

    #[tokio::test]
    async fn whoever_connects_while_one_of_two_listeners_is_closed_is_served_by_the_other() {
        const CLIENTS: usize = 64;
        let [closing, other] = two_listeners();
        let address = closing.local_addr().unwrap();
        let port = ClosingPort::begin(closing).await.unwrap();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn_blocking(move || {
                let mut answer = String::new();
                std::net::TcpStream::connect(address)?.read_to_string(&mut answer).map(|_| answer)
            });
        }
        // Half of them would have come to the closing one.
        for _ in 0..CLIENTS / 4 {
            other.accept().await.unwrap().0.write_all(b"served").await.unwrap();
        }
        drop(port);
        for _ in CLIENTS / 4..CLIENTS {
            other.accept().await.unwrap().0.write_all(b"served").await.unwrap();
        }
        for answer in clients.join_all().await {
            assert_eq!(answer.unwrap(), "served");
        }
    }

    #[tokio::test]
    async fn a_bound_port_takes_no_connection_before_it_listens() {
        let address = "127.0.0.1:0".parse().unwrap();
        let serving = bind(address, 1.try_into().unwrap()).unwrap();
        let address = serving[0].local_addr().unwrap();
        let starting = bind(address, 4.try_into().unwrap()).unwrap();
        let serving = TcpListener::from_std(listen(serving).unwrap().remove(0)).unwrap();
        for _ in 0..32 {
            let client = TcpStream::connect(address).await.unwrap();
            assert_eq!(serving.accept().await.unwrap().1, client.local_addr().unwrap());
        }
        drop(starting);
    }
}
