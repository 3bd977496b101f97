//! `cargo xtask run member-api create-admin …`, `cargo xtask run order-api settle …`: the commands of a service for
//! operators, with the settings of the running stack.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

/// The log level of such a command: it shows problems, and not that the command starts and ends.
const LOG: &str = "warn";
const LOG_VARIABLE: &str = "DALKOM_LOG";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The service
    #[arg(value_parser = ["member-api", "order-api"])]
    service: String,
    /// The command with its flags; `--help` lists the commands
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(running) = stack::running(stack::checkout())? else {
        bail!("no stack of this checkout is running: start one with `cargo xtask up` in another terminal");
    };
    let mut command = running.command(stack::checkout(), &arguments.service);
    command.args(&arguments.command);
    if std::env::var_os(LOG_VARIABLE).is_none() {
        command.env(LOG_VARIABLE, LOG);
    }
    // The command replaces this process, so that it gets Ctrl-C and gives the exit code.
    Err(command.exec()).context(format!("running `{}`", arguments.service))
}
