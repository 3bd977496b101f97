//! What a service gives the host to run.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use futures::future::BoxFuture;
use jobs::{Progress, watch};

use crate::front::Front;
use crate::readiness::Check;
use crate::router::Around;

/// The addresses from which there may be any number of connections.
pub(crate) type UnboundedPeers = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// A service that is ready to run: its routes, its dependencies, and its workers.
pub struct App {
    pub(crate) routes: Routes,
    pub(crate) unbounded_peers: Option<UnboundedPeers>,
    pub(crate) management: Option<Router>,
    pub(crate) checks: Vec<Check>,
    pub(crate) workers: Vec<(&'static str, BoxFuture<'static, ()>)>,
}

/// The routes of a service, and how the host wraps them.
pub(crate) struct Routes {
    pub(crate) router: Router,
    pub(crate) is_public: bool,
    pub(crate) forwards_bodies: bool,
    pub(crate) around: Option<Around>,
    pub(crate) front: Option<Box<dyn Front>>,
}

impl App {
    /// A service with these routes. The host adds the layers of every router: trace, log and metrics of requests, problems for
    /// all errors, timeouts and limits, and the verifier of tokens.
    pub fn new(router: Router) -> Self {
        let routes = Routes { router, is_public: false, forwards_bodies: false, around: None, front: None };
        Self { routes, unbounded_peers: None, management: None, checks: Vec::new(), workers: Vec::new() }
    }

    /// A service that clients outside of the system call. Their requests begin new traces; a `traceparent` that they send is
    /// ignored.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.routes.is_public = true;
        self
    }

    /// A service that passes bodies on as they come, and does not read them: those with a `Content-Encoding`, too, which are else
    /// refused.
    #[must_use]
    pub fn forwards_bodies(mut self) -> Self {
        self.routes.forwards_bodies = true;
        self
    }

    /// A layer that sees every answer, also those of the layers that the host adds: unknown routes, timeouts, limits.
    #[must_use]
    pub fn around(mut self, layer: impl FnOnce(Router) -> Router + Send + 'static) -> Self {
        self.routes.around = Some(Box::new(layer));
        self
    }

    /// Answers the requests that it knows, before the routes and without the layers around them. It is for public services.
    #[must_use]
    pub fn front(mut self, front: impl Front) -> Self {
        self.routes.front = Some(Box::new(front));
        self
    }

    /// The addresses from which there may be any number of connections: those of proxies, behind which many clients are.
    #[must_use]
    pub fn unbounded_peers(mut self, is_one: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        self.unbounded_peers = Some(Box::new(is_one));
        self
    }

    /// Further routes of the management port, for operators.
    #[must_use]
    pub fn management(mut self, router: Router) -> Self {
        self.management = Some(router);
        self
    }

    /// A dependency that the service needs. While `check` fails, the process is not ready and is not called. A check that takes
    /// longer than a second has failed.
    #[must_use]
    pub fn check<F, R, E>(self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.with_check(name, true, check)
    }

    /// A dependency without which the service can do most of its work. It is only reported.
    #[must_use]
    pub fn optional_check<F, R, E>(self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.with_check(name, false, check)
    }

    /// Work that runs as long as the process, and ends when [`crate::Host::shutdown`] is cancelled. If it ends before, this is a
    /// fault, and the process stops.
    #[must_use]
    pub fn worker(mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> Self {
        self.workers.push((name, work.boxed()));
        self
    }

    /// A [`worker`](App::worker) that repeats its work, and reports each round to the [`Progress`] that `start` gets.
    ///
    /// If it reports nothing for longer than `limit`, or panics, it is dropped at its current await and restarted. So `limit`
    /// must be longer than any of its waits, and work that is dropped must be safe to repeat. If nothing has succeeded for
    /// `limit`, the dependency `worker NAME` in the readiness report is down; the process stays ready.
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::readiness::Readiness;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A service with one watched worker. At its first start it does `first`; after a restart it succeeds every second.
    fn serve_with(
        first: impl Fn(Progress) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> (Readiness, Arc<AtomicU32>) {
        let starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&starts);
        let app = App::new(Router::new()).watched_worker("baker", LIMIT, move |progress| {
            let first = (counted.fetch_add(1, Ordering::SeqCst) == 0).then(|| first(progress.clone()));
            async move {
                if let Some(first) = first {
                    first.await;
                }
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    progress.succeeded();
                }
            }
        });
        let readiness = Readiness::default();
        readiness.started(app.checks);
        for (_, worker) in app.workers {
            tokio::spawn(worker);
        }
        (readiness, starts)
    }

    async fn shown(readiness: &Readiness) -> (serde_json::Value, serde_json::Value) {
        let report = serde_json::to_value(readiness.report().await).unwrap();
        (report["status"].clone(), report["dependencies"]["worker baker"].clone())
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_shows_a_worker_that_stands_still_and_stays_as_it_is() {
        let (readiness, starts) = serve_with(|_| Box::pin(std::future::pending()));
        tokio::time::sleep(Duration::from_secs(59)).await;
        let up = serde_json::json!({"status": "up", "needed": false});
        assert_eq!((shown(&readiness).await.1, starts.load(Ordering::SeqCst)), (up.clone(), 1));

        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let (status, baker) = shown(&readiness).await;
        assert_eq!((&status, &baker["status"]), (&"ready".into(), &"down".into()));
        assert_eq!(baker["error"], "nothing was done for 61 s");

        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!((shown(&readiness).await.1, starts.load(Ordering::SeqCst)), (up, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_shows_why_all_rounds_of_a_worker_fail() {
        let failing = |progress: Progress| async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                progress.failed(&io::Error::other("no flour"));
            }
        };
        let (readiness, starts) = serve_with(move |progress| Box::pin(failing(progress)));
        tokio::time::sleep(2 * LIMIT).await;
        assert_eq!(shown(&readiness).await.1["error"], "nothing was done for 120 s; last: no flour");
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    }
}
