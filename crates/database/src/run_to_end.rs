//! Work that goes on when its caller is cancelled.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tracing::Instrument;
use tracing::instrument::Instrumented;

/// Runs `work` in the caller's task. When the caller is dropped, the rest of `work` goes on in a separate task.
///
/// A separate task from the start would wake up another thread for each read.
pub(crate) fn run_to_end<W>(work: W) -> RunToEnd<W>
where
    W: Future<Output: Send + 'static> + Send + 'static,
{
    RunToEnd { work: Some(Box::pin(work.in_current_span())) }
}

pub(crate) struct RunToEnd<W>
where
    W: Future<Output: Send + 'static> + Send + 'static,
{
    /// `None` while it is polled, so that work that panicked is not polled again, and after its end.
    work: Option<Pin<Box<Instrumented<W>>>>,
}

impl<W> Future for RunToEnd<W>
where
    W: Future<Output: Send + 'static> + Send + 'static,
{
    type Output = W::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        let this = self.get_mut();
        let mut work = this.work.take().expect("a future is not polled after its end");
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            this.work = Some(work);
        }
        polled
    }
}

impl<W> Drop for RunToEnd<W>
where
    W: Future<Output: Send + 'static> + Send + 'static,
{
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the connection of the work is closed with it.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_rest_goes_on_when_the_caller_is_gone() {
        let (let_go, may_go_on) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let mut caller = Box::pin(run_to_end(async move {
            may_go_on.await.unwrap();
            done.send(()).unwrap();
        }));
        assert!(caller.as_mut().now_or_never().is_none());
        drop(caller);
        let_go.send(()).unwrap();
        is_done.await.unwrap();
    }

    #[tokio::test]
    async fn work_that_panicked_is_not_run_again() {
        let panics = tokio::spawn(run_to_end(async { panic!("the work panics") }));
        assert!(panics.await.unwrap_err().is_panic());
    }
}
