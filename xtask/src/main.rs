//! `cargo xtask …`: the developer's and operator's one command line.
//!
//! Each command is a file in `commands`. What they share:
//!
//! | module | owns |
//! |---|---|
//! | [`cargo`] | running cargo, and where it puts what it builds |
//! | [`display`] | showing the progress of a stack: bars on a terminal, lines elsewhere |
//! | [`failure`] | telling what failed, its last log lines, and what to do |
//! | [`signals`] | Ctrl-C and its like, as a wish to stop in order |

mod cargo;
mod commands;
mod display;
mod failure;
mod signals;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{bench, ci, demo, docs, operate, reset, seed, test, up};

/// Brings Dalkom up, shows it, tests it and measures it.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings everything up and keeps it up until Ctrl-C: MariaDB, Redis, Consul and the five services
    Up(up::Arguments),
    /// Plays a seller's and two customers' day through the gateway
    Demo(demo::Arguments),
    /// Fills the stack that is up with a made-up catalogue, the same one for the same seed number
    Seed(seed::Arguments),
    /// Runs a command of a service on the stack that is up: order-api settle --day 2026-11-22
    Run(operate::Arguments),
    /// Runs the tests on throw-away servers; arguments are passed on to `cargo test`
    Test(test::Arguments),
    /// Removes the data, keys and logs of this checkout's stack, and what was built of other commits
    Reset(reset::Arguments),
    /// Runs every check but the tests
    Ci,
    /// Writes the documents that are made from the sources
    Docs,
    /// Measures; with --against, compares with an earlier commit
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up(arguments) => up::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Seed(arguments) => seed::run(&arguments),
        Command::Run(arguments) => operate::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Reset(arguments) => reset::run(&arguments),
        Command::Ci => Ok(ci::run()),
        Command::Docs => docs::run(),
        Command::Bench(arguments) => bench::run(arguments),
    };
    outcome.unwrap_or_else(|error| failure::report(&error))
}
