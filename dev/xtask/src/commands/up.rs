//! `cargo xtask up`: the whole stack, until Ctrl-C.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use stack::{Database, Home, Options, ServerOptions, Servers, Stack};

use crate::cargo::{self, Profile};
use crate::display::display;
use crate::failure::print_log;
use crate::signals::Signals;

/// How often the parts are checked.
const INTERVAL: Duration = Duration::from_millis(250);
/// A part that has ended more often than this within [`EXIT_WINDOW`] is not started again.
const EXITS_TOLERATED: usize = 5;
const EXIT_WINDOW: Duration = Duration::from_mins(1);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Builds with the profile that the benchmarks use: slower to build, faster to run
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?;
    let profile = if arguments.release { Profile::Release } else { Profile::Dev };
    let stack = start(&signals, profile)?;
    print_addresses(&stack);
    println!("\nCtrl-C drains and stops everything. The data stays.");
    keep_running(&stack, &signals)?;
    println!("\nStopping.");
    stack.shut_down()?;
    Ok(ExitCode::SUCCESS)
}

/// Builds and starts the lasting stack of this checkout. The servers start first, so that a second `up` fails before it
/// builds.
pub(crate) fn start(signals: &Signals, profile: Profile) -> anyhow::Result<Stack> {
    let progress = display();
    let servers = Servers::start(ServerOptions {
        home: Home::lasting(stack::checkout()),
        database: Database::MariaDb,
        interrupt: signals.interrupt(),
        progress: progress.clone(),
    })?;
    progress.note("Building the five services. The first time this takes some minutes.");
    let binaries = cargo::build_services(profile)?;
    Ok(Stack::start(servers, Options { binaries, overrides: Vec::new() })?)
}

/// Starts parts again that have ended by themselves, until a signal comes.
pub(crate) fn keep_running(stack: &Stack, signals: &Signals) -> anyhow::Result<()> {
    let mut exits: Vec<(String, Instant)> = Vec::new();
    while !signals.wait(INTERVAL) {
        for (part, status) in stack.take_exited() {
            eprintln!("\n{part} ended by itself ({status}).");
            print_log(&stack.log_tail(&part));
            exits.retain(|(_, when)| when.elapsed() < EXIT_WINDOW);
            exits.push((part.clone(), Instant::now()));
            if exits.iter().filter(|(exited, _)| *exited == part).count() > EXITS_TOLERATED {
                bail!("{part} ended more than {EXITS_TOLERATED} times within a minute");
            }
            eprintln!("Starting {part} again.");
            stack.start_again(&part).with_context(|| format!("starting {part} again"))?;
        }
    }
    Ok(())
}

fn print_addresses(stack: &Stack) {
    let gateway = stack.gateway_url();
    let home = stack.servers().home();
    println!("\nDalkom is up.\n");
    let addresses = [
        ("gateway", gateway.clone(), "where clients call"),
        ("documentation", format!("{gateway}/docs"), "every operation, to read and to try out"),
        ("settings", stack.url("config-server").unwrap_or_default(), "config-server"),
        ("instances", format!("{}/ui", stack.servers().consul_url()), "Consul"),
        ("database", format!("127.0.0.1:{}", stack.servers().database_port()), "MariaDB or MySQL"),
        ("redis", stack.servers().redis_url(), "carts"),
        ("logs", home.logs().display().to_string(), "one for each part"),
        ("secrets", home.secrets().display().to_string(), "keys and passwords; keep them private"),
    ];
    for (name, address, what) in addresses {
        println!("  {name:14} {address:42} {what}");
    }
    println!("\n  `cargo xtask demo` in another terminal plays a day through the gateway.");
}
