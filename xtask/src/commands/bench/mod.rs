//! `cargo xtask bench …`: what is measured, a file for each.

mod boot;

use std::process::ExitCode;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// How long the stack takes until it is ready, and what its processes hold in memory
    Boot,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Boot => boot::run(),
    }
}
