//! Accepting and serving connections, with limits for slow clients.
//!
//! `axum::serve` has no timeouts. hyper's timeout for the head of a request begins with the connection, and anew after each
//! answer, so that it also limits idle connections. The first byte of a connection has a shorter timeout.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::counter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

/// The head of a request must fit into this buffer, with the part of the body that arrives with it.
const BUFFER_BYTES: usize = 64 * 1024;
/// The pause when no connection can be accepted, because too many files are open.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);

/// The limits for clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) first_byte: Duration,
    pub(crate) header_read: Duration,
    pub(crate) connections: usize,
}

/// Serves until `stop` is cancelled. Then it closes the port, lets every connection finish its current request, and returns when
/// the last connection has ended.
pub(crate) async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let open = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                let (router, stop) = (router.clone(), stop.clone());
                open.spawn(async move {
                    connection(stream, peer, router, limits, stop).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await;
            }
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
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

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    // If it fails, answers are only slower.
    let _ = stream.set_nodelay(true);
    // `readable` would not do, because it may return without a byte.
    let mut first = [0];
    let peeked = tokio::select! {
        peeked = timeout(limits.first_byte, stream.peek(&mut first)) => peeked,
        () = stop.cancelled() => return,
    };
    if !matches!(peeked, Ok(Ok(1))) {
        counter!("http_connections_dropped_total", "reason" => "first_byte").increment(1);
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_read).max_buf_size(BUFFER_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let end = tokio::select! {
        end = connection.as_mut() => end,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = end {
        let reason = if error.is_timeout() { "header_read" } else { "broken" };
        counter!("http_connections_dropped_total", "reason" => reason).increment(1);
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection ended with an error");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;

    use super::*;

    const LONG: Duration = Duration::from_mins(10);
    const SHORT: Duration = Duration::from_millis(50);
    const LIMITS: Limits = Limits { first_byte: LONG, header_read: LONG, connections: 16 };

    struct Server {
        address: SocketAddr,
        stop: CancellationToken,
        serving: JoinHandle<()>,
    }

    impl Server {
        async fn start(limits: Limits) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let stop = CancellationToken::new();
            let router = Router::new().route("/", get(async || "hello"));
            let serving = tokio::spawn(serve(listener, router, limits, stop.clone()));
            Self { address, stop, serving }
        }

        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.unwrap()
        }
    }

    /// Everything that arrives until the server closes the connection.
    async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
        let mut rest = Vec::new();
        // A reset also ends the connection.
        let _ = timeout(LONG / 10, stream.read_to_end(&mut rest)).await.expect("the connection is kept");
        String::from_utf8(rest).unwrap()
    }

    #[tokio::test]
    async fn a_silent_connection_is_dropped() {
        let server = Server::start(Limits { first_byte: SHORT, ..LIMITS }).await;
        assert_eq!(rest(server.connect().await).await, "");
    }

    #[tokio::test]
    async fn an_unfinished_head_is_dropped() {
        let server = Server::start(Limits { header_read: SHORT, ..LIMITS }).await;
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        assert!(!rest(stream).await.contains("hello"));
    }

    #[tokio::test]
    async fn a_head_that_arrives_too_slowly_is_dropped() {
        let server = Server::start(Limits { header_read: SHORT, ..LIMITS }).await;
        let (reading, mut writing) = server.connect().await.into_split();
        writing.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let dripping = tokio::spawn(async move {
            // Each single byte is fast enough. It ends when the server closes the connection.
            while writing.write_all(b"a").await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
        });
        assert!(!rest(reading).await.contains("hello"));
        dripping.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_is_kept_for_a_while_between_requests() {
        let server = Server::start(Limits { header_read: SHORT * 10, ..LIMITS }).await;
        let mut stream = server.connect().await;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let answers = rest(stream).await;
        assert_eq!(answers.matches("hello").count(), 2, "{answers}");
    }

    #[tokio::test]
    async fn stopping_ends_idle_connections_at_once() {
        let server = Server::start(LIMITS).await;
        let silent = server.connect().await;
        let mut used = server.connect().await;
        used.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut begin = [0; 8];
        used.read_exact(&mut begin).await.unwrap();
        server.stop.cancel();
        server.serving.await.unwrap();
        assert_eq!(rest(silent).await, "");
        assert!(rest(used).await.contains("hello"));
        assert!(TcpStream::connect(server.address).await.is_err());
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait() {
        let server = Server::start(Limits { connections: 1, ..LIMITS }).await;
        let first = server.connect().await;
        let mut second = server.connect().await;
        second.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        drop(first);
        assert!(rest(second).await.contains("hello"));
    }
}
