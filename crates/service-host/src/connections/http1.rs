//! The requests of a connection of HTTP/1.

use std::future::poll_fn;
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
use tokio::io::{AsyncRead, AsyncWrite};

use super::arrival::{ArrivingBody, Rest};
use super::port::{Connection, DROPPED, Port};

/// The head of a request must fit into this buffer, with the part of the body that arrives with it.
const BUFFER_BYTES: usize = 64 * 1024;

/// The client of a running request has gone, so there is nobody to answer.
#[derive(Debug, thiserror::Error)]
#[error("the client has gone")]
struct ClientGone;

/// Answers requests until the connection ends. Returns whether it ended with something that is no request.
pub(super) async fn exchanges(socket: impl AsyncRead + AsyncWrite + Unpin, shared: &Arc<Connection>) -> bool {
    let Connection { peer, port, .. } = &**shared;
    let (limits, drain, activity) = (&port.limits, &port.drain, peer.activity());
    let service = service_fn(|request| exchange(request, Arc::clone(shared)));
    let mut http = http1::Builder::new();
    // hyper's own timeout begins with the end of the last answer. The socket has another one, from the first byte of a head.
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle).max_buf_size(BUFFER_BYTES);
    // Without this, hyper drops the request as soon as the client closes its sending half. `Peer::gone` decides when to drop it.
    http.half_close(true);
    let mut connection = pin!(http.serve_connection(TokioIo::new(socket), service));
    let mut over = pin!(drain.is_over(limits.drain_idle));
    let mut is_watched = false;
    // The end of the drain wakes this task if it has been polled once, and so does the one who needs room. To poll the drain with
    // every event would lock what all connections of the process share.
    let end = poll_fn(|context| {
        if let Poll::Ready(end) = connection.as_mut().poll(context) {
            return Poll::Ready(Some(end));
        }
        let is_due = !is_watched || drain.is_port_closed();
        if !std::mem::replace(&mut is_watched, true) {
            activity.watch(context);
        }
        if activity.is_given_up() {
            return Poll::Ready(None);
        }
        if is_due && over.as_mut().poll(context).is_ready() { Poll::Ready(None) } else { Poll::Pending }
    });
    let end = if let Some(end) = end.await {
        end
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            end = connection => end,
            // hyper would wait for the rest of a head.
            () = std::future::ready(()), if activity.is_ending() => return false,
        }
    };
    end.is_err_and(|error| note(&error, shared))
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
