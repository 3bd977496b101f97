//! Serving until told to stop, and stopping.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use discovery::Registration;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::command_line::CommandLine;
use crate::connections::{self, Limits};
use crate::host::Host;
use crate::readiness::Readiness;
use crate::settings::Server;
use crate::signals::Signals;
use crate::start::{self, AllSettings};
use crate::workers::Workers;
use crate::{Parts, Service, SettingsSource, UserKeysFrom, management, router, user_keys};

/// Histograms gather what is recorded until somebody looks; this keeps them small where nobody does.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// How long a command that was told to stop may take to come to an end.
const COMMAND_STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long Consul may take to hear that we leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A process that is complete and has not begun to serve.
struct Process {
    host: Host,
    server: Server,
    router: axum::Router,
    listener: TcpListener,
    registration: Registration,
    readiness: Arc<Readiness>,
    workers: Workers,
    /// The host's own tasks, which end with the process.
    _chores: Chores,
}

/// Tasks that are broken off when the process ends.
#[derive(Default)]
struct Chores(Vec<JoinHandle<()>>);

impl Chores {
    fn begin(&mut self, chore: impl Future<Output = ()> + Send + 'static) {
        self.0.push(tokio::spawn(chore));
    }
}

impl Drop for Chores {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// The whole life of the process.
pub(crate) async fn live<S: Service, Source: SettingsSource>(
    line: CommandLine<Source, S::Command>,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("can't listen for signals")?;
    let CommandLine { source, process, command } = line;
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
    let settings: AllSettings<S> = tokio::select! {
        settings = start::settings(&source, &process) => settings?,
        signal = signals.next() => return Ok(stopped_early(signal)),
    };
    let host = start::host::<S>(&settings.consul, &settings.access)?;
    carry_out::<S>(&host, settings.service, command, signals).await
}

/// Carries a command out. A signal asks it to come to an end, which it has some time for; what does not is broken off.
async fn carry_out<S: Service>(
    host: &Host,
    settings: S::Settings,
    command: S::Command,
    mut signals: Signals,
) -> anyhow::Result<ExitCode> {
    let mut carried_out = std::pin::pin!(S::run(host, settings, command));
    let signal = tokio::select! {
        done = &mut carried_out => return done.map(|()| ExitCode::SUCCESS),
        signal = signals.next() => signal,
    };
    tracing::info!(signal, "told to stop");
    signals.end_at_the_next();
    host.shutdown.cancel();
    match tokio::time::timeout(COMMAND_STOP_TIMEOUT, carried_out).await {
        Ok(done) => done.map(|()| ExitCode::SUCCESS),
        Err(_) => anyhow::bail!("broken off by {signal}"),
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
    let settings: AllSettings<S> = start::settings(source, process).await?;
    let host = start::host::<S>(&settings.consul, &settings.access)?;
    let readiness = Arc::new(Readiness::default());
    let ports =
        start::ports(&settings.server, &settings.management, Arc::clone(&readiness), metrics.clone()).await?;
    let registration = start::registration::<S>(&ports, &settings.server, &settings.consul)?;

    let mut chores = Chores::default();
    chores.begin(upkeep(metrics));
    if S::USER_KEYS == UserKeysFrom::Issuer {
        let issuer = &settings.access.user_keys_service;
        chores.begin(user_keys::keep_fresh(&host, host.user_keys().clone(), issuer));
    }
    let Parts { router, is_entrance, mut checks, workers } = S::start(&host, settings.service).await?;
    checks.extend(start::own_checks::<S>(&host));
    readiness.started(checks);
    tracing::info!(service = S::NAME, address = %ports.main_address, management = %ports.management_address, "serving");
    Ok(Process {
        router: router::assemble(router, is_entrance, host.verifier.clone(), &settings.server),
        listener: ports.main,
        server: settings.server,
        registration,
        readiness,
        workers: Workers::spawn(workers),
        host,
        _chores: chores,
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
        let (close, leave) = (CancellationToken::new(), CancellationToken::new());
        let limits = Limits {
            first_byte: Duration::from_millis(self.server.first_byte_timeout_ms),
            header_read: Duration::from_millis(self.server.header_read_timeout_ms),
            connections: self.server.max_connections,
        };
        let requests = tokio::spawn(connections::serve(self.listener, self.router, limits, close.clone()));
        let registered = tokio::spawn(be_found(
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
            missed = self.workers.missed() => {
                tracing::error!(error = &missed as &dyn std::error::Error, "draining, for work would be left undone");
                ExitCode::FAILURE
            }
        };
        signals.end_at_the_next();

        self.readiness.drain();
        leave.cancel();
        // It logs its own troubles, and whoever did not hear of our leaving notices it by the check.
        let _ = tokio::time::timeout(LEAVE_TIMEOUT, registered).await;
        tokio::time::sleep(self.server.drain_delay()).await;
        close.cancel();
        self.host.shutdown.cancel();
        let began = Instant::now();
        let finished = async {
            let _ = requests.await;
            self.workers.ended().await;
        };
        if tokio::time::timeout(self.server.drain_timeout(), finished).await.is_err() {
            tracing::warn!("stopped with work unfinished: drain-timeout is over");
        } else {
            tracing::info!(drained_ms = began.elapsed().as_millis(), "stopped with everything finished");
        }
        code
    }
}

/// Registers once everything is there that is needed, until told to leave.
async fn be_found(
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
