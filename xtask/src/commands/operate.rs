//! `cargo xtask run member-api create-admin …`, `cargo xtask run order-api settle …`: what an operator does on the command
//! line of a service, with the settings of the stack that is up.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::cargo;

/// Such a command shows what goes wrong; that it begins and ends need not be said.
const LOG: &str = "warn";
const LOG_VARIABLE: &str = "DALKOM_LOG";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which service
    #[arg(value_parser = ["member-api", "order-api"])]
    service: String,
    /// What it is to do, with its flags; `--help` tells what it can
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(running) = stack::running(cargo::checkout())? else {
        bail!("no stack is up: `cargo xtask up` in another terminal starts one");
    };
    let mut command = running.command(cargo::checkout(), &arguments.service);
    command.args(&arguments.command);
    if std::env::var_os(LOG_VARIABLE).is_none() {
        command.env(LOG_VARIABLE, LOG);
    }
    // In place of this process, so that Ctrl-C and the exit code are the command's own.
    Err(command.exec()).context(format!("running `{}`", arguments.service))
}
