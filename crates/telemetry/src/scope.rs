//! The request that a thread is working on, for those who write its log lines and its calls.
//!
//! It does for a request what a tracing span does, at a small part of the cost: a span is looked up in a registry, and its
//! fields are formatted when it is opened. Only a proxy with a route for each request is in such a hurry; the services use
//! spans.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use tracing::Span;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use crate::access_line::Common;
use crate::context::TraceContext;

/// The request that is running.
#[derive(Clone, Debug)]
pub(crate) struct RequestScope {
    pub(crate) trace: TraceContext,
    pub(crate) label: Arc<Label>,
}

/// What is in every line of a request.
#[derive(Debug)]
pub(crate) struct Label {
    pub(crate) method: &'static str,
    pub(crate) route: Arc<str>,
    pub(crate) common: Common,
}

thread_local! {
    static CURRENT: RefCell<Option<RequestScope>> = const { RefCell::new(None) };
}

impl RequestScope {
    /// Does work in this scope. The thread may do other work while this work waits.
    pub(crate) async fn run<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut own = Some(self);
        poll_fn(|context| {
            let _entered = Entered::enter(&mut own);
            work.as_mut().poll(context)
        })
        .await
    }
}

impl TraceContext {
    /// The context of the running request, or of the innermost tracing span that has one. `None` outside of both, and if the
    /// process has not set up its log.
    pub fn current() -> Option<Self> {
        if let Some(trace) = trace() {
            return Some(trace);
        }
        Span::current().with_subscriber(|(id, dispatch)| {
            let registry = dispatch.downcast_ref::<Registry>()?;
            registry.span(id)?.scope().find_map(|span| span.extensions().get::<Self>().copied())
        })?
    }
}

/// The trace of the request that this thread is working on.
pub(crate) fn trace() -> Option<TraceContext> {
    CURRENT.with_borrow(|current| current.as_ref().map(|scope| scope.trace))
}

/// Reads the scope of the request that this thread is working on.
pub(crate) fn with<T>(read: impl FnOnce(Option<&RequestScope>) -> T) -> T {
    CURRENT.with_borrow(|current| read(current.as_ref()))
}

/// Puts a scope back where it came from, also after a panic.
struct Entered<'a>(&'a mut Option<RequestScope>);

impl<'a> Entered<'a> {
    fn enter(scope: &'a mut Option<RequestScope>) -> Self {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, scope));
        Self(scope)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.0));
    }
}
