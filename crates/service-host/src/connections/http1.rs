//! The requests of a connection of HTTP/1.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout};

use super::arrival::{ArrivingBody, Rest};
use super::port::{Connection, DROPPED, Port};
use super::resting::{self, Resumed, Woken};

/// The head of a request must fit into this buffer, with the part of the body that arrives with it.
const BUFFER_BYTES: usize = 64 * 1024;

/// The pause until a connection that could not be put to rest is looked at again: its last answer is still being sent.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// The client of a running request has gone, so there is nobody to answer.
#[derive(Debug, thiserror::Error)]
#[error("the client has gone")]
struct ClientGone;

/// What comes after a time in which requests were answered.
enum Next<S> {
    /// The connection has ended: with something that is no request, or not.
    End { was_refused: bool },
    /// The client waits.
    Rest(Resumed<S>),
}

/// Answers requests until the connection ends. Returns whether it ended with something that is no request.
pub(super) async fn exchanges(socket: impl AsyncRead + AsyncWrite + Unpin, shared: &Arc<Connection>) -> bool {
    let mut socket = Resumed::new(Bytes::new(), socket);
    loop {
        // In a box, so that a connection that rests does not keep the room for it.
        socket = match Box::pin(exchanges_until_rest(socket, shared)).await {
            Next::End { was_refused } => return was_refused,
            Next::Rest(socket) => socket,
        };
        match resting::rest(shared).await {
            Woken::ByClient => continue,
            Woken::ToEnd => {}
            Woken::TooLate => note_drop("idle", shared, None),
        }
        // A client of TLS is told that nothing was cut off.
        let _ = timeout(shared.port.limits.write_idle, socket.shutdown()).await;
        return false;
    }
}

/// Answers requests until the connection ends, or has waited for a request for a while.
async fn exchanges_until_rest<S>(socket: Resumed<S>, shared: &Arc<Connection>) -> Next<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    enum Event {
        Ended(hyper::Result<()>),
        ToEnd,
        Tired,
    }

    let Connection { peer, port, .. } = &**shared;
    let (limits, drain, activity) = (&port.limits, &port.drain, peer.activity());
    let service = service_fn(|request| exchange(request, Arc::clone(shared)));
    let mut http = http1::Builder::new();
    // A connection that waits for too long is one that rests. The socket has another limit, from the first byte of a head.
    http.header_read_timeout(None).max_buf_size(BUFFER_BYTES);
    // Without this, hyper drops the request as soon as the client closes its sending half. `Peer::gone` decides when to drop it.
    http.half_close(true);
    let mut connection = http.serve_connection(TokioIo::new(socket), service);
    let mut over = pin!(drain.is_over(limits.drain_idle));
    let patience = resting::patience(limits.idle);
    let mut tired = pin!(sleep(patience));
    let mut is_watched = false;
    // The end of the drain wakes this task if it has been polled once, and so do the one who needs room and the time. To poll the
    // drain with every event would lock what all connections of the process share.
    let event = poll_fn(|context| {
        if let Poll::Ready(end) = Pin::new(&mut connection).poll(context) {
            return Poll::Ready(Event::Ended(end));
        }
        let is_first = !std::mem::replace(&mut is_watched, true);
        if is_first {
            activity.watch(context);
        }
        if activity.is_given_up() {
            return Poll::Ready(Event::ToEnd);
        }
        if (is_first || drain.is_port_closed()) && over.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::ToEnd);
        }
        if is_first || tired.is_elapsed() {
            while tired.as_mut().poll(context).is_ready() {
                let left = patience.saturating_sub(activity.waits_for().unwrap_or_default());
                if left.is_zero() && !peer.flow().is_blocked() {
                    // After a body that was given up, hyper reads on while the request still runs, and what it reads is no head.
                    return Poll::Ready(if peer.is_body_complete() { Event::Tired } else { Event::ToEnd });
                }
                tired.as_mut().reset(Instant::now() + left.max(SHORTEST_PAUSE));
            }
        }
        Poll::Pending
    });
    let end = match event.await {
        Event::Ended(end) => end,
        Event::Tired => {
            let parts = connection.into_parts();
            return Next::Rest(Resumed::new(parts.read_buf, parts.io.into_inner().into_socket()));
        }
        Event::ToEnd => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                biased;
                end = connection => end,
                // hyper would wait for the rest of a head.
                () = std::future::ready(()), if activity.is_ending() => return Next::End { was_refused: false },
            }
        }
    };
    Next::End { was_refused: end.is_err_and(|error| note(&error, shared)) }
}

async fn exchange(request: Request<Incoming>, connection: Arc<Connection>) -> Result<Response, ClientGone> {
    let Connection { peer, client, port } = &*connection;
    let Port { handler, limits, drain, .. } = &**port;
    let rest = Rest::Drained { expects_continue: request.headers().contains_key(header::EXPECT) };
    let (head, incoming) = request.into_parts();
    let mut request = Request::from_parts(head, Body::empty());
    let body = ArrivingBody::of(incoming, rest, limits.body_idle);
    let arrival = body.as_ref().map(ArrivingBody::arrival);
    peer.requested(arrival.clone());
    if let Some(body) = body {
        request.extensions_mut().insert(body.arrival());
        *request.body_mut() = Body::new(body);
    }
    // Answers to pipelined requests must not pile up before a client that does not read them.
    peer.flow().unblocked().await;
    let is_gone = async {
        if let Some(arrival) = &arrival {
            arrival.ended().await;
        }
        peer.gone(limits.half_close).await;
    };
    let mut response = tokio::select! {
        biased;
        response = handler.answer(request, *client) => response,
        () = is_gone => return Err(ClientGone),
    };
    let is_last = drain.has_begun()
        || peer.activity().is_given_up()
        || arrival.is_some_and(|arrival| arrival.ends_connection());
    if is_last {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Logs and counts the error with which a connection has ended. Returns whether the client had sent something that is no
/// request, which hyper has answered by itself.
fn note(error: &hyper::Error, connection: &Connection) -> bool {
    let Connection { peer, client, .. } = connection;
    let address = client.address;
    if let Some(status) = own_answer(error) {
        telemetry::refused_head(status, address, error);
        return true;
    }
    let reason = if peer.is_head_late() {
        "header_read"
    } else if peer.flow().is_stalled() {
        "write_idle"
    } else if error.is_user() {
        "client_gone"
    } else {
        "broken"
    };
    note_drop(reason, connection, Some(error));
    false
}

fn note_drop(reason: &'static str, connection: &Connection, error: Option<&hyper::Error>) {
    let address = connection.client.address;
    counter!(DROPPED, "reason" => reason).increment(1);
    let error = error.map(|error| error as &dyn std::error::Error);
    tracing::debug!(%address, reason, error, "a connection was dropped");
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
