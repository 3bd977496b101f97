//! `cargo xtask bench …`: builds what is measured, and runs the package `bench`, which measures it.

use std::ffi::OsString;
use std::process::{self, ExitCode};

use anyhow::Context as _;

use crate::cargo;
use crate::display::display;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// How long the stack takes until it is ready, and what its processes hold in memory
    Boot(Passed),
    /// Cart reads and writes, against the same commands sent to Redis as they are
    Cart(Passed),
    /// Checkouts a second through the gateway, against their own SQL straight on the database
    Checkout(Passed),
    /// Charges a second, against the same statements straight on the database; and what a sign-in costs
    Wallet(Passed),
    /// Searches and lists over a thousand to a million items, against the fastest hand-written SQL
    Search(Passed),
    /// Settling a day of many lines, against plain inserts from the lines and from ready-made totals
    Settlement(Passed),
}

/// What the benchmark itself understands.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Passed {
    /// For the benchmark: `--help` tells what it takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Boot(passed) => run_package("boot", passed),
        Command::Cart(passed) => run_package("cart", passed),
        Command::Checkout(passed) => run_package("checkout", passed),
        Command::Wallet(passed) => run_package("wallet", passed),
        Command::Search(passed) => run_package("search", passed),
        Command::Settlement(passed) => run_package("settlement", passed),
    }
}

/// Builds what is measured and what measures, and runs it.
fn run_package(benchmark: &str, passed: &Passed) -> anyhow::Result<ExitCode> {
    display().note("Building the five services with the release profile.");
    let binaries = cargo::build_for_benchmarks()?;
    let mut command = process::Command::new(binaries.join("bench"));
    command.arg("--binaries").arg(binaries).arg(benchmark).args(&passed.arguments);
    let status = command.status().context("running the benchmark")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
    Ok(ExitCode::from(code))
}
