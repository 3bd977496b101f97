//! Accepting and serving connections, with limits for slow clients.
//!
//! `axum::serve` has no timeouts, and hyper only one. The limits are here:
//!
//! | file | owns |
//! |---|---|
//! | `limits` | the limits for clients |
//! | `drain` | how far a process has stopped serving |
//! | `closing` | closing the port without losing a connection |
//! | `port` | what the connections of a port share |
//! | `room`, `activity` | how many connections there are, and which give way to others; what a connection is doing |
//! | `connection` | one connection: its protocol, and its end |
//! | `http1`, `http2` | the requests of a connection |
//! | `resting` | a connection of HTTP/1 that waits for long, without hyper |
//! | `arrival` | the body of a request: one that stalls, and one that nobody reads |
//! | `threads` | a thread with a listener and connections of its own |
//! | `socket` | the time for the head of a request; the client that goes away; the end that loses no answer |
//! | `progress`, `taken` | the client that does not read, or gives one of its requests no room for an answer |
//! | `tls`, `clear` | the certificate, and when it changes; the client that does not encrypt |

mod activity;
mod arrival;
mod clear;
mod closing;
mod connection;
mod drain;
mod http1;
mod http2;
mod limits;
mod port;
mod progress;
mod resting;
mod room;
mod socket;
mod taken;
mod threads;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use port::DROPPED;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

pub(crate) use arrival::Arrival;
use closing::{ClosingPort, is_of_one_connection};
pub use drain::Drain;
pub(crate) use limits::Limits;
pub(crate) use port::Port;
pub(crate) use threads::{bind, listen, serve_on_threads};
pub(crate) use tls::Tls;

/// The pause when no connection can be accepted, because too many files are open.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// How much of an answer the kernel takes before the client has room for it.
const UNSENT_BYTES: u32 = 128 * 1024;

/// Serves until the port is to be closed. Then it lets every connection finish its current request, and returns when the last
/// connection has ended.
pub(crate) async fn serve(listener: TcpListener, port: Arc<Port>) {
    bound_buffers(&listener, port.limits.write_idle);
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = port.drain.port_closed() => break,
        };
        match accepted {
            Ok(accepted) => admit(accepted, &port, &open).await,
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await;
            }
        }
    }
    // Clients whose connections the kernel has accepted already may have sent their requests.
    if let Err(error) = take_rest(listener, &port, &open).await {
        tracing::warn!(%error, "connections were lost when the port was closed");
    }
    open.close();
    open.wait().await;
}

/// Bounds what the kernel keeps for a client that does not read: of what was not sent yet, and for how long after the process has
/// closed the connection. Connections have it from their listener. Without it, only memory is wasted.
fn bound_buffers(listener: &TcpListener, limit: Duration) {
    let socket = SockRef::from(listener);
    let bounded = socket.set_tcp_notsent_lowat(UNSENT_BYTES);
    if let Err(error) = bounded.and_then(|()| socket.set_tcp_user_timeout(Some(limit))) {
        tracing::warn!(%error, "can't bound the kernel's buffers of connections");
    }
}

/// Begins to serve a connection, as soon as there is room for it.
async fn admit((stream, peer): (TcpStream, SocketAddr), port: &Arc<Port>, open: &TaskTracker) {
    let Some(place) = port.room.take(peer.ip()).await else {
        counter!(DROPPED, "reason" => "address_full").increment(1);
        return;
    };
    open.spawn(connection::serve(stream, peer, place, Arc::clone(port)));
}

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept().await {
            Ok(accepted) => return Ok(accepted),
            // The client has closed the connection before it was accepted.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Closes the port after the last connection that the kernel has accepted.
async fn take_rest(listener: TcpListener, port: &Arc<Port>, open: &TaskTracker) -> io::Result<()> {
    let closing = ClosingPort::begin(listener).await?;
    while let Some(accepted) = closing.accept()? {
        admit(accepted, port, open).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
