//! Who is told about the progress of a run.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::execution::StepExecution;

/// Is told about the progress of a run. The run waits for it.
pub trait Listener: Send + Sync {
    /// Is called before each chunk of a step, and after the last one.
    fn progress<'a>(&'a self, job_key: &'a str, step: &'a StepExecution) -> BoxFuture<'a, ()>;
}

/// A listener that does nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoListener;

impl Listener for NoListener {
    fn progress<'a>(&'a self, _: &'a str, _: &'a StepExecution) -> BoxFuture<'a, ()> {
        futures::future::ready(()).boxed()
    }
}
