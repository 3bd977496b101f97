//! `cargo xtask bench NAME --against COMMIT`: this tree and an earlier commit, measured in turns and compared.
//!
//! Each side runs its own services with its own `config/` on its own servers, and is measured by its own `bench`. So a
//! commit with another schema or other settings can be compared, too. A difference between the measuring programs shows in
//! the floors, in which no code of the services takes part. The report lists them separately.
//!
//! | file | owns |
//! |---|---|
//! | [`commit`] | the earlier commit: its files in a folder under `.dalkom/against`, and its build |
//! | [`child`] | running a program that Ctrl-C ends together with its children |
//! | [`figures`] | reading the figures of one run of a benchmark |
//! | [`spread`] | median and quartiles |
//! | [`report`] | the table, and which figures lose |

mod child;
mod commit;
mod figures;
mod report;
mod spread;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, ensure};
use stack::LogTail;

use crate::cargo;
use crate::display::display;
use crate::failure::print_log;
use crate::signals::Signals;
use commit::Commit;
use figures::{Figure, Round};
use report::Report;

pub(crate) use commit::folder;

const ROUNDS: u32 = 7;
/// Fewer rounds have no quartiles.
const LEAST_ROUNDS: u32 = 3;

/// A comparison.
pub(crate) struct Comparison<'a> {
    pub(crate) benchmark: &'a str,
    /// The arguments of the benchmark.
    pub(crate) arguments: Vec<OsString>,
    /// Any name that git understands.
    pub(crate) commit: &'a str,
    pub(crate) rounds: Option<u32>,
}

/// One side of the comparison.
struct Side {
    name: String,
    /// The folder of the binaries of the services and of `bench`.
    binaries: PathBuf,
}

/// Compares. The exit code is a failure if a figure of this tree loses.
pub(crate) fn run(comparison: &Comparison<'_>) -> anyhow::Result<ExitCode> {
    let rounds = comparison.rounds.unwrap_or(ROUNDS);
    ensure!(rounds >= LEAST_ROUNDS, "{rounds} rounds are too few: quartiles need {LEAST_ROUNDS} at least");
    let commit = Commit::find(comparison.commit)?;
    let signals = Signals::listen()?;
    let progress = display();
    let folder = commit.folder();

    progress.note("Building this tree with the release profile.");
    let binaries = cargo::build_for_benchmarks()?;
    let this = Side { name: "this tree".to_owned(), binaries };
    progress.note(&format!("Building {} in {}.", commit.short, folder.display()));
    let binaries = commit.build(&signals)?;
    let that = Side { name: commit.short.clone(), binaries };

    let mut measured = Vec::new();
    for number in 1..=rounds {
        let measure = |side: &Side| {
            progress.note(&format!("Round {number} of {rounds}: {}.", side.name));
            measure(side, comparison, &folder, &signals)
        };
        // The second side runs on a warmer machine with fuller caches. So the sides take turns at going second, too.
        measured.push(if number % 2 == 1 {
            let this = measure(&this)?;
            Round { this, that: measure(&that)? }
        } else {
            let that = measure(&that)?;
            Round { this: measure(&this)?, that }
        });
    }
    let report = Report::of(&measured)?;
    let arguments: Vec<_> = comparison.arguments.iter().map(|word| word.to_string_lossy()).collect();
    println!("\nbench {} {}", comparison.benchmark, arguments.join(" "));
    println!("{}\n", commit.describe()?);
    report.print(&that.name);
    Ok(if report.loses_nothing() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the benchmark once. Whether it reaches its own aims does not matter here.
fn measure(
    side: &Side,
    comparison: &Comparison<'_>,
    folder: &Path,
    signals: &Signals,
) -> anyhow::Result<Vec<Figure>> {
    let (file, log_path) = (folder.join("figures.jsonl"), folder.join("bench.log"));
    match fs::remove_file(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed.with_context(|| format!("removing {}", file.display()))?,
    }
    let log = File::create(&log_path).with_context(|| format!("opening {}", log_path.display()))?;
    let mut command = Command::new(side.binaries.join("bench"));
    command.arg("--binaries").arg(&side.binaries).arg("--figures").arg(&file);
    command.arg(comparison.benchmark).args(&comparison.arguments);
    command.stdout(log.try_clone().context("sharing a log")?).stderr(log);
    let status = child::run(&mut command, signals)?;
    // The benchmark writes this file at its end: if it is there, the benchmark was finished.
    match fs::read_to_string(&file) {
        Ok(text) => figures::read(&text).with_context(|| format!("reading {}", file.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            print_log(&LogTail::of(&log_path));
            Err(anyhow::anyhow!("the benchmark of {} wrote no figures ({status})", side.name))
        }
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}
