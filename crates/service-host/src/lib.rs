//! The life of a process: settings, logs, metrics, registration, serving and draining.
//!
//! A service implements [`Service`] and calls [`main`]. From its start to its end a process goes through this:
//!
//! 1. The command line is read (`--help` explains every flag and variable), the log begins.
//! 2. The settings are asked for, waiting for a config-server that is not there yet, and checked: the host's own
//!    sections ([`settings`]) first, and what is left as [`Service::Settings`].
//! 3. Both ports are bound. The management port answers from here on.
//! 4. [`Service::start`] connects to what the service needs and gives its [`Parts`].
//! 5. The main port is served. When all checks pass, the process registers in Consul, as passing.
//! 6. On SIGTERM or SIGINT readiness fails and Consul is told; for `drain-delay` everything is served as before, while
//!    callers take note; then the port is closed, what runs is finished, workers are told to end, and after
//!    `drain-timeout` at the latest the process exits with 0. A second signal ends it at once.
//!
//! | file | owns |
//! |---|---|
//! | `command_line` | flags and environment |
//! | [`settings`] | the sections that every process has |
//! | `source` | where settings come from |
//! | `start`, `host`, `parts` | what a service is given, and what it gives |
//! | `run`, `signals`, `workers` | serving until told to stop, and stopping |
//! | `watch` | workers that stand still are started anew |
//! | `router`, `connections` | layers around every router; sockets and their timeouts |
//! | `management`, `readiness`, `process_metrics` | the management port |
//! | `advertise`, `user_keys` | the address for Consul; keys that verify users |

mod advertise;
mod command_line;
mod connections;
mod host;
mod management;
mod parts;
mod process_metrics;
mod readiness;
mod router;
mod run;
pub mod settings;
mod signals;
mod source;
mod start;
mod user_keys;
mod watch;
mod workers;

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use serde::de::DeserializeOwned;

pub use command_line::NoCommand;
pub use host::Host;
pub use parts::Parts;
pub use source::{ConfigServer, SettingsSource};
pub use user_keys::UserKeysFrom;
pub use watch::Progress;

use command_line::CommandLine;

/// What blocking work may still take when everything else has ended.
const LAST_BLOCKING_WORK: Duration = Duration::from_secs(1);

/// One deployable. Its `main.rs` is `fn main() -> ExitCode { service_host::main::<MyApi>() }`.
pub trait Service: Sized + 'static {
    /// Its name: of its settings, in Consul, in tokens, logs and metrics.
    const NAME: &'static str;
    /// One sentence for `--help`.
    const ABOUT: &'static str = "";
    /// Where it has the keys of user tokens from.
    const USER_KEYS: UserKeysFrom = UserKeysFrom::Issuer;

    /// Its own settings: all sections that are not the host's. Should deny unknown fields.
    type Settings: DeserializeOwned + garde::Validate<Context = ()>;
    /// What it can do besides serving: `my-api create-admin …`. [`NoCommand`] for nothing.
    type Command: clap::Subcommand;

    /// Connects to what it needs and puts its router together. An error ends the process with it as the message.
    fn start(host: &Host, settings: Self::Settings) -> impl Future<Output = anyhow::Result<Parts>>;

    /// Carries out a command that needs no settings, as one that makes a key; gives every other one back.
    fn run_without_settings(command: Self::Command) -> ControlFlow<anyhow::Result<()>, Self::Command> {
        ControlFlow::Continue(command)
    }

    /// Carries out a command, instead of serving. One that takes long looks at [`Host::shutdown`], which a signal
    /// cancels; what has not ended some seconds later is broken off.
    fn run(
        host: &Host,
        settings: Self::Settings,
        command: Self::Command,
    ) -> impl Future<Output = anyhow::Result<()>> {
        let _ = (host, settings, command);
        async { anyhow::bail!("{} has no commands", Self::NAME) }
    }
}

/// Lives the life of a process that has its settings from config-server.
pub fn main<S: Service>() -> ExitCode {
    main_with::<S, ConfigServer>()
}

/// Lives the life of a process that has its settings from `Source`, which brings flags of its own.
pub fn main_with<S: Service, Source: SettingsSource>() -> ExitCode {
    let line = CommandLine::<Source, S::Command>::read::<S>();
    if let Err(error) = telemetry::init(S::NAME, line.process.log_format, &line.process.log) {
        eprintln!("{} can't start: {}", S::NAME, telemetry::chain(&error));
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(line.process.worker_threads.get().into())
        .thread_name(S::NAME)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "can't start: no threads can be had");
            return ExitCode::FAILURE;
        }
    };
    let end = runtime.block_on(run::live::<S, Source>(line));
    runtime.shutdown_timeout(LAST_BLOCKING_WORK);
    match end {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{}: {}", S::NAME, telemetry::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
