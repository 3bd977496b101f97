//! What a service gives to be run.

use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::readiness::Check;
use crate::watch::{Progress, watch};

/// A service that has been put together: its routes, what it depends on, and what it does besides answering.
pub struct Parts {
    pub(crate) router: Router,
    pub(crate) is_entrance: bool,
    pub(crate) checks: Vec<Check>,
    pub(crate) workers: Vec<(&'static str, BoxFuture<'static, ()>)>,
}

impl Parts {
    /// A service with these routes. The host adds what every router has: trace, log and metrics of requests, problems
    /// for every error, timeouts and limits, and the verifier of tokens.
    pub fn new(router: Router) -> Self {
        Self { router, is_entrance: false, checks: Vec::new(), workers: Vec::new() }
    }

    /// A service that strangers call: their requests begin traces of their own, and do not go on with one that a header
    /// names.
    #[must_use]
    pub fn entrance(mut self) -> Self {
        self.is_entrance = true;
        self
    }

    /// Something that the service can't do without. While `check` fails the process is not ready, and nobody calls it.
    /// A check that takes more than a second has failed.
    #[must_use]
    pub fn check<F, R, E>(self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.with_check(name, true, check)
    }

    /// Something without which the service can still do most of its work. It is reported, and that is all.
    #[must_use]
    pub fn optional_check<F, R, E>(self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.with_check(name, false, check)
    }

    /// Work that goes on for as long as the process does, and ends by itself when [`crate::Host::shutdown`] is
    /// cancelled. Ending before is a fault, and stops the process, so that whoever runs it starts a new one.
    #[must_use]
    pub fn worker(mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> Self {
        self.workers.push((name, work.boxed()));
        self
    }

    /// A [`worker`](Parts::worker) that repeats its work, and says so to the [`Progress`] that `start` is given.
    ///
    /// Where it says nothing for longer than `limit`, or panics, it is dropped at the point where it waits, and started
    /// anew. So `limit` is longer than anything that it waits for, and what it drops half-way can be done again. While
    /// nothing has succeeded for so long, readiness says so, under the name `worker NAME`, and stays as it is.
    #[must_use]
    pub fn watched_worker<F>(
        self,
        name: &'static str,
        limit: Duration,
        start: impl Fn(Progress) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let progress = Progress::new(name);
        let seen = progress.clone();
        self.worker(name, watch(progress, limit, start))
            .optional_check(format!("worker {name}"), move || std::future::ready(seen.check(limit)))
    }

    fn with_check<F, R, E>(mut self, name: impl Into<String>, needed: bool, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.checks.push(Check::new(name, needed, check));
        self
    }
}
