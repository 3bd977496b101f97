//! The progress of what is sent: a client that does not read is cut off.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::time::{Sleep, sleep};

const FLOWS: u8 = 0;
const BLOCKED: u8 = 1;
const STALLED: u8 = 2;

/// Whether the client takes what is sent, for the other parts of a connection.
#[derive(Debug, Default)]
pub(super) struct Flow {
    state: AtomicU8,
    waker: AtomicWaker,
}

impl Flow {
    /// Whether the client has taken nothing for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.state.load(Ordering::Acquire) == STALLED
    }

    /// Whether something waits until the client takes more.
    pub(super) fn is_blocked(&self) -> bool {
        self.state.load(Ordering::Acquire) != FLOWS
    }

    /// Waits until nothing waits for the client.
    pub(super) async fn unblocked(&self) {
        if !self.is_blocked() {
            return;
        }
        poll_fn(|context| {
            self.waker.register(context.waker());
            if self.is_blocked() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

/// Watches each write. It costs nothing as long as the client reads.
pub(super) struct Progress {
    limit: Duration,
    /// Runs while the client takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
}

impl Progress {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, stall: None }
    }

    /// Notes the result of a write. One that waits too long fails.
    pub(super) fn note<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        flow: &Flow,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.stall.take().is_some() {
                flow.state.store(FLOWS, Ordering::Release);
                flow.waker.wake();
            }
            return written;
        }
        let limit = self.limit;
        let stall = self.stall.get_or_insert_with(|| {
            flow.state.store(BLOCKED, Ordering::Release);
            Box::pin(sleep(limit))
        });
        ready!(stall.as_mut().poll(context));
        flow.state.store(STALLED, Ordering::Release);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
