//! One connection, from its first byte to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::port::{Connection, DROPPED, Port};
use super::room::Place;
use super::socket::Socket;
use super::tls::{self, Tls};
use super::{clear, http1, http2};
use crate::front::Client;

/// How much of what a client sends first is looked at.
const FIRST_BYTES: usize = 64;

/// The first byte of a client that speaks TLS.
const TLS_HANDSHAKE: u8 = 0x16;

/// The pause until a client may have sent more than the first letters of what could be the begin of HTTP/2.
const PAUSE_IN_PREFACE: Duration = Duration::from_millis(10);

pub(super) async fn serve(stream: TcpStream, address: SocketAddr, place: Place, port: Arc<Port>) {
    // If it fails, answers are only slower.
    let _ = stream.set_nodelay(true);
    let Port { limits, drain, tls, .. } = &*port;
    let protocol = tokio::select! {
        protocol = timeout(limits.first_byte, first_protocol(&stream)) => protocol,
        () = place.activity().given_up() => return drop_because("crowded"),
        () = drain.is_over(limits.drain_idle) => return,
    };
    let Ok(Ok(protocol)) = protocol else { return drop_because("first_byte") };
    let (socket, peer) = Socket::new(stream, limits, Arc::clone(place.activity()));
    let client = Client { address, is_tls: tls.is_some() };
    let connection = Arc::new(Connection { peer, client, port: Arc::clone(&port) });
    // In boxes, so that the others do not keep the room for them.
    let is_refused = match (tls, protocol) {
        (Some(tls), Protocol::Tls) => Box::pin(serve_tls(tls, socket, &connection)).await,
        (Some(_), _) => {
            drop_because("not_encrypted");
            // A client that does not take it is cut off by the limits of the socket.
            let _ = timeout(limits.write_idle, clear::refuse(socket)).await;
            true
        }
        (None, Protocol::Http1 | Protocol::Tls) => http1::exchanges(socket, &connection).await,
        (None, Protocol::Http2) => Box::pin(serve_http2(socket, &connection)).await,
        (None, Protocol::Other) => {
            drop_because("other_protocol");
            drop(socket);
            true
        }
    };
    let peer = &connection.peer;
    if peer.activity().is_given_up() {
        drop_because("crowded");
    }
    // The socket has been dropped, which has closed its sending half.
    tokio::select! {
        biased;
        () = peer.linger(is_refused) => {}
        () = peer.activity().given_up() => {}
        () = drain.is_over(limits.drain_idle) => {}
    }
}

async fn serve_tls(tls: &Tls, socket: Socket, connection: &Arc<Connection>) -> bool {
    let Connection { peer, port, .. } = &**connection;
    let accepted = tokio::select! {
        accepted = timeout(port.limits.header_read, tls.accept(socket)) => accepted,
        () = peer.activity().given_up() => return false,
        () = port.drain.is_over(port.limits.drain_idle) => return false,
    };
    match accepted {
        Ok(Ok(stream)) if tls::is_http2(&stream) => serve_http2(stream, connection).await,
        Ok(Ok(stream)) => http1::exchanges(stream, connection).await,
        Ok(Err(_)) | Err(_) => {
            drop_because("tls_handshake");
            false
        }
    }
}

async fn serve_http2(
    socket: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    connection: &Arc<Connection>,
) -> bool {
    connection.peer.has_no_heads();
    http2::exchanges(socket, connection).await;
    false
}

/// What a client speaks, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Tls,
    Http1,
    Http2,
    Other,
}

/// Looks at what the client sends first. It is not read. Ends with an error if the client sends nothing.
async fn first_protocol(stream: &TcpStream) -> io::Result<Protocol> {
    let mut first = [0; FIRST_BYTES];
    loop {
        // `readable` would not do, because it may return without a byte.
        let sent = match stream.peek(&mut first).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            sent => &first[..sent],
        };
        if sent[0] == TLS_HANDSHAKE {
            return Ok(Protocol::Tls);
        }
        let begin = &sent[..sent.len().min(http2::PREFACE.len())];
        if !http2::PREFACE.starts_with(begin) {
            return Ok(if names_other_protocol(sent) { Protocol::Other } else { Protocol::Http1 });
        }
        // No method of ours begins like this.
        if begin.len() > b"PR".len() {
            return Ok(Protocol::Http2);
        }
        sleep(PAUSE_IN_PREFACE).await;
    }
}

/// Whether a whole first line names a protocol that is not HTTP, in the place where a request does. Such a client would not
/// understand an answer of HTTP/1: it may have meant HTTP/2.
fn names_other_protocol(first: &[u8]) -> bool {
    let Some(end) = first.iter().position(|byte| *byte == b'\n') else { return false };
    let mut words = first[..end].trim_ascii_end().split(|byte| *byte == b' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(_), Some(_), Some(protocol), None) => !protocol.starts_with(b"HTTP/"),
        _ => false,
    }
}

fn drop_because(reason: &'static str) {
    counter!(DROPPED, "reason" => reason).increment(1);
}
