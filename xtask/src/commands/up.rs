//! `cargo xtask up`: everything, until Ctrl-C.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use stack::{Database, Home, Options, ServerOptions, Servers, Stack};

use crate::cargo::{self, Profile};
use crate::display::display;
use crate::failure::print_log;
use crate::signals::Signals;

/// How often the parts are looked after.
const ROUND: Duration = Duration::from_millis(250);
/// A part that falls more often than this within [`FALL_WINDOW`] is not brought back any more.
const FALLS_TOLERATED: usize = 5;
const FALL_WINDOW: Duration = Duration::from_mins(1);

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
    print_places(&stack);
    println!("\nCtrl-C drains and stops all of it; the data stays.");
    look_after(&stack, &signals)?;
    println!("\nStopping.");
    stack.shut_down()?;
    Ok(ExitCode::SUCCESS)
}

/// Builds and starts the lasting stack of this checkout. The servers start first: a second `up` hears at once that
/// there is one already, and does not build for it.
pub(crate) fn start(signals: &Signals, profile: Profile) -> anyhow::Result<Stack> {
    let progress = display();
    let servers = Servers::start(ServerOptions {
        home: Home::lasting(cargo::checkout()),
        database: Database::MariaDb,
        interrupt: signals.interrupt(),
        progress: progress.clone(),
    })?;
    progress.note("Building the five services. The first time this takes some minutes.");
    let binaries = cargo::build_services(profile)?;
    Ok(Stack::start(servers, Options { binaries, overrides: Vec::new() })?)
}

/// Brings back what falls, until somebody wants it all to end.
pub(crate) fn look_after(stack: &Stack, signals: &Signals) -> anyhow::Result<()> {
    let mut falls: Vec<(String, Instant)> = Vec::new();
    while !signals.wait(ROUND) {
        for (part, status) in stack.fallen() {
            eprintln!("\n{part} ended by itself ({status}).");
            print_log(&stack.log_tail(&part));
            falls.retain(|(_, when)| when.elapsed() < FALL_WINDOW);
            falls.push((part.clone(), Instant::now()));
            if falls.iter().filter(|(fallen, _)| *fallen == part).count() > FALLS_TOLERATED {
                bail!("{part} ended more than {FALLS_TOLERATED} times within a minute");
            }
            eprintln!("Starting {part} again.");
            stack.start_again(&part).with_context(|| format!("starting {part} again"))?;
        }
    }
    Ok(())
}

fn print_places(stack: &Stack) {
    let gateway = stack.gateway_url();
    let home = stack.servers().home();
    println!("\nDalkom is up.\n");
    let places = [
        ("gateway", gateway.clone(), "where clients call"),
        ("documentation", format!("{gateway}/docs"), "every operation, to read and to try"),
        ("settings", stack.url("config-server").unwrap_or_default(), "config-server"),
        ("who is alive", format!("{}/ui", stack.servers().consul_url()), "Consul"),
        ("database", format!("127.0.0.1:{}", stack.servers().database_port()), "MariaDB or MySQL"),
        ("redis", stack.servers().redis_url(), "carts"),
        ("logs", home.logs().display().to_string(), "one for each part"),
        ("secrets", home.secrets().display().to_string(), "keys and passwords, for your eyes only"),
    ];
    for (name, place, what) in places {
        println!("  {name:14} {place:42} {what}");
    }
    println!("\n  `cargo xtask demo` in another terminal plays a day through the gateway.");
}
