//! `cargo xtask …`: the developer's and operator's one command line.
//!
//! Each command is a file in `commands`. What they share:
//!
//! | module | owns |
//! |---|---|
//! | [`cargo`] | running cargo, and finding what it has built |
//! | [`display`] | the progress of a stack: bars on a terminal, otherwise lines |
//! | [`failure`] | reporting what failed, the end of its log, and what to do |
//! | [`sources`] | the modules of the workspace, and which uses which |
//! | [`signals`] | Ctrl-C and similar signals, as a request to stop |

mod cargo;
mod commands;
mod display;
mod failure;
mod signals;
mod sources;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{bench, ci, compare, compose, config, demo, docs, operate, reset, roll, seed, test, up};

/// Starts, demonstrates, tests and measures Dalkom.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts MariaDB, Redis, Consul and the five services, and keeps them up until Ctrl-C
    Up(up::Arguments),
    /// Replaces the instances of a service of the running stack, without an answer lost
    Roll(roll::Arguments),
    /// Plays a day of a seller and two customers through the gateway
    Demo(demo::Arguments),
    /// Prepares what docker-compose.yml needs
    Compose(compose::Arguments),
    /// Fills the running stack with an invented catalogue, the same one for the same seed number
    Seed(seed::Arguments),
    /// Runs a command of a service on the running stack: order-api settle --day 2026-11-22
    Run(operate::Arguments),
    /// Compares config-server with a real Spring Cloud Config Server
    Compare(compare::Arguments),
    /// Shows which process runs which version of its settings, and gives a service another key
    Config(config::Arguments),
    /// Runs the tests on throw-away servers; arguments are passed on to `cargo test`
    Test(test::Arguments),
    /// Removes the data, keys and logs of this checkout's stack, and the builds of other commits
    Reset(reset::Arguments),
    /// Runs every check but the tests
    Ci,
    /// Writes the documents that are generated from the sources
    Docs,
    /// Runs a benchmark; with --against, compares with an earlier commit
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up(arguments) => up::run(&arguments),
        Command::Roll(arguments) => roll::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Compose(arguments) => compose::run(&arguments),
        Command::Seed(arguments) => seed::run(&arguments),
        Command::Run(arguments) => operate::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Reset(arguments) => reset::run(&arguments),
        Command::Ci => Ok(ci::run()),
        Command::Docs => docs::run(),
        Command::Bench(arguments) => bench::run(arguments),
    };
    outcome.unwrap_or_else(|error| failure::report(&error))
}
