//! One connection, from its first byte to its end.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::counter;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::arrival::ArrivingBody;
use super::drain::Drain;
use super::limits::Limits;
use super::socket::{Peer, Socket};
use crate::handler::Handler;

/// The head of a request must fit into this buffer, with the part of the body that arrives with it.
const BUFFER_BYTES: usize = 64 * 1024;

/// The connections that ended without an answer to what was sent last, by reason.
const DROPPED: &str = "http_connections_dropped_total";

/// The client of a running request has gone, so there is nobody to answer.
#[derive(Debug, thiserror::Error)]
#[error("the client has gone")]
struct ClientGone;

pub(super) async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    handler: Arc<Handler>,
    limits: Limits,
    drain: Drain,
) {
    // If it fails, answers are only slower.
    let _ = stream.set_nodelay(true);
    // `readable` would not do, because it may return without a byte.
    let mut first = [0];
    let peeked = tokio::select! {
        peeked = timeout(limits.first_byte, stream.peek(&mut first)) => peeked,
        () = drain.is_over(limits.drain_idle) => return,
    };
    if !matches!(peeked, Ok(Ok(1))) {
        counter!(DROPPED, "reason" => "first_byte").increment(1);
        return;
    }
    let (socket, peer) = Socket::new(stream, limits.header_read);
    let connection = Arc::new(Connection { peer, address, handler, limits, drain });
    let is_refused = exchanges(socket, &connection).await;
    let Connection { peer, drain, .. } = &*connection;
    // hyper has dropped the socket, which has closed its sending half.
    tokio::select! {
        () = peer.linger(is_refused) => {}
        () = drain.is_over(limits.drain_idle) => {}
    }
}

/// What the requests of a connection share.
struct Connection {
    peer: Peer,
    address: SocketAddr,
    handler: Arc<Handler>,
    limits: Limits,
    drain: Drain,
}

/// Answers requests until the connection ends. Returns whether it ended with something that is no request.
async fn exchanges(socket: Socket, shared: &Arc<Connection>) -> bool {
    let Connection { peer, address, limits, drain, .. } = &**shared;
    let service = service_fn(|request| exchange(request, Arc::clone(shared)));
    let mut http = http1::Builder::new();
    // hyper's own timeout begins with the end of the last answer. The socket has another one, from the first byte of a head.
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle).max_buf_size(BUFFER_BYTES);
    // Without this, hyper drops the request as soon as the client closes its sending half. `Peer::gone` decides when to drop it.
    http.half_close(true);
    let mut connection = pin!(http.serve_connection(TokioIo::new(socket), service));
    let mut over = pin!(drain.is_over(limits.drain_idle));
    let mut is_watched = false;
    // The end of the drain wakes this task if it has been polled once. To poll it with every event would lock what all
    // connections of the process share.
    let end = poll_fn(|context| {
        if let Poll::Ready(end) = connection.as_mut().poll(context) {
            return Poll::Ready(Some(end));
        }
        let is_due = !is_watched || drain.is_port_closed();
        is_watched = true;
        if is_due && over.as_mut().poll(context).is_ready() { Poll::Ready(None) } else { Poll::Pending }
    });
    let end = if let Some(end) = end.await {
        end
    } else {
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    end.is_err_and(|error| note(&error, peer, *address))
}

async fn exchange(request: Request<Incoming>, connection: Arc<Connection>) -> Result<Response, ClientGone> {
    let Connection { peer, address, handler, limits, drain } = &*connection;
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let (head, incoming) = request.into_parts();
    let mut request = Request::from_parts(head, Body::empty());
    let body = ArrivingBody::of(incoming, expects_continue, limits.body_idle);
    let arrival = body.as_ref().map(ArrivingBody::arrival);
    peer.requested(arrival.clone());
    if let Some(body) = body {
        request.extensions_mut().insert(body.arrival());
        *request.body_mut() = Body::new(body);
    }
    let is_gone = async {
        if let Some(arrival) = &arrival {
            arrival.ended().await;
        }
        peer.gone(limits.half_close).await;
    };
    let mut response = tokio::select! {
        biased;
        response = handler.answer(request, *address) => response,
        () = is_gone => return Err(ClientGone),
    };
    if drain.has_begun() || arrival.is_some_and(|arrival| arrival.ends_connection()) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Logs and counts the error with which a connection has ended. Returns whether the client had sent something that is no
/// request, which hyper has answered by itself.
fn note(error: &hyper::Error, peer: &Peer, address: SocketAddr) -> bool {
    if let Some(status) = own_answer(error) {
        telemetry::refused_head(status, address, error);
        return true;
    }
    let reason = if peer.is_head_late() {
        "header_read"
    } else if error.is_timeout() {
        "idle"
    } else if error.is_user() {
        "client_gone"
    } else {
        "broken"
    };
    counter!(DROPPED, "reason" => reason).increment(1);
    tracing::debug!(%address, reason, error = error as &dyn std::error::Error, "a connection ended with an error");
    false
}

/// The status of the answer without a body that hyper gives to a head that it can't read.
fn own_answer(error: &hyper::Error) -> Option<StatusCode> {
    if error.is_parse_too_large() {
        // hyper tells the two apart only in its text.
        let is_uri = error.to_string().contains("URI");
        Some(if is_uri { StatusCode::URI_TOO_LONG } else { StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE })
    } else if error.is_parse() && !error.is_parse_version_h2() {
        Some(StatusCode::BAD_REQUEST)
    } else {
        None
    }
}
