//! Accepting and serving connections, with limits for slow clients.
//!
//! `axum::serve` has no timeouts. hyper has one, from the end of an answer to the end of the next head, which is used for idle
//! connections. The other limits are here:
//!
//! | file | owns |
//! |---|---|
//! | `limits` | the limits for clients |
//! | `drain` | how far a process has stopped serving |
//! | `closing` | closing the port without losing a connection |
//! | `connection` | one connection: its requests, and its end |
//! | `arrival` | the body of a request: one that stalls, and one that nobody reads |
//! | `threads` | a thread with a listener and connections of its own |
//! | `socket` | the time for the head of a request; the client that goes away; the end that loses no answer |

mod arrival;
mod closing;
mod connection;
mod drain;
mod limits;
mod socket;
mod threads;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::handler::Handler;

pub(crate) use arrival::Arrival;
use closing::{ClosingPort, is_of_one_connection};
pub use drain::Drain;
pub(crate) use limits::Limits;
pub(crate) use threads::{bind, listen, serve_on_threads};

/// The pause when no connection can be accepted, because too many files are open.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// Serves until the port is to be closed. Then it lets every connection finish its current request, and returns when the last
/// connection has ended.
pub(crate) async fn serve(listener: TcpListener, handler: Arc<Handler>, limits: Limits, drain: Drain) {
    serve_permitted(listener, handler, limits, drain, Arc::new(Semaphore::new(limits.connections))).await;
}

async fn serve_permitted(
    listener: TcpListener,
    handler: Arc<Handler>,
    limits: Limits,
    drain: Drain,
    permits: Arc<Semaphore>,
) {
    let open = TaskTracker::new();
    let take = |(stream, peer, permit): Accepted| {
        // While most connections are taken, further ones are not kept for long.
        let is_crowded = permits.available_permits() < limits.connections / 4;
        let idle = if is_crowded { limits.idle.min(limits.first_byte) } else { limits.idle };
        let limits = Limits { idle, ..limits };
        let serving = connection::serve(stream, peer, Arc::clone(&handler), limits, drain.clone());
        open.spawn(serving.map(|()| drop(permit)));
    };
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            () = drain.port_closed() => break,
        };
        match accepted {
            Ok(accepted) => take(accepted),
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await;
            }
        }
    }
    // Clients whose connections the kernel has accepted already may have sent their requests.
    if let Err(error) = take_rest(listener, &permits, take).await {
        tracing::warn!(%error, "connections were lost when the port was closed");
    }
    open.close();
    open.wait().await;
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Ok((stream, peer, permit)),
            // The client has closed the connection before it was accepted.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Closes the port after the last connection that the kernel has accepted.
async fn take_rest(
    listener: TcpListener,
    permits: &Arc<Semaphore>,
    take: impl Fn(Accepted),
) -> io::Result<()> {
    let port = ClosingPort::begin(listener).await?;
    loop {
        let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
        let Some((stream, peer)) = port.accept()? else { return Ok(()) };
        take((stream, peer, permit));
    }
}

#[cfg(test)]
mod tests;
