//! The life of a process: settings, logs, metrics, registration, serving and draining.
//!
//! A service implements [`Service`] and calls [`main`]. A process goes through these steps:
//!
//! 1. The command line is read (`--help` explains every flag and variable), and the log is set up.
//! 2. The settings are fetched; the process waits for a config-server that does not run yet. They are checked: first the host's
//!    own sections ([`settings`]), then the rest as [`Service::Settings`].
//! 3. Both ports are bound. From here on the management port answers.
//! 4. [`Service::start`] connects to what the service needs, and gives its [`App`].
//! 5. The main port is served. When all checks pass, the process registers in Consul. Changes of the settings take effect as
//!    `reload` describes.
//! 6. After SIGTERM or SIGINT the process is not ready, leaves Consul, and each of its answers says `Connection: close`. For
//!    `drain-delay` it accepts connections, until its callers have noticed. Then it closes the port, finishes the running
//!    requests, tells its workers to end, and keeps idle connections for `drain-idle` more, because a request may be on its way
//!    on them. After `drain-timeout` at the latest it exits with 0. A second signal ends it at once.
//!
//! | file | owns |
//! |---|---|
//! | `command_line` | flags and environment variables |
//! | `healthcheck` | asking a running process whether it is ready |
//! | [`settings`] | the sections that every process has |
//! | `source` | where the settings are fetched |
//! | `reload` | what happens when they change |
//! | `service` | what a service implements |
//! | `start`, `host`, `app` | what a service gets at its start, and what it gives |
//! | `run`, `signals`, `workers` | serving until the process is told to stop, and stopping |
//! | `handler`, `router` | who answers a request; the layers around every router |
//! | `connections` | connections, their limits and their end; the threads that work on them |
//! | `management`, `readiness`, `process_metrics` | the management port |
//! | `advertise`, `user_keys` | the address for Consul; the keys that verify user tokens |

mod advertise;
mod app;
mod command_line;
mod connections;
mod content_encoding;
mod front;
mod handler;
mod healthcheck;
mod host;
mod management;
mod process_metrics;
mod readiness;
mod reload;
mod router;
mod run;
mod service;
pub mod settings;
mod signals;
mod source;
mod start;
mod user_keys;
mod workers;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

pub use app::App;
pub use connections::Drain;
pub use front::{Client, Enclosure, Front, FrontAnswer};
pub use host::Host;
pub use jobs::Progress;
pub use service::{NoCommand, Service, Threads};
pub use source::{ConfigServer, Loaded, SettingsSource};
pub use user_keys::UserKeysFrom;

pub use ::settings::live::{self, Live};

use access::Verifier;
use tokio::net::TcpListener;

use command_line::{AnyCommand, CommandLine};

/// How long blocking work may take after everything else has ended.
const BLOCKING_WORK_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves an app as a process does, without the process: for tests of what a service does on the wire. It ends when `drain`
/// has closed the port and the last connection has ended.
pub async fn serve(
    listener: TcpListener,
    app: App,
    verifier: Verifier,
    settings: &settings::Server,
    drain: Drain,
) -> anyhow::Result<()> {
    let tls = start::tls(settings)?;
    let port = start::port(app.routes, app.unbounded_peers, verifier, settings, tls, drain);
    connections::serve(listener, port).await;
    Ok(())
}

/// Runs a process that has its settings from config-server.
pub fn main<S: Service>() -> ExitCode {
    main_with::<S, ConfigServer>()
}

/// Runs a process that has its settings from `Source`, which has its own flags.
pub fn main_with<S: Service, Source: SettingsSource>() -> ExitCode {
    let CommandLine { source, process, command } = CommandLine::<Source, S::Command>::read::<S>();
    let command = match command {
        Some(AnyCommand::Healthcheck) => return report_health(process.management),
        Some(AnyCommand::Own(command)) => Some(command),
        None => None,
    };
    if let Err(error) = telemetry::init(S::NAME, process.log_format, &process.log) {
        eprintln!("{} can't start: {}", S::NAME, telemetry::chain(&error));
        return ExitCode::FAILURE;
    }
    let threads = match S::THREADS {
        Threads::Shared => process.worker_threads.get().into(),
        // The threads with connections have runtimes of their own. This one is for all else.
        Threads::OwnConnections => 1,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(S::NAME)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "can't start: no threads can be made");
            telemetry::flush();
            return ExitCode::FAILURE;
        }
    };
    let end = runtime.block_on(run::run::<S, Source>(source, process, command));
    runtime.shutdown_timeout(BLOCKING_WORK_TIMEOUT);
    let code = match end {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{}: {}", S::NAME, telemetry::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    };
    telemetry::flush();
    code
}

/// The command `healthcheck`. It is run every few seconds, so it says something only if something is wrong.
fn report_health(management: Option<SocketAddr>) -> ExitCode {
    match healthcheck::run(management) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("not ready: {}", telemetry::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
