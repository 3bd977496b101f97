//! Serving until the process is told to stop, and stopping.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use discovery::Registration;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::connections::{self, Drain, Port};
use crate::host::Host;
use crate::management::OwnRoutes;
use crate::readiness::{self, Readiness};
use crate::reload::Reloader;
use crate::settings::Server;
use crate::signals::Signals;
use crate::start::{self, Listeners, Listening};
use crate::workers::Workers;
use crate::{App, Service, SettingsSource, UserKeysFrom, management, user_keys};

/// Histograms collect values until the metrics are read. They are compacted at this interval, also if nobody reads them.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// How long a command that was told to stop may take to end.
const COMMAND_STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a process whose port may be shared waits for its optional dependencies before it opens the port. After that, it serves
/// what it can.
const OPENING_PATIENCE: Duration = Duration::from_secs(5);

/// How long leaving Consul may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A process that is about to serve.
struct Process {
    host: Host,
    server: Server,
    port: Arc<Port>,
    drain: Drain,
    listeners: Listening,
    registration: Registration,
    readiness: Arc<Readiness>,
    workers: Workers,
    /// The host's own tasks, which end with the process.
    _background: BackgroundTasks,
}

/// Tasks that are aborted when the process ends.
#[derive(Default)]
struct BackgroundTasks(Vec<JoinHandle<()>>);

impl BackgroundTasks {
    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.push(tokio::spawn(task));
    }
}

impl Drop for BackgroundTasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Runs the process from its start to its end.
pub(crate) async fn run<S: Service, Source: SettingsSource>(
    source: Source,
    process: crate::command_line::Process,
    command: Option<S::Command>,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("can't listen for signals")?;
    let Some(command) = command else {
        return tokio::select! {
            started = start::<S>(&source, &process) => {
                Ok(started.context("can't start")?.serve(signals).await)
            }
            signal = signals.next() => Ok(stopped_early(signal)),
        };
    };
    let command = match S::run_without_settings(command) {
        ControlFlow::Continue(command) => command,
        ControlFlow::Break(done) => return done.map(|()| ExitCode::SUCCESS),
    };
    let (settings, ..) = tokio::select! {
        settings = start::settings::<S>(&source, &process) => settings?,
        signal = signals.next() => return Ok(stopped_early(signal)),
    };
    let host = start::host::<S>(&settings.consul, &settings.access)?;
    run_command::<S>(&host, settings.service, command, signals).await
}

/// Runs a command. After a signal it has some time to end; then it is aborted.
async fn run_command<S: Service>(
    host: &Host,
    settings: S::Settings,
    command: S::Command,
    mut signals: Signals,
) -> anyhow::Result<ExitCode> {
    let mut running = std::pin::pin!(S::run(host, settings, command));
    let signal = tokio::select! {
        done = &mut running => return done.map(|()| ExitCode::SUCCESS),
        signal = signals.next() => signal,
    };
    tracing::info!(signal, "told to stop");
    signals.exit_at_the_next();
    host.shutdown.cancel();
    match tokio::time::timeout(COMMAND_STOP_TIMEOUT, running).await {
        Ok(done) => done.map(|()| ExitCode::SUCCESS),
        Err(_) => anyhow::bail!("aborted by {signal}"),
    }
}

fn stopped_early(signal: &str) -> ExitCode {
    tracing::info!(signal, "told to stop before the work began");
    ExitCode::SUCCESS
}

/// Everything up to the moment of serving.
async fn start<S: Service>(
    source: &impl SettingsSource,
    process: &crate::command_line::Process,
) -> anyhow::Result<Process> {
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(service = S::NAME, version, pid = std::process::id(), "starting");
    let metrics = management::record_metrics(S::NAME)?;
    let (settings, running, follower) = start::settings::<S>(source, process).await?;
    let host = start::host::<S>(&settings.consul, &settings.access)?;
    let readiness = Arc::new(Readiness::default());
    let tls = start::tls(&settings.server)?;
    let own_routes = OwnRoutes::default();
    let ports = start::ports::<S>(
        &settings.server,
        process.worker_threads,
        &settings.management,
        Arc::clone(&readiness),
        metrics.clone(),
        Arc::clone(&own_routes),
    )
    .await?;
    let registration = start::registration::<S>(&ports, &settings.server, &settings.consul)?;

    let mut background = BackgroundTasks::default();
    background.spawn(upkeep(metrics));
    if let Some(tls) = &tls {
        background.spawn(Arc::clone(tls).keep_fresh());
    }
    if S::USER_KEYS == UserKeysFrom::Issuer {
        let issuer = &settings.access.user_keys_service;
        background.spawn(user_keys::keep_fresh(&host, host.user_keys().clone(), issuer));
    }
    let App { routes, unbounded_peers, management, mut checks, workers } =
        S::start(&host, settings.service).await?;
    if let Some(management) = management {
        own_routes.get_or_init(|| management);
    }
    checks.extend(start::own_checks::<S>(&host));
    let workers = Workers::spawn(workers);
    if matches!(ports.main, Listeners::OfThreads(_)) {
        // The first request must find what it needs, because other processes may share the port and serve it meanwhile.
        readiness::wait_until_up(&checks, OPENING_PATIENCE).await;
    }
    let listeners = ports.main.listen().context("can't listen")?;
    readiness.started(checks);
    let snapshot = follower.as_ref().and_then(|follower| follower.started_with_snapshot().cloned());
    let reloader = Reloader::<S>::new(running, &registration.id, Arc::clone(&readiness), snapshot);
    if let Some(follower) = follower {
        background.spawn(reloader.follow(follower));
    }
    tracing::info!(service = S::NAME, address = %ports.main_address, management = %ports.management_address, "serving");
    let (drain, verifier) = (Drain::default(), host.verifier.clone());
    Ok(Process {
        port: start::port(routes, unbounded_peers, verifier, &settings.server, tls, drain.clone()),
        drain,
        listeners,
        server: settings.server,
        registration,
        readiness,
        workers,
        host,
        _background: background,
    })
}

async fn upkeep(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(METRICS_UPKEEP).await;
        metrics.run_upkeep();
    }
}

impl Process {
    /// Serves until a signal, or the end of a worker, and drains. A worker's end is a failure.
    async fn serve(mut self, mut signals: Signals) -> ExitCode {
        let leave = CancellationToken::new();
        let requests = tokio::spawn(serve(self.host.service, self.listeners, self.port));
        let registered = tokio::spawn(register_when_ready(
            self.host.consul.clone(),
            self.registration,
            Arc::clone(&self.readiness),
            leave.clone(),
        ));

        let code = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "told to stop; draining");
                ExitCode::SUCCESS
            }
            ended = self.workers.first_end() => {
                tracing::error!(error = &ended as &dyn std::error::Error, "draining, because a worker has ended");
                ExitCode::FAILURE
            }
        };
        signals.exit_at_the_next();

        self.readiness.drain();
        self.drain.begin();
        leave.cancel();
        // It logs its own failures. If Consul was not told, its check notices that the process is not ready.
        let _ = tokio::time::timeout(LEAVE_TIMEOUT, registered).await;
        tokio::time::sleep(self.server.drain_delay()).await;
        self.drain.close_port();
        self.host.shutdown.cancel();
        let began = Instant::now();
        let finished = async {
            let _ = requests.await;
            self.workers.all_ended().await;
        };
        if tokio::time::timeout(self.server.drain_timeout(), finished).await.is_err() {
            tracing::warn!("stopped with work unfinished: drain-timeout is over");
        } else {
            tracing::info!(drained_ms = began.elapsed().as_millis(), "stopped with everything finished");
        }
        code
    }
}

/// Serves the main port until it is to be closed and the last connection has ended.
async fn serve(service: &'static str, listeners: Listening, port: Arc<Port>) {
    match listeners {
        Listening::Shared(listener) => connections::serve(listener, port).await,
        Listening::OfThreads(listeners) => {
            if let Err(error) = connections::serve_on_threads(service, listeners, port).await {
                tracing::error!(%error, "can't make the threads for connections");
            }
        }
    }
}

/// Registers the process as soon as it is ready, until `leave` is cancelled.
async fn register_when_ready(
    consul: discovery::Consul,
    registration: Registration,
    readiness: Arc<Readiness>,
    leave: CancellationToken,
) {
    tokio::select! {
        () = readiness.ready() => {}
        () = leave.cancelled() => return,
    }
    tracing::info!("ready");
    consul.keep_registered(&registration, leave).await;
}
