//! A connection's socket: the time for the head of a request, the client that does not read or goes away, and the end that loses
//! no answer.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::activity::Activity;
use super::arrival::Arrival;
use super::limits::Limits;
use super::progress::{Flow, Progress};

/// How much is read after the last answer, and for how long, before the connection is closed. If the connection were closed at
/// once, the kernel would answer further bytes of the client with a reset, and the client could lose the answer.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(30);
/// A client that sends nothing for this long has read its answer, or never will.
const LINGER_SILENCE: Duration = Duration::from_secs(5);

/// What the parts of a connection know of each other. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Peer(Arc<State>);

#[derive(Debug)]
struct State {
    reading: OwnedReadHalf,
    /// The requests so far.
    requests: AtomicU64,
    /// False for HTTP/2, whose requests are not one after the other.
    has_heads: AtomicBool,
    /// The body of the last request, if it had one.
    body: Mutex<Option<Arrival>>,
    is_head_late: AtomicBool,
    flow: Flow,
    activity: Arc<Activity>,
}

/// The socket, as hyper reads and writes it.
pub(super) struct Socket {
    peer: Peer,
    writing: OwnedWriteHalf,
    progress: Progress,
    head_limit: Duration,
    /// The head that is arriving: how many requests were before it, and when its first byte came.
    head: Option<(u64, Instant)>,
    /// Runs while a part of a head has arrived.
    overdue: Option<Pin<Box<Sleep>>>,
}

impl Peer {
    /// Notes a request whose head has arrived.
    pub(super) fn requested(&self, body: Option<Arrival>) {
        self.0.requests.fetch_add(1, Ordering::AcqRel);
        self.0.activity.request_begins();
        *self.body() = body;
    }

    /// Whether the client takes what is sent.
    pub(super) fn flow(&self) -> &Flow {
        &self.0.flow
    }

    /// What the connection does.
    pub(super) fn activity(&self) -> &Activity {
        &self.0.activity
    }

    /// Nothing that arrives from now on is the head of a request of HTTP/1.
    pub(super) fn has_no_heads(&self) {
        self.0.has_heads.store(false, Ordering::Release);
        self.0.activity.waits();
    }

    /// Waits until the client sends something, or the connection ends. Nobody else may read meanwhile.
    pub(super) async fn readable(&self) {
        // Reading shows the error, if there is one.
        let _ = self.0.reading.readable().await;
    }

    /// Whether the head of a request did not arrive in time.
    pub(super) fn is_head_late(&self) -> bool {
        self.0.is_head_late.load(Ordering::Acquire)
    }

    /// Waits until the client of the running request is gone, after its body was read.
    ///
    /// A client that has closed its sending half may still wait for the answer. One that has closed the connection looks the
    /// same, until something is sent to it. So both count as gone after `half_close_limit`.
    pub(super) async fn gone(&self, half_close_limit: Duration) {
        let stream: &TcpStream = self.0.reading.as_ref();
        // hyper does not read while a request runs, so this is the only one who waits for the socket to be readable.
        let peeked = poll_fn(|context| stream.poll_peek(context, &mut ReadBuf::new(&mut [0]))).await;
        let is_reset =
            async { while stream.ready(Interest::ERROR).await.is_ok_and(|ready| !ready.is_error()) {} };
        match peeked {
            Ok(0) => {
                let _ = timeout(half_close_limit, is_reset).await;
            }
            // The next request is there already.
            Ok(_) => is_reset.await,
            Err(_) => {}
        }
    }

    /// Reads on for a while after the answer was sent and the sending half was closed, if the client may still be sending.
    pub(super) async fn linger(&self, was_refused: bool) {
        let stream: &TcpStream = self.0.reading.as_ref();
        if self.0.flow.is_stalled() {
            // So the kernel does not keep what nobody reads.
            let _ = stream.set_zero_linger();
            return;
        }
        self.0.activity.waits();
        let body_is_read = self.is_body_complete();
        let mut left = LINGER_BYTES;
        let mut buffer = vec![0; 16 * 1024];
        if body_is_read && !was_refused && self.is_blocked(&mut buffer) {
            return;
        }
        let reading = async {
            while let Ok(Ok(())) = timeout(LINGER_SILENCE, self.0.reading.readable()).await {
                match self.0.reading.try_read(&mut buffer) {
                    Ok(0) => return,
                    Ok(read) => match left.checked_sub(read) {
                        Some(rest) => left = rest,
                        None => return,
                    },
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        };
        let _ = timeout(LINGER_TIME, reading).await;
    }

    /// Whether the client has sent nothing that was not read.
    fn is_blocked(&self, buffer: &mut [u8]) -> bool {
        matches!(self.0.reading.try_read(buffer), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether all of the last request's body has arrived. If not, what comes next is no head.
    pub(super) fn is_body_complete(&self) -> bool {
        self.body().as_ref().is_none_or(Arrival::is_complete)
    }

    fn is_body_arriving(&self) -> bool {
        self.body().as_ref().is_some_and(|body| !body.has_ended())
    }

    fn body(&self) -> std::sync::MutexGuard<'_, Option<Arrival>> {
        self.0.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Socket {
    /// A socket on which the head of a request must arrive in time, and which ends if the client does not read.
    pub(super) fn new(stream: TcpStream, limits: &Limits, activity: Arc<Activity>) -> (Self, Peer) {
        let (reading, writing) = stream.into_split();
        let state = State {
            reading,
            requests: AtomicU64::new(0),
            has_heads: AtomicBool::new(true),
            body: Mutex::default(),
            is_head_late: AtomicBool::new(false),
            flow: Flow::default(),
            activity,
        };
        let peer = Peer(Arc::new(state));
        let progress = Progress::new(limits.write_idle);
        let head_limit = limits.header_read;
        let socket = Self { peer: peer.clone(), writing, progress, head_limit, head: None, overdue: None };
        (socket, peer)
    }

    /// Notes that something has arrived. It belongs to a head, unless a body is arriving.
    fn arrived(&mut self) {
        let requests = self.peer.0.requests.load(Ordering::Acquire);
        let is_begun = self.head.is_some_and(|(before, _)| before == requests);
        if !is_begun && self.peer.0.has_heads.load(Ordering::Acquire) && !self.peer.is_body_arriving() {
            self.head = Some((requests, Instant::now()));
            self.peer.0.activity.head_begins();
        }
    }

    /// Notes that the client has sent nothing, and ends with an error when the rest of a head is late.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let requests = self.peer.0.requests.load(Ordering::Acquire);
        let has_heads = self.peer.0.has_heads.load(Ordering::Acquire);
        let Some((_, began)) = self.head.filter(|(before, _)| has_heads && *before == requests) else {
            (self.head, self.overdue) = (None, None);
            let Peer(peer) = &self.peer;
            if !has_heads {
                return Poll::Pending;
            }
            // hyper reads when the last answer is on its way, or in the middle of a body.
            if peer.activity.has_request() && !peer.flow.is_blocked() && !self.peer.is_body_arriving() {
                peer.activity.waits();
            }
            return Poll::Pending;
        };
        let end = began + self.head_limit;
        let overdue = self.overdue.get_or_insert_with(|| Box::pin(sleep_until(end)));
        ready!(overdue.as_mut().poll(context));
        self.peer.0.is_head_late.store(true, Ordering::Release);
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let stream: &TcpStream = self.peer.0.reading.as_ref();
            let Poll::Ready(ready) = stream.poll_read_ready(context) else {
                return self.poll_overdue(context).map(Err);
            };
            ready?;
            let mut read = 0;
            let outcome = stream.try_io(Interest::READABLE, || {
                read = stream.try_read_buf(buffer)?;
                // After a short read there is no more, so the next one would find nothing. This makes tokio forget what it had
                // heard before the read, and not what another thread hears meanwhile.
                if read > 0 && buffer.remaining() > 0 {
                    Err(io::ErrorKind::WouldBlock.into())
                } else {
                    Ok(())
                }
            });
            match outcome {
                _ if read > 0 => {
                    self.arrived();
                    return Poll::Ready(Ok(()));
                }
                Ok(()) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { peer, writing, progress, .. } = &mut *self;
        let written = Pin::new(writing).poll_write(context, bytes);
        progress.note(written, &peer.0.flow, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { peer, writing, progress, .. } = &mut *self;
        let written = Pin::new(writing).poll_write_vectored(context, slices);
        progress.note(written, &peer.0.flow, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.writing.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writing).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writing).poll_shutdown(context)
    }
}
