//! The workers of the service. It is noticed when one of them ends.

use std::collections::HashMap;

use futures::future::BoxFuture;
use tokio::task::{Id, JoinError, JoinSet};

/// The workers that run.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

/// A worker that ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerEnded {
    #[error("the worker `{0}` has ended")]
    Returned(&'static str),
    #[error("the worker `{name}` has failed")]
    Failed {
        name: &'static str,
        #[source]
        source: JoinError,
    },
}

impl Workers {
    pub(crate) fn spawn(workers: Vec<(&'static str, BoxFuture<'static, ()>)>) -> Self {
        let mut this = Self::default();
        for (name, work) in workers {
            let id = this.running.spawn(work).id();
            this.names.insert(id, name);
        }
        this
    }

    /// Waits until the first of them ends. Without workers, it waits for ever.
    pub(crate) async fn first_end(&mut self) -> WorkerEnded {
        match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => WorkerEnded::Returned(self.name(id)),
            Some(Err(source)) => WorkerEnded::Failed { name: self.name(source.id()), source },
            None => std::future::pending().await,
        }
    }

    /// Waits until all of them have ended, after they were told to.
    pub(crate) async fn all_ended(&mut self) {
        while let Some(end) = self.running.join_next_with_id().await {
            if let Err(error) = end {
                tracing::error!(worker = self.name(error.id()), %error, "a worker failed at its end");
            }
        }
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("unnamed")
    }
}
