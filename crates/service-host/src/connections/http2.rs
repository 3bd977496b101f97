//! The requests of a connection of HTTP/2.
//!
//! Each request is a task, because they run at the same time. The bounds are for clients that ask for more than they may, reset
//! what they have asked for, or take nothing of their answers.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::arrival::{ArrivingBody, Rest};
use super::port::{Connection, DROPPED, Port};
use super::taken::{StreamTasks, Taken};

/// What a client of HTTP/2 sends first.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The requests of a connection at once. The standard recommends no less.
const STREAMS: u32 = 100;

/// The header fields of a request, decoded. HTTP/1 has the same bound.
const HEADER_BYTES: u32 = 64 * 1024;

/// How much of their bodies clients may send ahead: for one request, and for all of a connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How much of an answer is kept for a client that takes it slowly.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// The largest piece of an answer that is handed over at once: what one frame of HTTP/2 holds.
const PIECE_BYTES: usize = 16 * 1024;

/// How many requests may have been reset by the client before they were looked at, and by us for their faults, before the connection
/// is ended: clients that reset all they ask for make work without waiting for it ("rapid reset").
const RESETS: usize = 64;

/// How often a silent client is asked whether it is there, and how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to end a connection without requests, when it is asked to; and if its place is needed.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_IF_CROWDED: Duration = Duration::from_millis(10);

/// Answers requests until the connection ends.
pub(super) async fn exchanges(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    shared: &Arc<Connection>,
) {
    let Connection { peer, client, port } = &**shared;
    let (limits, drain, activity) = (&port.limits, &port.drain, peer.activity());
    let running = Arc::new(AtomicUsize::new(0));
    let service = service_fn(|request| {
        let running = Running::begin(Arc::clone(&running), Arc::clone(shared));
        exchange(request, running)
    });
    let mut http = http2::Builder::new(StreamTasks::new(limits.write_idle));
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    let mut connection = pin!(http.serve_connection(TokioIo::new(socket), service));

    let mut draining = pin!(drain.begun());
    let mut idle = pin!(sleep(limits.idle));
    let mut is_watched = false;
    // The drain is polled once, as for HTTP/1.
    let end = poll_fn(|context| {
        if let Poll::Ready(end) = connection.as_mut().poll(context) {
            return Poll::Ready(Some(end));
        }
        if !std::mem::replace(&mut is_watched, true) {
            activity.watch(context);
            let _ = draining.as_mut().poll(context);
        }
        if activity.is_given_up() || drain.has_begun() {
            return Poll::Ready(None);
        }
        while idle.as_mut().poll(context).is_ready() {
            let left = limits.idle.saturating_sub(activity.waits_for().unwrap_or_default());
            if left.is_zero() {
                return Poll::Ready(None);
            }
            idle.as_mut().reset(Instant::now() + left);
        }
        Poll::Pending
    });
    let end = if let Some(end) = end.await {
        end
    } else {
        // The client is told with a GOAWAY. What it has asked for is answered.
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            end = connection => end,
            () = has_said_farewell(shared) => return,
        }
    };
    if let Err(error) = end {
        let reason = if peer.flow().is_stalled() { "write_idle" } else { "broken" };
        counter!(DROPPED, "reason" => reason).increment(1);
        let error = &error as &dyn std::error::Error;
        tracing::debug!(address = %client.address, reason, error, "a connection ended with an error");
    }
}

/// Waits until a connection has had no request for a while.
async fn has_said_farewell(connection: &Connection) {
    let activity = connection.peer.activity();
    let asked = Instant::now();
    loop {
        let time = if activity.is_given_up() { FAREWELL_IF_CROWDED } else { FAREWELL };
        let waited = activity.waits_for().map_or(Duration::ZERO, |waited| waited.min(asked.elapsed()));
        let left = time.saturating_sub(waited);
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

async fn exchange(request: Request<Incoming>, running: Running) -> Result<Response<AnswerBody>, Infallible> {
    let Connection { client, port, .. } = &*running.connection;
    let Port { handler, limits, .. } = &**port;
    let (head, incoming) = request.into_parts();
    let mut request = Request::from_parts(head, Body::empty());
    if let Some(body) = ArrivingBody::of(incoming, Rest::Refused, limits.body_idle) {
        request.extensions_mut().insert(body.arrival());
        *request.body_mut() = Body::new(body);
    }
    let mut response = handler.answer(request, *client).await;
    response.headers_mut().remove(header::CONNECTION);
    Ok(response.map(|body| AnswerBody::new(body, running)))
}

/// A request that is being answered, until its answer has been handed over.
struct Running {
    connection: Arc<Connection>,
    count: Arc<AtomicUsize>,
}

impl Running {
    fn begin(count: Arc<AtomicUsize>, connection: Arc<Connection>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        connection.peer.activity().request_begins();
        Self { connection, count }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.connection.peer.activity().waits();
        }
    }
}

/// The body of an answer, in pieces, which notes whether the client takes them. A piece that is handed over is kept for the client
/// even if it never takes it.
struct AnswerBody {
    body: Body,
    /// What is left of the last piece of the body.
    rest: Bytes,
    taken: Option<Arc<Taken>>,
    _running: Running,
}

impl AnswerBody {
    fn new(body: Body, running: Running) -> Self {
        Self { body, rest: Bytes::new(), taken: Taken::of_this_stream(), _running: running }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)).transpose()? {
                Some(frame) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                None => return Poll::Ready(None),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = self.poll_piece(context);
        if let Some(taken) = &self.taken {
            // It is asked for the next piece when the client has room for it.
            taken.note(polled.is_ready());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    /// It is asked for before the first piece.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
