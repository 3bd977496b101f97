//! A connection of HTTP/1 that has waited for a request for a while.
//!
//! hyper keeps some 20 KiB for a connection, also while nothing happens on it. Most of the connections of a public port wait for
//! the next click of somebody. So hyper is taken off such a connection, and put on it again when the client sends something.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, sleep};

use super::port::Connection;

/// How long a connection waits until hyper is taken off it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the rest of a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The client has sent something, or closed the connection.
    ByClient,
    /// The client has sent nothing for too long.
    TooLate,
    /// The connection is to end.
    ToEnd,
}

/// After how long a connection that waits is put to rest.
pub(super) fn patience(idle_limit: Duration) -> Duration {
    PATIENCE.min(idle_limit)
}

/// Waits until there is something to do on a connection that rests.
pub(super) async fn rest(Connection { peer, port, .. }: &Connection) -> Woken {
    let (limits, activity) = (&port.limits, peer.activity());
    let left = limits.idle.saturating_sub(activity.waits_for().unwrap_or_default());
    tokio::select! {
        biased;
        () = peer.readable() => Woken::ByClient,
        () = activity.given_up() => Woken::ToEnd,
        () = port.drain.is_over(limits.drain_idle) => Woken::ToEnd,
        () = sleep(left) => Woken::TooLate,
    }
}

/// A socket from which hyper had read something that it did not use yet: the begin of the next head.
pub(super) struct Resumed<S> {
    read: Bytes,
    socket: S,
}

impl<S> Resumed<S> {
    pub(super) fn new(read: Bytes, socket: S) -> Self {
        Self { read, socket }
    }

    /// The socket. What was read of it is not lost, because hyper reads it first.
    pub(super) fn into_socket(self) -> S {
        debug_assert!(self.read.is_empty());
        self.socket
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Resumed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.socket).poll_read(context, buffer);
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..length]);
        self.read.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Resumed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
