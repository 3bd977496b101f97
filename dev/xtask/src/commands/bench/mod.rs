//! `cargo xtask bench …`: builds the services and runs the package `bench`, which measures them. With `--against`, it takes
//! turns with the services of an earlier commit.

pub(super) mod against;

use std::ffi::OsString;
use std::process::{self, ExitCode};

use anyhow::{Context as _, ensure};

use crate::cargo;
use crate::display::display;
use against::Comparison;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measures this tree and an earlier commit in turns, and compares all figures: `bench boot --against HEAD~1`
    #[arg(long, global = true, value_name = "COMMIT")]
    against: Option<String>,
    /// With --against: how often each side is measured, 7 by default, 3 at least. Otherwise the option of the benchmark
    #[arg(long, global = true, value_name = "N")]
    rounds: Option<u32>,
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(clap::Subcommand)]
enum Benchmark {
    /// The time until the stack is ready, and the memory of its processes
    Boot(Passed),
    /// Cart reads and writes, against the same commands sent straight to Redis
    Cart(Passed),
    /// Checkouts a second through the gateway, against their SQL straight on the database
    Checkout(Passed),
    /// Requests a second of processor time through the gateway, against nginx and HAProxy before the same upstream
    Gateway(Passed),
    /// Charges a second, against the same statements straight on the database; and the cost of a sign-in, with its memory
    Wallet(Passed),
    /// Searches and lists over a thousand to a million items, against the fastest hand-written SQL
    Search(Passed),
    /// Settling a day of many lines, against plain inserts from the lines and from ready-made totals
    Settlement(Passed),
}

/// Arguments for the benchmark.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
struct Passed {
    /// For the benchmark: `--help` lists its options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Benchmark {
    /// Its name, the arguments of the caller, and the arguments in a comparison if the caller gives none: a single round,
    /// because the comparison itself has rounds.
    fn parts(self) -> (&'static str, Vec<OsString>, &'static [&'static str]) {
        match self {
            Self::Boot(passed) => ("boot", passed.arguments, &[]),
            Self::Cart(passed) => ("cart", passed.arguments, &["--rounds", "1", "--seconds", "2"]),
            Self::Checkout(passed) => ("checkout", passed.arguments, &["--rounds", "1", "--seconds", "4"]),
            Self::Gateway(passed) => (
                "gateway",
                passed.arguments,
                &["--rounds", "1", "--seconds", "2", "--proxies", "dalkom,nginx"],
            ),
            Self::Wallet(passed) => ("wallet", passed.arguments, &["--rounds", "1", "--seconds", "2"]),
            Self::Search(passed) => ("search", passed.arguments, &["--rounds", "1", "--sizes", "100000"]),
            Self::Settlement(passed) => {
                ("settlement", passed.arguments, &["--rounds", "1", "--lines", "1000000", "--only-days"])
            }
        }
    }
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { against, rounds, benchmark } = arguments;
    let (name, mut passed, short) = benchmark.parts();
    ensure!(
        !passed.iter().any(|word| word == "--against"),
        "--against and its --rounds must come before the options of the benchmark: bench {name} --against COMMIT -- …"
    );
    let Some(commit) = against else {
        if let Some(rounds) = rounds {
            passed.splice(0..0, ["--rounds".into(), rounds.to_string().into()]);
        }
        return run_once(name, &passed);
    };
    if passed.is_empty() {
        passed.extend(short.iter().map(OsString::from));
    }
    against::run(&Comparison { benchmark: name, arguments: passed, commit: &commit, rounds })
}

/// Builds the services and the benchmark, and runs it.
fn run_once(benchmark: &str, arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    display().note("Building the five services with the release profile.");
    let binaries = cargo::build_for_benchmarks()?;
    let mut command = process::Command::new(binaries.join("bench"));
    command.arg("--binaries").arg(binaries).arg(benchmark).args(arguments);
    let status = command.status().context("running the benchmark")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX);
    Ok(ExitCode::from(code))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn read(line: &str) -> (Option<String>, Option<u32>, &'static str, Vec<OsString>) {
        let Arguments { against, rounds, benchmark } = Line::parse_from(line.split(' ')).arguments;
        let (name, passed, _) = benchmark.parts();
        (against, rounds, name, passed)
    }

    #[test]
    fn a_comparison_has_rounds_of_its_own() {
        let line = read("bench wallet --against main --rounds 9 -- --rounds 1 --seconds 4");
        let passed = ["--rounds", "1", "--seconds", "4"].map(OsString::from).to_vec();
        assert_eq!(line, (Some("main".to_owned()), Some(9), "wallet", passed));
    }

    #[test]
    fn all_options_of_a_benchmark_reach_it() {
        let passed = ["--seconds", "4", "--rounds", "3", "--help"].map(OsString::from).to_vec();
        assert_eq!(read("bench cart --seconds 4 --rounds 3 --help"), (None, None, "cart", passed));
        assert_eq!(read("bench cart --rounds 3"), (None, Some(3), "cart", Vec::new()));
    }
}
