//! Threads that each accept and serve connections of their own.
//!
//! A connection, the requests on it and what they wait for stay on one thread, so that no thread ever wakes another one for a
//! request. The kernel spreads new connections over the listeners (`SO_REUSEPORT`).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::thread;

use futures::future::join_all;
use tokio::net::TcpSocket;
use tokio::sync::oneshot;

use super::{Port, serve};

/// Waiting connections that the kernel keeps for each listener.
const BACKLOG: u32 = 1024;

/// Binds one address for each thread. Port 0 takes a free one, the same for all. No connection comes before [`listen`]: other
/// processes may share the port, and serve it as long as this one is starting.
pub(crate) fn bind(address: SocketAddr, threads: NonZeroU16) -> io::Result<Vec<TcpSocket>> {
    let first = socket(address)?;
    let bound = first.local_addr()?;
    let others = (1..threads.get()).map(|_| socket(bound));
    std::iter::once(Ok(first)).chain(others).collect()
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// From now on the kernel gives connections to these sockets.
pub(crate) fn listen(bound: Vec<TcpSocket>) -> io::Result<Vec<TcpListener>> {
    bound.into_iter().map(|socket| socket.listen(BACKLOG)?.into_std()).collect()
}

/// Serves each listener on a thread of its own, as [`super::serve`] does. The limit of connections is for all of them.
pub(crate) async fn serve_on_threads(
    name: &'static str,
    listeners: Vec<TcpListener>,
    port: Arc<Port>,
) -> io::Result<()> {
    let mut ends = Vec::new();
    for listener in listeners {
        let port = Arc::clone(&port);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (running, end) = oneshot::channel::<()>();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _running = running;
            runtime.block_on(async {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, port).await,
                    Err(error) => tracing::error!(%error, "can't serve on a thread"),
                }
            });
        })?;
        ends.push(end);
    }
    // Each ends with an error, because nothing is sent: the thread has ended.
    join_all(ends).await;
    Ok(())
}
