//! Flags and environment variables, which a process needs before it can read its settings.

use std::net::SocketAddr;
use std::num::NonZeroU16;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use telemetry::LogFormat;

use crate::{Service, SettingsSource};

#[derive(Debug, Parser)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CommandLine<Source: Args, Command: Subcommand> {
    #[command(flatten, next_help_heading = "Settings")]
    pub(crate) source: Source,
    #[command(flatten, next_help_heading = "Process")]
    pub(crate) process: Process,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub(crate) command: Option<AnyCommand<Command>>,
}

/// A command of every process, or one of the service's own.
#[derive(Debug, Subcommand)]
pub(crate) enum AnyCommand<Command: Subcommand> {
    /// Ask the process that runs on this machine whether it is ready, at its management address
    Healthcheck,
    #[command(flatten)]
    Own(Command),
}

#[derive(Debug, Args)]
pub(crate) struct Process {
    /// The profiles of the settings, separated by commas.
    #[arg(long, env = "DALKOM_PROFILE", default_value = "default", value_name = "NAMES")]
    pub(crate) profile: String,

    /// Where to serve, in place of the setting server.address. Port 0 takes a free one.
    #[arg(long, env = "DALKOM_LISTEN", value_name = "IP:PORT")]
    pub(crate) listen: Option<SocketAddr>,

    /// Where to answer /healthz, /readyz and /metrics, in place of the setting management.address.
    #[arg(long, env = "DALKOM_MANAGEMENT", value_name = "IP:PORT")]
    pub(crate) management: Option<SocketAddr>,

    /// The format of log lines. The log goes to standard error.
    #[arg(long, env = "DALKOM_LOG_FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,

    /// What is logged: a level, and levels for parts of the process, as in info,sqlx=debug.
    #[arg(long, env = "DALKOM_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,

    /// How many threads work on requests.
    #[arg(long, env = "DALKOM_WORKER_THREADS", default_value = "2", value_name = "N")]
    pub(crate) worker_threads: NonZeroU16,
}

const AFTER_HELP: &str = "\
Everything else is a setting: see docs/settings.md.

Signals: after SIGTERM or SIGINT the process drains and ends with 0; a second signal ends it at once. SIGHUP changes nothing. A process that can't \
start says why in the last line of its log, and ends with 1.";

impl<Source: SettingsSource, Command: Subcommand> CommandLine<Source, Command> {
    /// Reads the command line of the process. For `--help`, or if it is wrong, clap prints its text and ends the process.
    pub(crate) fn read<S: Service>() -> Self {
        let mut command = Self::command().name(S::NAME).version(env!("CARGO_PKG_VERSION"));
        if !S::ABOUT.is_empty() {
            command = command.about(S::ABOUT);
        }
        let matches = command.clone().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
    }
}
